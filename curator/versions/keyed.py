"""Keyed: the rows of a version by their keys alone, as far as splits and the version's id go.

A million rows without their texts are some hundred megabytes of columns. Their keys are those of `candidates.KEYS`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, overload

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curator.errors import VersionError
from curator.quality.near_duplicates import near_pairs
from curator.quality.sorting import bytes_of, ordered_rows, words_of
from curator.quality.units import tie
from curator.versions import files, identity
from curator.versions.carried import Carried
from curator.versions.gathering import Keys, hash_words
from curator.versions.history import Known
from curator.versions.split import Grouping, place_of
from schemas.version import Split, SplitPlan


class Rows(NamedTuple):
    """N rows, numbered in the order of their hashes."""

    hashes: NDArray[np.uint64]
    """(N, 4), see `sorting.words_of`."""
    training_hashes: NDArray[np.uint64]
    """`identity.training_hash` of each, (N, 4)."""
    carried_row: NDArray[np.int64]
    """Row of the last version that each is, -1 for one that was gathered, (N,)."""
    prompt_of: NDArray[np.int64]
    """Number of each row's prompt, (N,): Q different prompts in the order of their hashes."""
    prompts: Prompts
    prompt_hashes: NDArray[np.uint64]
    """`split.place_of` each prompt, (Q, 4)."""
    pairs: NDArray[np.int64] | None
    """Prompts that say nearly the same, (P, 2), where the last freeze knows them."""
    groups: list[tuple[int, str]]
    """Row and group, for every group of every row, sorted."""
    labels: dict[int, dict[str, str]]
    """Of the rows that have some: where candidates differ, the smallest value."""
    known: Known
    """The contents by which the gathered rows are known."""
    candidates: NDArray[np.uint64]
    """Ids of all candidates that stand in parts, (C,)."""
    row_of: NDArray[np.int64]
    """Row of each, (C,)."""
    from_database: NDArray[np.int64]
    """Rows of which some candidate stands in the database."""

    @property
    def size(self) -> int:
        """N."""
        return len(self.hashes)


