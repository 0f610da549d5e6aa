"""Splits that share nothing: records of one group, or with one prompt, always stand on the same side.

A unit (records joined by group or prompt, see `quality.units`) is placed by a hash of its smallest key, so it keeps its
place when other data is added. Shares are therefore met on average, not exactly; small data sets deviate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from curator.quality.units import Keys, units
from schemas.version import Split, SplitPlan


def assign(records: Sequence[Keys], plan: SplitPlan) -> list[Split]:
    """The split of every record, in the order given."""
    return [_place(unit, plan) for unit in units(records)]


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
