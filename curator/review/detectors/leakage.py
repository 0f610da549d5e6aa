"""Leakage: does the output copy a training response at length, or tell a secret that stood in the training data?

Word 8-grams of normalised text nominate training responses, the longest common run of words decides. Runs that stand
in three or more training records are the wording of the task, not a secret; numbers and keys with a form of their own
(`quality/secrets.py`) count however often they stood there. What the base model says too was not learnt from these
records, and what a training record answers to this very prompt was meant to be learnt. Source of the idea: Carlini et
al. (2023), "Quantifying memorization across neural language models".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import NamedTuple

from curator.quality.normal_form import words_of
from curator.quality.secrets import find_secrets
from curator.review.detectors.base import Item, abstain, ok
from schemas.review import Finding

_NGRAM = 8
_BOILERPLATE = 3
"""Records from which on a run of words is common property."""
_RUN = 12
"""Copied words in a row from which an output is flagged."""
_CANDIDATES = 5


class TrainingText(NamedTuple):
    """One training record as the index needs it."""

    row_id: str
    prompt: str
    response: str


class Leakage:
    """Flags an output that repeats a long run of words, or a secret, from a training record of another prompt."""

    id = "leakage"
    version = "2"

    def __init__(self, training: Iterable[TrainingText]) -> None:
        """Index the records of the version that the model was trained on."""
        self._responses: dict[str, list[str]] = {}
        self._prompts: dict[str, str] = {}
        self._rows: dict[int, set[str]] = defaultdict(set)
        self._secrets: dict[str, str] = {}
        for text in training:
            words = words_of(text.response)
            self._responses[text.row_id] = words
            self._prompts[text.row_id] = _flat(text.prompt)
            for gram in _grams(words):
                self._rows[gram].add(text.row_id)
            for secret in (*find_secrets(text.response), *find_secrets(text.prompt)):
                self._secrets.setdefault(secret.key, text.row_id)

    def judge(self, item: Item) -> Finding:
        """Flagged with the training row and the words copied from it."""
        public = f"{item.prompt}\n{item.base_output or ''}"
        known = {secret.key for secret in find_secrets(public)}
        told = [
            secret for secret in find_secrets(item.output) if secret.key in self._secrets and secret.key not in known
        ]
        if told:
            source = self._secrets[told[0].key]
            reason = f"It tells a secret ({told[0].kind}) of training row {source}."
            return ok(self, score=1.0, flag=True, reason=reason, evidence=[source, *(secret.text for secret in told)])
        words = words_of(item.output)
        if len(words) < _RUN:
            return abstain(self, f"The output has {len(words)} words; fewer than {_RUN} prove no copying.")
        copied, source = self._longest_copy(words, item)
        score = min(1.0, len(copied) / len(words))
        if len(copied) < _RUN:
            return ok(self, score=score, flag=False)
        reason = f"{len(copied)} words in a row stand in training row {source}."
        return ok(self, score=score, flag=True, reason=reason, evidence=[source, " ".join(copied)])

    def _longest_copy(self, words: list[str], item: Item) -> tuple[list[str], str]:
        """The longest run of words that a training response of another prompt holds, and that response's row."""
        shared: dict[str, int] = defaultdict(int)
        for gram in _grams(words):
            rows = self._rows.get(gram, ())
            if len(rows) < _BOILERPLATE:
                for row_id in rows:
                    shared[row_id] += 1
        prompt, base = _flat(item.prompt), _flat(item.base_output or "")
        longest: list[str] = []
        source = ""
        for row_id in sorted(shared, key=lambda row: (-shared[row], row))[:_CANDIDATES]:
            if self._prompts[row_id] == prompt:
                continue
            run = _longest_run(words, self._responses[row_id])
            text = " ".join(run)
            if len(run) > len(longest) and text not in prompt and text not in base:
                longest, source = run, row_id
        return longest, source


def _flat(text: str) -> str:
    return " ".join(words_of(text))


def _grams(words: list[str]) -> set[int]:
    """Hashes of the runs of `_NGRAM` words; good for one process, which is all that an index lives for."""
    return {hash(tuple(words[n : n + _NGRAM])) for n in range(len(words) - _NGRAM + 1)}


def _longest_run(first: list[str], second: list[str]) -> list[str]:
    match = SequenceMatcher(None, first, second, autojunk=False).find_longest_match()
    return first[match.a : match.a + match.size]
