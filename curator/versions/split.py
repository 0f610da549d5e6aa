"""Splits that share nothing: records that belong together (`quality.units`) always stand on the same side.

A unit is placed as a whole. It keeps the split in which its oldest record was frozen; the others are placed in the
order of a hash, so that neither the order of the records nor chance takes part, and fill test and validation up to
their share.

Its caller reads earlier versions; this module knows neither files nor the store.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from curator.quality.units import Keys, units
from schemas.version import Split, SplitPlan


class Frozen(NamedTuple):
    """Where a record stood before."""

    age: int
    """Place of its oldest version among all, the oldest being 0."""
    split: Split
    """Where its newest version put it."""


class Merge(NamedTuple):
    """Records that were frozen into different splits and belong together now."""

    records: tuple[int, ...]
    """Their places, the oldest first; only those that were frozen."""
    splits: tuple[Split, ...]
    """Where they stood."""


class Assignment(NamedTuple):
    """A split for every record."""

    splits: list[Split]
    """In the order of the records."""
    merges: list[Merge]
    """Units that stood in more than one split."""
    warnings: list[str]
    """Where shares could not be met, in sentences."""


class _Unit(NamedTuple):
    place: bytes
    """Where it stands among others: a hash of its name."""
    records: list[int]
    stratum: str


def assign(
    records: Sequence[Keys],
    plan: SplitPlan,
    *,
    strata: Sequence[str] | None = None,
    frozen: Sequence[Frozen | None] | None = None,
    to_train: bool = False,
) -> Assignment:
    """The split of every record.

    Args:
        records: In any order; the same records get the same splits in every order.
        plan: Shares of the splits.
        strata: A value per record; the records of each value are divided by the plan, as far as units allow.
        frozen: Where each record stood before, if it did.
        to_train: Units that stood in more than one split go to train, instead of where their oldest record stands.
    """
    if plan.validation == plan.test == 0:
        return Assignment([Split.TRAIN] * len(records), [], [])
    gathered = _units(records, strata or [""] * len(records), plan)
    kept, merges = _kept(gathered, records, frozen or [None] * len(records), to_train=to_train)
    placed = _fill(gathered, kept, plan)
    splits = [Split.TRAIN] * len(records)
    for unit, split in zip(gathered, placed, strict=True):
        for n in unit.records:
            splits[n] = split
    return Assignment(splits, merges, list(_warnings(gathered, splits, plan)))


def _units(records: Sequence[Keys], strata: Sequence[str], plan: SplitPlan) -> list[_Unit]:
    """Records that belong together, in the order of their hash; a unit's stratum is that of most of its records."""
    members: dict[str, list[int]] = {}
    for n, name in enumerate(units(records)):
        members.setdefault(name, []).append(n)
    gathered = []
    for name, some in members.items():
        counts = Counter(strata[n] for n in some)
        stratum = min(counts, key=lambda value: (-counts[value], value))
        place = hashlib.sha256(f"{plan.salt}\n{name}".encode("utf-8", "surrogatepass")).digest()
        gathered.append(_Unit(place, some, stratum))
    return sorted(gathered)


def _kept(
    gathered: Sequence[_Unit], records: Sequence[Keys], frozen: Sequence[Frozen | None], *, to_train: bool
) -> tuple[dict[int, Split], list[Merge]]:
    """The split of every unit that stood somewhere, by its place, and the units that stood in more than one."""
    kept: dict[int, Split] = {}
    merges: list[Merge] = []
    for n, unit in enumerate(gathered):
        known = [(stood, i) for i in unit.records if (stood := frozen[i]) is not None]
        if not known:
            continue
        known.sort(key=lambda each: (each[0].age, list(Split).index(each[0].split), records[each[1]]))
        stood_in = {stood.split for stood, _ in known}
        kept[n] = known[0][0].split
        if len(stood_in) > 1:
            where = tuple(split for split in Split if split in stood_in)
            merges.append(Merge(tuple(i for _, i in known), where))
            kept[n] = Split.TRAIN if to_train else kept[n]
    return kept, merges


