"""Splits that share nothing: records that belong together (`quality.units`) always stand on the same side.

A unit is placed as a whole. It keeps the split in which its oldest record was frozen; the others are placed in the
order of a hash, so that neither the order of the records nor chance takes part, and fill test and validation up to
their share.

Its caller reads earlier versions; this module knows neither files nor the store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curator.quality.sorting import differs, ordered_rows, words_of
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

    places: NDArray[np.uint8]
    """Place of its split in `Split`, in the order of the records, (N,)."""
    merges: list[Merge]
    """Units that stood in more than one split."""
    warnings: list[str]
    """Where shares could not be met, in sentences."""

    @property
    def splits(self) -> list[Split]:
        """The split of every record, in their order."""
        return [_SPLITS[n] for n in self.places.tolist()]


class Grouping(NamedTuple):
    """N records in U units."""

    unit_of: NDArray[np.int64]
    """Unit of each record, (N,)."""
    places: NDArray[np.uint64]
    """Where each unit stands among others: a hash of its name, as four numbers, (U, 4)."""


_SPLITS = list(Split)
_TRAIN = _SPLITS.index(Split.TRAIN)


def assign(
    records: Sequence[Keys],
    plan: SplitPlan,
    *,
    strata: Sequence[str] | None = None,
    frozen: Sequence[Frozen | None] | None = None,
    to_train: bool = False,
) -> Assignment:
    """The split of every record; as `divide`, from the keys themselves."""
    number: dict[str, int] = {}
    unit_of = np.array([number.setdefault(name, len(number)) for name in units(records)], np.int64)
    grouping = Grouping(unit_of, words_of(b"".join(place_of(name, plan) for name in number)))
    stood = None if frozen is None else np.array([-1 if each is None else code_of(each) for each in frozen], np.int64)
    return divide(grouping, plan, strata=strata, stood=stood, to_train=to_train)


def place_of(name: str, plan: SplitPlan) -> bytes:
    """Where a unit stands among others, 32 bytes."""
    return hashlib.sha256(f"{plan.salt}\n{name}".encode("utf-8", "surrogatepass")).digest()


def code_of(frozen: Frozen) -> int:
    """Where a record stood, as a number that grows with the age of its oldest version."""
    return frozen.age * len(_SPLITS) + _SPLITS.index(frozen.split)


def divide(
    grouping: Grouping,
    plan: SplitPlan,
    *,
    strata: Sequence[str] | None = None,
    stood: NDArray[np.int64] | None = None,
    to_train: bool = False,
) -> Assignment:
    """The split of every record.

    Args:
        grouping: The records in any order; the same records get the same splits in every order.
        plan: Shares of the splits.
        strata: A value per record; the records of each value are divided by the plan, as far as units allow.
        stood: Where each record stood before (`code_of`), -1 for nowhere, (N,).
        to_train: Units that stood in more than one split go to train, instead of where their oldest record stands.
    """
    if plan.validation == plan.test == 0:
        return Assignment(np.full(len(grouping.unit_of), _TRAIN, np.uint8), [], [])
    order, _ = ordered_rows(grouping.places)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    unit_of = rank[grouping.unit_of]  # units are numbered in the order of their place from here on
    sizes = np.bincount(unit_of, minlength=len(order))
    stratum_of, values = _strata(unit_of, len(order), strata)
    kept, merges = _kept(unit_of, len(order), stood, to_train=to_train)
    placed = _fill(sizes, stratum_of, values, kept, plan)
    places = placed[unit_of].astype(np.uint8)
    return Assignment(places, merges, list(_warnings(sizes, places, plan)))


def _strata(
    unit_of: NDArray[np.int64], count: int, strata: Sequence[str] | None
) -> tuple[NDArray[np.int64], list[str]]:
    """Number of each unit's stratum, which is that of most of its records, and the strata, sorted."""
    if strata is None:
        return np.zeros(count, np.int64), [""]
    values = sorted(set(strata))
    number = {value: n for n, value in enumerate(values)}
    keys = unit_of * len(values) + np.array([number[value] for value in strata], np.int64)
    pairs, counts = np.unique(keys, return_counts=True)
    unit, value = np.divmod(pairs, len(values))
    by_count = np.lexsort((value, -counts, unit))
    stratum_of = np.zeros(count, np.int64)
    first = by_count[differs(unit[by_count])]
    stratum_of[unit[first]] = value[first]
    return stratum_of, values


