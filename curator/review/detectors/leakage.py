"""Leakage: does the output copy a training response at length?

Word 8-grams nominate training responses, the longest common run of words decides. Runs that stand in three or more
training records are the wording of the task, not a secret, and do not count. Source of the idea: Carlini et al. (2023),
"Quantifying memorization across neural language models".
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import NamedTuple

from curator.review.detectors.base import Item, abstain, ok
from schemas.review import Finding

_NGRAM = 8
_BOILERPLATE = 3
"""Records from which on a run of words is common property."""
_RUN = 12
"""Copied words in a row from which an output is flagged."""
_CANDIDATES = 5
_WORD = re.compile(r"\w+|[^\w\s]")


class TrainingText(NamedTuple):
    """One training record as the index needs it."""

    row_id: str
    prompt: str
    response: str


class Leakage:
    """Flags an output that repeats a long run of words from a training response to another prompt."""

    id = "leakage"
    version = "1"

    def __init__(self, training: Iterable[TrainingText]) -> None:
        """Index the responses of the version that the model was trained on."""
        self._responses: dict[str, list[str]] = {}
        self._rows: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for text in training:
            words = _words(text.response)
            self._responses[text.row_id] = words
            for gram in _grams(words):
                self._rows[gram].add(text.row_id)

    def judge(self, item: Item) -> Finding:
        """Flagged with the training row and the words copied from it."""
        words = _words(item.output)
        if len(words) < _RUN:
            return abstain(self, f"The output has {len(words)} words; fewer than {_RUN} prove no copying.")
        shared: dict[str, int] = defaultdict(int)
        given = _flat(item.prompt)
        for gram in _grams(words):
            rows = self._rows.get(gram, set())
            if len(rows) < _BOILERPLATE:
                for row_id in rows:
                    shared[row_id] += 1
        longest, source = 0, ""
        copied: list[str] = []
        for row_id in sorted(shared, key=lambda row: (-shared[row], row))[:_CANDIDATES]:
            run = _longest_run(words, self._responses[row_id])
            if len(run) > longest and _flat(" ".join(run)) not in given:  # words of the prompt may be repeated
                longest, source, copied = len(run), row_id, run
        score = min(1.0, longest / len(words))
        if longest < _RUN:
            return ok(self, score=score, flag=False)
        reason = f"{longest} words in a row stand in training row {source}."
        return ok(self, score=score, flag=True, reason=reason, evidence=[source, " ".join(copied)])


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _flat(text: str) -> str:
    return " ".join(_words(text))


def _grams(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[n : n + _NGRAM]) for n in range(len(words) - _NGRAM + 1)}


def _longest_run(first: list[str], second: list[str]) -> list[str]:
    match = SequenceMatcher(None, first, second, autojunk=False).find_longest_match()
    return first[match.a : match.a + match.size]
