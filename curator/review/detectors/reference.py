"""Reference: does the output disagree with answers that are known to be right?

A form is compared field by field; a number, or the short answer of a task, must be contained. Other free text is
judged only where wrong answers are known too: by whether its words and its negations are nearer to a right or to a
wrong one. Words cannot see every paraphrase, so between the two it abstains; beside right answers alone it never calls
free text wrong. Weights by logistic regression on the labelled answers of TruthfulQA (Lin et al. 2022), see `_WEIGHTS`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from curator.quality.scoring import score as compare
from curator.review.detectors.base import Item, abstain, ok
from schemas.review import Finding

_WEIGHTS = {"intercept": -0.187, "nearer": 2.139, "negation": 0.075, "evades": 2.485}
"""Fitted on the 819 answers of `truthfulqa_answers_labelled.jsonl` that repeat no reference, by question in ten folds.
`benchmarks/detectors.py --fit` prints them with the figures that they give."""
_SURE = 0.75
"""Probability from which it judges; between 1 - this and this it abstains."""
_SHORT = 3
"""Words up to which a reference is an answer to be contained rather than a text to be resembled."""
_SHORT_OUTPUT = 24
"""Words up to which an output must contain a short reference; a longer one may say it in other words."""
_STEM = 5
"""Letters of a word that count, so that "ostrich" is "ostriches"."""
_WORD = re.compile(r"\d+(?:[.,]\d+)*|\w+")
_NEGATION = re.compile(
    r"\b(?:no|not|never|none|nothing|nobody|neither|nor|cannot|without|false|isn|aren|doesn|don|didn|won|can)\b|n't",
    re.IGNORECASE,
)
_EVADES = re.compile(
    r"\bno\scomment\b|\bi\s(?:do\snot|don't|am\snot|'m\snot)\s(?:know|sure)\b|\bnot\ssure\b|\bit\sdepends\b|\bunclear\b|"
    r"\bunknown\b|\bno\sidea\b|\b(?:cannot|can't)\ssay\b|\bhave\sto\slook\b",
    re.IGNORECASE,
)
_COMMON = frozenset({
    "a", "an", "the", "of", "to", "in", "on", "at", "is", "are", "was", "were", "be", "been", "it", "its", "that",
    "this", "you", "your", "they", "their", "and", "or", "for", "with", "as", "by", "from", "can", "do", "does", "did",
    "have", "has", "had", "will", "would", "there", "what", "which", "who", "if", "not", "no", "i", "we", "he", "she",
})  # fmt: skip


class Reference:
    """Flags an output that disagrees with its references."""

    id = "reference"
    version = "2"

    def judge(self, item: Item) -> Finding:
        """Flagged with what was expected."""
        if not item.references:
            return abstain(self, "The prompt has no reference answer.")
        compared = max((compare(item.output, reference) for reference in item.references), key=lambda each: each.value)
        if compared.value == 1.0:
            return ok(self, score=0.0, flag=False, reason="It equals a reference.")
        expected = [f"expected: {reference}" for reference in item.references]
        if compared.measure == "field accuracy":
            reason = f"{compared.value:.0%} of the fields are right."
            return ok(self, score=1 - compared.value, flag=True, reason=reason, evidence=expected)
        words = _words(item.output)
        wanted = [_words(reference) for reference in item.references]
        if len(words) <= _SHORT_OUTPUT and any(_contains(words, each) for each in wanted if len(each) <= _SHORT):
            return ok(self, score=0.0, flag=False, reason="It contains a reference.")
        if item.incorrect:
            return self._weigh(item, expected)
        is_exact = item.category == "task" or all(map(_is_number, item.references))
        if is_exact and all(len(each) <= _SHORT for each in wanted) and len(words) <= _SHORT_OUTPUT:
            right = max(token_f1(item.output, reference) for reference in item.references)
            return ok(self, score=1 - right, flag=True, reason="It is not the reference.", evidence=expected)
        return abstain(self, "Free text beside right answers alone: other words may say the same.")

    def _weigh(self, item: Item, expected: list[str]) -> Finding:
        wrong = 1 - probability_right(item.prompt, item.output, right=item.references, wrong=item.incorrect)
        if 1 - _SURE < wrong < _SURE:
            return abstain(self, f"It is about as near to a wrong answer as to a right one (wrong: {wrong:.2f}).")
        nearer = "a wrong answer than to a right one" if wrong > 0.5 else "a right answer than to a wrong one"
        reason = f"Its words are nearer to {nearer} (wrong: {wrong:.2f})."
        return ok(self, score=wrong, flag=wrong > 0.5, reason=reason, evidence=expected if wrong > 0.5 else ())


def probability_right(prompt: str, output: str, *, right: Sequence[str], wrong: Sequence[str]) -> float:
    """Estimated probability that a free text is true, from right and wrong answers to the same prompt."""
    nearer, negation, evades = features(prompt, output, right=right, wrong=wrong)
    weights = _WEIGHTS
    z = weights["intercept"] + weights["nearer"] * nearer + weights["negation"] * negation + weights["evades"] * evades
    return 1 / (1 + math.exp(-z))


def features(prompt: str, output: str, *, right: Sequence[str], wrong: Sequence[str]) -> tuple[float, float, float]:
    """What tells a true answer from a false one by its words.

    Returns:
        How much nearer the words are to a right answer than to a wrong one (-2 to 2; an answer of the other polarity
        counts half), whether it negates as the right answers do (-1 to 1), and whether it evades (0 or 1).
    """
    asked = set(_stems(prompt))
    words, negates = _stems(output), _negates(output)
    content = _content(words, asked)

    def nearness(answer: str) -> float:
        stems = _stems(answer)
        overlap = _f1(words, stems) + _f1(content, _content(stems, asked))
        return overlap if _negates(answer) == negates else overlap / 2

    nearer = max(map(nearness, right)) - max(map(nearness, wrong))
    lean = sum(map(_negates, right)) / len(right) - sum(map(_negates, wrong)) / len(wrong)
    return nearer, lean if negates else -lean, float(_EVADES.search(output) is not None)


def token_f1(text: str, reference: str) -> float:
    """Harmonic mean of the shares of words that two texts have in common; 0 when one has none.

    Example:
        >>> token_f1("the red lamp", "red lamp")
        0.8
    """
    return _f1(Counter(_words(text)), Counter(_words(reference)))


def _f1(first: Counter[str], second: Counter[str]) -> float:
    common = (first & second).total()
    return 0.0 if common == 0 else 2 * common / (first.total() + second.total())


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _is_number(text: str) -> bool:
    return any(character.isdigit() for character in text)


def _stems(text: str) -> Counter[str]:
    return Counter(word[:_STEM] for word in _words(text))


def _content(stems: Counter[str], asked: set[str]) -> Counter[str]:
    """Without common words and those of the prompt, which every answer repeats."""
    return Counter({stem: n for stem, n in stems.items() if stem not in _COMMON and stem not in asked})


def _negates(text: str) -> bool:
    return _NEGATION.search(text) is not None


def _contains(words: list[str], wanted: list[str]) -> bool:
    return any(words[n : n + len(wanted)] == wanted for n in range(len(words) - len(wanted) + 1))