def _kept(
    unit_of: NDArray[np.int64], count: int, stood: NDArray[np.int64] | None, *, to_train: bool
) -> tuple[NDArray[np.int64], list[Merge]]:
    """The split of every unit that stood somewhere, -1 for others, and the units that stood in more than one."""
    kept = np.full(count, -1, np.int64)
    known = np.flatnonzero(stood >= 0) if stood is not None else np.empty(0, np.int64)
    if stood is None or not len(known):
        return kept, []
    known = known[np.lexsort((known, stood[known], unit_of[known]))]  # of each unit, the oldest first
    unit, split = unit_of[known], stood[known] % len(_SPLITS)
    starts = np.flatnonzero(differs(unit))
    kept[unit[starts]] = split[starts]
    merges = []
    for run in np.flatnonzero(np.minimum.reduceat(split, starts) != np.maximum.reduceat(split, starts)).tolist():
        end = starts[run + 1] if run + 1 < len(starts) else len(known)
        some = slice(starts[run], end)
        where = tuple(_SPLITS[n] for n in sorted(set(split[some].tolist())))
        merges.append(Merge(tuple(known[some].tolist()), where))
        if to_train:
            kept[unit[starts[run]]] = _TRAIN
    return kept, merges


_SHARES = (Split.TEST, Split.VALIDATION)


def _share(plan: SplitPlan, split: Split) -> float:
    return {Split.TRAIN: plan.train, Split.VALIDATION: plan.validation, Split.TEST: plan.test}[split]


def _fill(
    sizes: NDArray[np.int64],
    stratum_of: NDArray[np.int64],
    values: Sequence[str],
    kept: NDArray[np.int64],
    plan: SplitPlan,
) -> NDArray[np.int64]:
    """A split for every unit: those that stood somewhere keep it, the others fill test and validation."""
    rows = np.bincount(stratum_of, weights=sizes, minlength=len(values)).astype(np.int64)
    room = [[0] * len(_SPLITS) for _ in values]
    before = 0
    for n, count in enumerate(rows.tolist()):  # rounded in turn, so that the whole is right within one row
        for split in _SHARES:
            share = _share(plan, split)
            room[n][_SPLITS.index(split)] = round(share * (before + count)) - round(share * before)
        before += count
    placed = np.where(kept >= 0, kept, _TRAIN)
    for stratum, spaces in enumerate(room):
        for split in _SHARES:
            n = _SPLITS.index(split)
            spaces[n] -= int(sizes[(kept == n) & (stratum_of == stratum)].sum())
    free = sum(max(0, spaces[_SPLITS.index(split)]) for spaces in room for split in _SHARES)
    for unit in np.flatnonzero(kept < 0).tolist():
        if free == 0:
            break
        size, spaces = int(sizes[unit]), room[stratum_of[unit]]
        for split in _SHARES:
            n = _SPLITS.index(split)
            if 0 < size <= spaces[n]:
                spaces[n] -= size
                free -= size
                placed[unit] = n
                break
    _leave_none_empty(sizes, placed, kept, plan)
    return placed


def _leave_none_empty(
    sizes: NDArray[np.int64], placed: NDArray[np.int64], kept: NDArray[np.int64], plan: SplitPlan
) -> None:
    """Give a split that got nothing the smallest unit that may move, if another one stays behind."""
    for split in (*_SHARES, Split.TRAIN):
        n = _SPLITS.index(split)
        if _share(plan, split) == 0 or (placed == n).any():
            continue
        counts = np.bincount(placed, minlength=len(_SPLITS))
        movable = np.flatnonzero((kept < 0) & (counts[placed] > 1))
        if len(movable):
            placed[movable[np.argmin(sizes[movable])]] = n


_TOLERANCE = 0.01
"""Share of all rows by which a split may miss its plan before it is said."""
_SHOWN = 3


def _warnings(sizes: NDArray[np.int64], places: NDArray[np.uint8], plan: SplitPlan) -> Iterator[str]:
    total = len(places)
    least = min((split for split in Split if _share(plan, split) > 0), key=lambda split: _share(plan, split))
    wanted = _share(plan, least) * total
    large = sorted(sizes[sizes > max(1, wanted)].tolist(), reverse=True)
    for size in large[:_SHOWN]:
        yield (
            f"{size:,} of {total:,} rows belong together, more than the {wanted:,.0f} of {least.value}; "
            "they stand in one split."
        )
    if len(large) > _SHOWN:
        yield f"{len(large) - _SHOWN:,} more groups of rows are larger than {least.value}."
    counts = np.bincount(places, minlength=len(_SPLITS)).tolist()
    for n, split in enumerate(Split):
        share = counts[n] / total if total else 0.0
        if abs(share - _share(plan, split)) > max(_TOLERANCE, 1 / max(1, total)):
            yield f"{split.value} holds {share:.1%} of the rows instead of {_share(plan, split):.1%}."


def leaks(records: Iterable[Keys], splits: Iterable[Split]) -> Iterator[tuple[str, set[Split]]]:
    """Every key that stands in more than one split, with those splits; none, unless `assign` is wrong."""
    seen: dict[tuple[str, str], set[Split]] = {}
    for keys, split in zip(records, splits, strict=True):
        for key in (("prompt", keys.prompt), *(("group", group) for group in keys.groups)):
            seen.setdefault(key, set()).add(split)
    return ((" ".join(key), stood) for key, stood in seen.items() if len(stood) > 1)