_SHARES = (Split.TEST, Split.VALIDATION)


def _share(plan: SplitPlan, split: Split) -> float:
    return {Split.TRAIN: plan.train, Split.VALIDATION: plan.validation, Split.TEST: plan.test}[split]


def _fill(gathered: Sequence[_Unit], kept: dict[int, Split], plan: SplitPlan) -> list[Split]:
    """A split for every unit: those that stood somewhere keep it, the others fill test and validation."""
    room: dict[tuple[str, Split], int] = {}
    sizes: Counter[str] = Counter()
    for unit in gathered:
        sizes[unit.stratum] += len(unit.records)
    before = 0
    for stratum in sorted(sizes):  # rounded in turn, so that the whole is right within one row
        for split in _SHARES:
            share = _share(plan, split)
            room[stratum, split] = round(share * (before + sizes[stratum])) - round(share * before)
        before += sizes[stratum]
    for n, split in kept.items():
        if split is not Split.TRAIN:
            room[gathered[n].stratum, split] -= len(gathered[n].records)
    placed = []
    for n, unit in enumerate(gathered):
        fitting = (split for split in _SHARES if 0 < len(unit.records) <= room[unit.stratum, split])
        split = kept.get(n) or next(fitting, Split.TRAIN)
        if n not in kept and split is not Split.TRAIN:
            room[unit.stratum, split] -= len(unit.records)
        placed.append(split)
    _leave_none_empty(gathered, placed, kept, plan)
    return placed


def _leave_none_empty(gathered: Sequence[_Unit], placed: list[Split], kept: dict[int, Split], plan: SplitPlan) -> None:
    """Give a split that got nothing the smallest unit that may move, if another one stays behind."""
    for split in (*_SHARES, Split.TRAIN):
        if _share(plan, split) == 0 or split in placed:
            continue
        counts = Counter(placed)
        movable = [n for n in range(len(gathered)) if n not in kept and counts[placed[n]] > 1]
        if movable:
            placed[min(movable, key=lambda n: (len(gathered[n].records), n))] = split


_TOLERANCE = 0.01
"""Share of all rows by which a split may miss its plan before it is said."""
_SHOWN = 3


def _warnings(gathered: Sequence[_Unit], splits: Sequence[Split], plan: SplitPlan) -> Iterator[str]:
    total = len(splits)
    least = min((split for split in Split if _share(plan, split) > 0), key=lambda split: _share(plan, split))
    wanted = _share(plan, least) * total
    large = sorted((len(c.records) for c in gathered if len(c.records) > max(1, wanted)), reverse=True)
    for size in large[:_SHOWN]:
        yield (
            f"{size:,} of {total:,} rows belong together, more than the {wanted:,.0f} of {least.value}; "
            "they stand in one split."
        )
    if len(large) > _SHOWN:
        yield f"{len(large) - _SHOWN:,} more groups of rows are larger than {least.value}."
    counts = Counter(splits)
    for split in Split:
        share = counts[split] / total if total else 0.0
        if abs(share - _share(plan, split)) > max(_TOLERANCE, 1 / max(1, total)):
            yield f"{split.value} holds {share:.1%} of the rows instead of {_share(plan, split):.1%}."


def leaks(records: Iterable[Keys], splits: Iterable[Split]) -> Iterator[tuple[str, set[Split]]]:
    """Every key that stands in more than one split, with those splits; none, unless `assign` is wrong."""
    seen: dict[tuple[str, str], set[Split]] = {}
    for keys, split in zip(records, splits, strict=True):
        for key in (("prompt", keys.prompt), *(("group", group) for group in keys.groups)):
            seen.setdefault(key, set()).add(split)
    return ((" ".join(key), stood) for key, stood in seen.items() if len(stood) > 1)
