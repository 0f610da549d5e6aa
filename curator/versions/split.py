"""Splits that share nothing: records of one group, or with one prompt, always stand on the same side.

A component (records joined by group or prompt) is placed by a hash of its smallest key, so a component keeps its place
when other data is added. Shares are therefore met on average, not exactly; small data sets deviate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from curator.quality.fingerprint import prompt_hash
from schemas.record import Record
from schemas.version import Split, SplitPlan


class Keys(NamedTuple):
    """What ties a record to others."""

    prompt: str
    """Hash of everything that the model is given before the response."""
    groups: tuple[str, ...] = ()
    """The user's own keys, if the record has any."""


def keys_of(record: Record) -> Keys:
    """The keys of a record."""
    prompt = prompt_hash("\n".join(f"{message.role}: {message.content}" for message in record.context))
    return Keys(f"prompt {prompt}", tuple(f"group {group}" for group in record.groups))


def assign(records: Sequence[Keys], plan: SplitPlan) -> list[Split]:
    """The split of every record, in the order given."""
    parents: dict[str, str] = {}

    def root(key: str) -> str:
        while parents.setdefault(key, key) != key:
            parents[key] = parents[parents[key]]  # halving the path keeps later look-ups short
            key = parents[key]
        return key

    for keys in records:
        for group in keys.groups:
            low, high = sorted((root(keys.prompt), root(group)))
            parents[high] = low  # the smallest key stands for the component, whatever the order of the records
    return [_place(root(keys.prompt), plan) for keys in records]


def leaks(records: Sequence[Keys], splits: Sequence[Split]) -> Iterator[tuple[str, set[Split]]]:
    """Every key that stands in more than one split, with those splits; none, unless `assign` is wrong."""
    seen: dict[str, set[Split]] = {}
    for keys, split in zip(records, splits, strict=True):
        for key in (keys.prompt, *keys.groups):
            seen.setdefault(key, set()).add(split)
    return ((key, found) for key, found in seen.items() if len(found) > 1)


def _place(key: str, plan: SplitPlan) -> Split:
    digest = hashlib.sha256(f"{plan.salt}\n{key}".encode()).digest()
    position = int.from_bytes(digest[:8]) / 2**64
    if position < plan.test:
        return Split.TEST
    return Split.VALIDATION if position < plan.test + plan.validation else Split.TRAIN
