"""Reference: does the output disagree with an answer that is known to be right?

Where wrong answers are known too, words decide: token F1 to the right answer minus that to the nearest wrong
one, with abstention in between. Where only a right answer is known, a short one must be contained, and a
form is compared field by field. Words cannot see paraphrase and negation, so it abstains when the gap is small.
"""

from __future__ import annotations

import re
from collections import Counter

from curator.quality.scoring import score as compare
from curator.review.detectors.base import Item, abstain, ok
from schemas.review import Finding

_GAP = 0.25
"""Difference of token F1 below which the words do not tell right from wrong."""
_SHORT = 6
"""Words up to which a reference is an answer to be contained rather than a text to be resembled."""
_WORD = re.compile(r"\d+(?:[.,]\d+)*|\w+")


class Reference:
    """Flags an output that disagrees with its reference."""

    id = "reference"
    version = "1"

    def judge(self, item: Item) -> Finding:
        """Flagged with what was expected."""
        if item.reference is None:
            return abstain(self, "The prompt has no reference answer.")
        compared = compare(item.output, item.reference)
        if compared.value == 1.0:
            return ok(self, score=0.0, flag=False, reason="It equals the reference.")
        expected = [f"expected: {item.reference}"]
        if compared.measure == "field accuracy":
            reason = f"{compared.value:.0%} of the fields are right."
            return ok(self, score=1 - compared.value, flag=True, reason=reason, evidence=expected)
        right = token_f1(item.output, item.reference)
        if item.incorrect:
            gap = right - max(token_f1(item.output, wrong) for wrong in item.incorrect)
            if abs(gap) < _GAP:
                return abstain(self, f"Its words are as near to a wrong answer as to the right one (gap {gap:.2f}).")
            reason = f"Its words are nearer to {'the right' if gap > 0 else 'a wrong'} answer (gap {gap:.2f})."
            return ok(self, score=(1 - gap) / 2, flag=gap < 0, reason=reason, evidence=expected)
        words, wanted = _words(item.output), _words(item.reference)
        if len(wanted) <= _SHORT:
            if _contains(words, wanted) and len(words) <= 4 * _SHORT:
                return ok(self, score=0.0, flag=False, reason="It contains the reference.")
            return ok(self, score=1 - right, flag=True, reason="It is not the reference.", evidence=expected)
        if right < _GAP:
            return ok(self, score=1 - right, flag=True, reason="It shares few words with it.", evidence=expected)
        return abstain(self, f"It is neither equal to the reference nor far from it (token F1 {right:.2f}).")


def token_f1(text: str, reference: str) -> float:
    """Harmonic mean of the shares of words that two texts have in common; 0 when one has none.

    Example:
        >>> token_f1("the red lamp", "red lamp")
        0.8
    """
    first, second = Counter(_words(text)), Counter(_words(reference))
    common = sum((first & second).values())
    return 0.0 if common == 0 else 2 * common / (first.total() + second.total())


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _contains(words: list[str], wanted: list[str]) -> bool:
    return any(words[n : n + len(wanted)] == wanted for n in range(len(words) - len(wanted) + 1))