class Prompts(Sequence[str]):
    """Texts of a column, read when they are asked for."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        """Keep the column."""
        self.column = column

    def __len__(self) -> int:
        return len(self.column)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            texts = self.column.slice(place.start, place.stop - place.start)
            return texts.to_pylist()
        return self.column[place].as_py()


class _Gathered(NamedTuple):
    """The rows that gathered candidates become, numbered in the order of their hashes."""

    row_of: NDArray[np.int64]
    first: NDArray[np.int64]
    """A candidate of each row."""
    hashes: NDArray[np.uint64]


def _joined(keys: Keys) -> _Gathered:
    hashes = hash_words(keys.column("hash"))
    order, is_new = ordered_rows(hashes)
    row_of = np.empty(len(order), np.int64)
    row_of[order] = np.cumsum(is_new) - 1
    first = order[is_new]
    return _Gathered(row_of, first, hashes[first])


def hashes_in(keys: Keys) -> NDArray[np.uint64]:
    """The different contents among gathered candidates, (R, 4)."""
    return _joined(keys).hashes


def rows_of(keys: Keys, carried: Carried | None = None, kept: NDArray[np.int64] | None = None) -> Rows:
    """The rows of a version.

    Args:
        keys: Of the gathered candidates.
        carried: What the last freeze knows.
        kept: Its rows that are the same now, ascending; none of them is among the gathered.
    """
    gathered = _joined(keys)
    count = len(gathered.hashes)
    kept = np.empty(0, np.int64) if kept is None else kept
    new_places = hash_words(keys.column("prompt_hash").take(pa.array(gathered.first)))
    groups, labels = _guides(keys, gathered.row_of)
    new_training = words_of(_training_hashes(count, groups, labels).tobytes())
    hashes, places, training = gathered.hashes, new_places, new_training
    if carried is not None:
        hashes = np.concatenate([hashes, carried.hashes[kept]])
        places = np.concatenate([places, carried.prompt_hashes[kept]])
        training = np.concatenate([training, carried.training_hashes[kept]])
    order, _ = ordered_rows(hashes)
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    carried_row = np.concatenate([np.full(count, -1), kept])[order]
    places = places[order]
    by_prompt, is_other = ordered_rows(places)
    prompt_of = np.empty(len(order), np.int64)
    prompt_of[by_prompt] = np.cumsum(is_other) - 1
    some_row = by_prompt[is_other]
    prompt_hashes = places[some_row]
    prompts, pairs = _prompts(keys, gathered, carried, prompt_hashes, order[some_row], kept)
    groups = [(int(number[row]), group) for row, group in groups]
    labels = {int(number[row]): each for row, each in labels.items()}
    id_column = keys.column("id")
    has_id = pc.is_valid(id_column).to_numpy()
    ids = id_column.filter(pa.array(has_id)).to_numpy()
    row_of = number[gathered.row_of]
    from_database = np.unique(row_of[~has_id])
    candidates, candidate_rows = ids, row_of[has_id]
    if carried is not None:
        now = np.full(len(carried.hashes), -1, np.int64)
        now[kept] = number[count:]
        groups += [(int(now[row]), group) for row, group in carried.groups if now[row] >= 0]
        labels |= {int(now[row]): each for row, each in carried.labels.items() if now[row] >= 0}
        is_kept = now[carried.row_of] >= 0
        candidates = np.concatenate([candidates, carried.candidates[is_kept]])
        candidate_rows = np.concatenate([candidate_rows, now[carried.row_of[is_kept]]])
    imported = keys.column("imported")
    came_as = np.flatnonzero(pc.is_valid(imported).to_numpy())
    others = hash_words(imported.take(pa.array(came_as)))
    known = Known(
        np.concatenate([gathered.hashes, others]), np.concatenate([number[:count], row_of[came_as]]), len(order)
    )
    return Rows(
        hashes[order], training[order], carried_row, prompt_of, prompts, prompt_hashes, pairs, sorted(groups), labels,
        known, candidates, candidate_rows, from_database,
    )  # fmt: skip


def _prompts(
    keys: Keys,
    gathered: _Gathered,
    carried: Carried | None,
    prompt_hashes: NDArray[np.uint64],
    some_row: NDArray[np.int64],
    kept: NDArray[np.int64],
) -> tuple[Prompts, NDArray[np.int64] | None]:
    """The text of every prompt, and what the last freeze knows about the same prompts."""
    texts = keys.column("prompt")
    if carried is None:
        return Prompts(texts.take(pa.array(gathered.first[some_row]))), None
    by_prompt, is_other = ordered_rows(carried.prompt_hashes)
    if np.array_equal(carried.prompt_hashes[by_prompt[is_other]], prompt_hashes):
        return Prompts(carried.prompts), carried.pairs
    prompt_of = np.empty(len(by_prompt), np.int64)
    prompt_of[by_prompt] = np.cumsum(is_other) - 1
    count = len(gathered.first)
    is_gathered = some_row < count
    place = np.empty(len(some_row), np.int64)
    place[is_gathered] = len(carried.prompts) + gathered.first[some_row[is_gathered]]
    place[~is_gathered] = prompt_of[kept[some_row[~is_gathered] - count]]
    both = pa.chunked_array([*carried.prompts.chunks, *texts.chunks], pa.string())
    return Prompts(both.take(pa.array(place))), None


def _guides(keys: Keys, row_of: NDArray[np.int64]) -> tuple[list[tuple[int, str]], dict[int, dict[str, str]]]:
    """Groups and labels of rows."""
    group_column, label_column = keys.column("group"), keys.column("labels")
    grouped = np.flatnonzero(pc.is_valid(group_column).to_numpy())
    names = group_column.take(pa.array(grouped)).to_pylist()
    groups = sorted(set(zip(row_of[grouped].tolist(), names, strict=True)))
    labelled = np.flatnonzero(pc.is_valid(label_column).to_numpy())
    texts = label_column.take(pa.array(labelled)).to_pylist()
    labels: dict[int, dict[str, str]] = defaultdict(dict)
    for row, text in zip(row_of[labelled].tolist(), texts, strict=True):
        for name, value in orjson.loads(text).items():
            labels[row][name] = min(value, labels[row].get(name, value))
    return groups, labels


def as_bytes(hashes: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Hashes (N, 4) as bytes (N, 32)."""
    return np.frombuffer(bytes_of(hashes), np.uint8).reshape(-1, 32)


