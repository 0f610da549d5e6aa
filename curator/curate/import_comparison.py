"""Two imports side by side: which rows the second brought anew, no longer, or in another wording.

A row is the same where its content is. A row that differs is paired with its other wording by its prompt, by its group,
or by its line where at least half of the terms are shared; a prompt or group that several rows have pairs none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

import numpy as np

from curator.errors import NotFoundError
from curator.quality import makeup, rules
from curator.quality.terms import terms_of, text_of
from curator.store import batches, import_rows
from curator.store.batches import StoredBatch
from curator.store.import_rows import ImportRows
from curator.workspace import Workspace
from schemas.comparison import Change, ChangedRow, Comparison, Distribution, RowText, Side
from schemas.record import Record

_READ = 50_000
"""Rows of each side that are read to pair them or to compare their labels: those with the lowest hashes."""
_SAMPLE = 20_000
"""Rows of each side by which it is made up: those with the lowest hashes, which is a sample drawn at random."""
_JUDGED = 2_000
"""Changed rows of each side about which rules are asked."""
_ALIKE = 0.5
"""Share of terms that two rows on the same line must have in common to be two wordings of one."""


def compare(workspace: Workspace, before: int, after: int, *, examples: int = 20) -> Comparison:
    """What changed from import `before` to import `after`, and how both are made up.

    Args:
        workspace: Where they are.
        before: Number of an import.
        after: The same.
        examples: Rows to show of each kind of change: those with the lowest hashes.

    Raises:
        NotFoundError: There is no such import, or it was undone.
    """
    with workspace.read() as connection:
        first, second = (_standing(batches.find(connection, number), number) for number in (before, after))
        old, new = (import_rows.rows_of(connection, each.id) for each in (first, second))

        def read_old(ids: Iterable[int]) -> dict[int, Record]:
            return dict(import_rows.as_brought(connection, first.id, ids))

        def read_new(ids: Iterable[int]) -> dict[int, Record]:
            return dict(import_rows.as_brought(connection, second.id, ids))

        is_old, is_new = ~np.isin(old.hashes, new.hashes), ~np.isin(new.hashes, old.hashes)
        gone, fresh = old.take(is_old), new.take(is_new)
        pairs = _pairs(gone, fresh, read_old, read_new)
        removed, added = pairs.left()
        same = list(zip(old.take(~is_old).ids.tolist(), new.take(~is_new).ids.tolist(), strict=True))
        relabelled = _relabelled(same[:_READ], read_old, read_new)
        shown: dict[Change, Sequence[tuple[int | None, int | None]]] = {
            "added": [(None, id) for id in added[:examples]],
            "removed": [(id, None) for id in removed[:examples]],
            "edited": list(pairs.of.items())[:examples],
            "relabelled": relabelled[:examples],
        }
        return Comparison(
            kind="imports",
            before=_side(first, old),
            after=_side(second, new),
            same=len(same),
            added=len(added),
            removed=len(removed),
            edited=len(pairs.of),
            relabelled=len(relabelled),
            moved=0,
            paired_by=dict(pairs.paired_by),
            compared_labels=_READ if len(same) > _READ else None,
            examples={change: _examples(change, some, read_old, read_new) for change, some in shown.items() if some},
            distributions=_distributions(old, new, gone, fresh, read_old, read_new),
        )


_Read = Callable[[Iterable[int]], dict[int, Record]]
"""Reads what one of the imports brought, by the ids of its records."""


def _pairs(gone: ImportRows, fresh: ImportRows, read_old: _Read, read_new: _Read) -> _Pairs:
    pairs = _Pairs(gone, fresh)
    pairs.find(
        "prompt", _alone(dict(zip(*_prompts(gone), strict=True))), _alone(dict(zip(*_prompts(fresh), strict=True)))
    )
    left_old, left_new = pairs.left()
    if left_old and left_new:
        before, after = read_old(left_old[:_READ]), read_new(left_new[:_READ])
        groups = ({id: record.group for id, record in some.items()} for some in (before, after))
        pairs.find("group", *map(_alone, groups))
        lines = ({id: record.origin.line for id, record in some.items()} for some in (before, after))
        pairs.find("line", *map(_alone, lines), are_one=lambda one, other: _are_alike(before[one], after[other]))
    return pairs


def _prompts(rows: ImportRows) -> tuple[list[int], list[bytes]]:
    return rows.ids.tolist(), rows.prompts.tolist()


def _relabelled(same: Sequence[tuple[int, int]], read_old: _Read, read_new: _Read) -> list[tuple[int, int]]:
    before, after = read_old(id for id, _ in same), read_new(id for _, id in same)
    return [(one, other) for one, other in same if _said(before[one]) != _said(after[other])]


def _said(record: Record) -> tuple[dict[str, str], tuple[str, ...]]:
    return record.labels, record.groups


def _examples(
    change: Change, some: Sequence[tuple[int | None, int | None]], read_old: _Read, read_new: _Read
) -> tuple[ChangedRow, ...]:
    before, after = (read_old(id for id, _ in some if id is not None), read_new(id for _, id in some if id is not None))
    return tuple(
        ChangedRow(
            change=change,
            before=None if one is None else RowText.of(before[one], row_id=str(one)),
            after=None if other is None else RowText.of(after[other], row_id=str(other)),
            record_ids=tuple(dict.fromkeys(str(id) for id in (other, one) if id is not None)),
        )
        for one, other in some
    )


def _distributions(
    old: ImportRows, new: ImportRows, gone: ImportRows, fresh: ImportRows, read_old: _Read, read_new: _Read
) -> tuple[Distribution, ...]:
    before, after = (
        makeup.counts_of(read(rows.ids[:_SAMPLE].tolist()).values())
        for read, rows in ((read_old, old), (read_new, new))
    )
    asked = rules.default_rules()
    hits = [
        makeup.rule_counts(read(rows.ids[:_JUDGED].tolist()).values(), asked)
        for read, rows in ((read_old, gone), (read_new, fresh))
    ]
    judged = min(len(gone.ids), _JUDGED), min(len(fresh.ids), _JUDGED)
    made_up = (makeup.side_by_side(name, before[name], after[name]) for name in makeup.PROPERTIES)
    return *made_up, makeup.side_by_side("rule", *hits, rows=judged)


def _standing(batch: StoredBatch | None, number: int) -> StoredBatch:
    if batch is None:
        raise NotFoundError(f"There is no import {number}.", hint="`curator imports list` lists them.")
    if batch.undone_at is not None:
        raise NotFoundError(f"Import {number} was undone.", hint="Compare imports that stand.")
    return batch


def _side(batch: StoredBatch, rows: ImportRows) -> Side:
    return Side(id=str(batch.id), title=f"Import {batch.id}: {batch.file_name}", rows=len(rows.ids))


class _Pairs:
    """Two wordings of one row, found by one property after another."""

    def __init__(self, gone: ImportRows, fresh: ImportRows) -> None:
        self._gone, self._fresh = gone.ids.tolist(), fresh.ids.tolist()
        self.of: dict[int, int] = {}
        self._taken: set[int] = set()
        self.paired_by: Counter[str] = Counter()

    def left(self) -> tuple[list[int], list[int]]:
        """Ids of the rows of both sides without a pair, in the order of their hashes."""
        return [id for id in self._gone if id not in self.of], [id for id in self._fresh if id not in self._taken]

    def find(
        self,
        property: str,
        before: Mapping[Hashable, int],
        after: Mapping[Hashable, int],
        *,
        are_one: Callable[[int, int], bool] = lambda _one, _other: True,
    ) -> None:
        """Pair rows that alone have the same value of a property, unless one has a pair."""
        for value, one in before.items():
            other = after.get(value)
            if other is not None and one not in self.of and other not in self._taken and are_one(one, other):
                self.of[one] = other
                self._taken.add(other)
                self.paired_by[property] += 1


def _alone(values: Mapping[int, Hashable]) -> dict[Hashable, int]:
    """The row that has a value alone, by value."""
    often = Counter(values.values())
    return {value: id for id, value in values.items() if value is not None and often[value] == 1}


def _are_alike(one: Record, other: Record) -> bool:
    terms = [set(terms_of(text_of(each))) for each in (one, other)]
    return len(terms[0] & terms[1]) >= _ALIKE * len(terms[0] | terms[1])