def _training_hashes(
    count: int, grouped: Iterable[tuple[int, str]], labels: Mapping[int, dict[str, str]]
) -> NDArray[np.uint8]:
    """`identity.training_hash` of every row, (N, 32)."""
    hashes = np.tile(np.frombuffer(identity.training_digest((), "{}"), np.uint8), (count, 1))
    groups: dict[int, list[str]] = defaultdict(list)
    for row, group in grouped:
        groups[row].append(group)
    for row in groups.keys() | labels.keys():
        text = files.json_object(labels.get(row, {}))
        hashes[row] = np.frombuffer(identity.training_digest(groups.get(row, ()), text), np.uint8)
    return hashes


def strata_of(rows: Rows, plan: SplitPlan) -> list[str] | None:
    """The value of the label by which the plan divides, for every row.

    Raises:
        VersionError: No row has it.
    """
    label = plan.stratify_by
    if label is None:
        return None
    if not any(label in each for each in rows.labels.values()):
        known = sorted({name for each in rows.labels.values() for name in each})
        raise VersionError(
            f"No accepted record has a label {label}.", hint=f"Their labels are {', '.join(known[:8]) or 'none'}."
        )
    return [rows.labels.get(row, {}).get(label, "") for row in range(rows.size)]


def pairs_of(rows: Rows, plan: SplitPlan) -> NDArray[np.int64]:
    """Prompts that say nearly the same, (P, 2); none where there is but one split."""
    if rows.pairs is not None:
        return rows.pairs
    if plan.validation == plan.test == 0:
        return np.empty((0, 2), np.int64)
    return np.array([pair[:2] for pair in near_pairs(rows.prompts)], np.int64).reshape(-1, 2)


def grouping_of(rows: Rows, pairs: NDArray[np.int64], plan: SplitPlan) -> Grouping:
    """Which rows belong together, as splits see them."""
    if plan.validation == plan.test == 0:
        return Grouping(rows.prompt_of, rows.prompt_hashes)
    tied = tie(rows.prompt_of, rows.prompts, rows.groups, pairs)
    places = rows.prompt_hashes[tied.prompt_of]
    if tied.names:
        named = words_of(b"".join(place_of(name, plan) for name in tied.names.values()))
        places[list(tied.names)] = named
    return Grouping(tied.unit_of, places)


def leaks(rows: Rows, places: NDArray[np.uint8]) -> Iterator[tuple[str, set[str]]]:
    """Every key that stands in more than one split, with those splits; none, unless `split.divide` is wrong."""
    names = [split.value for split in Split]
    least = np.full(len(rows.prompts), len(names), np.uint8)
    most = np.zeros(len(rows.prompts), np.uint8)
    np.minimum.at(least, rows.prompt_of, places)
    np.maximum.at(most, rows.prompt_of, places)
    for prompt in np.flatnonzero(least != most).tolist():
        yield f"prompt {rows.prompts[prompt]}", {names[least[prompt]], names[most[prompt]]}
    seen: dict[str, set[str]] = defaultdict(set)
    for row, group in rows.groups:
        seen[group].add(names[places[row]])
    yield from ((f"group {group}", stands) for group, stands in seen.items() if len(stands) > 1)
