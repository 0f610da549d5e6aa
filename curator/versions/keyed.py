"""Keyed: the rows of a version by their keys alone, as far as splits and the version's id go.

A million rows without their texts are some hundred megabytes of columns. Their keys are those of `candidates.KEYS`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
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
from curator.versions.gathering import hash_words
from curator.versions.history import Known
from curator.versions.split import Grouping, place_of
from schemas.version import Split, SplitPlan


class Rows(NamedTuple):
    """N rows, from C candidates."""

    keys: pa.Table
    """Of the candidates."""
    row_of: NDArray[np.int64]
    """Row of each candidate, (C,); rows are numbered in the order of their hashes."""
    hashes: NDArray[np.uint64]
    """(N, 4), see `sorting.words_of`."""
    prompt_of: NDArray[np.int64]
    """Number of each row's prompt, (N,): Q different prompts."""
    prompts: _Prompts
    prompt_hashes: NDArray[np.uint64]
    """`split.place_of` each prompt, (Q, 4)."""
    groups: list[tuple[int, str]]
    """Row and group, for every group of every row, sorted."""
    labels: dict[int, dict[str, str]]
    """Of the rows that have some: where candidates differ, the smallest value."""

    @property
    def size(self) -> int:
        """N."""
        return len(self.hashes)

    @property
    def known(self) -> Known:
        """The contents by which the rows are known."""
        came_as = np.flatnonzero(pc.is_valid(self.keys.column("imported")).to_numpy())
        others = hash_words(self.keys.column("imported").take(pa.array(came_as)))
        rows = np.concatenate([np.arange(self.size), self.row_of[came_as]])
        return Known(np.concatenate([self.hashes, others]), rows, self.size)


class _Prompts(Sequence[str]):
    """Texts of a column, read when they are asked for."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            texts = self._column.slice(place.start, place.stop - place.start)
            return texts.to_pylist()
        return self._column[place].as_py()


def rows_of(keys: pa.Table) -> Rows:
    """The rows that candidates with these keys become."""
    hashes = hash_words(keys.column("hash"))
    order, is_new = ordered_rows(hashes)
    row_of = np.empty(len(order), np.int64)
    row_of[order] = np.cumsum(is_new) - 1
    first = order[is_new]
    places = hash_words(keys.column("prompt_hash").take(pa.array(first)))
    by_prompt, is_other = ordered_rows(places)
    prompt_of = np.empty(len(first), np.int64)
    prompt_of[by_prompt] = np.cumsum(is_other) - 1
    some_row = by_prompt[is_other]
    prompts = keys.column("prompt").take(pa.array(first[some_row])).combine_chunks()
    groups, labels = _guides(keys, row_of)
    return Rows(
        keys.drop_columns(["prompt", "prompt_hash", "hash"]), row_of, hashes[first], prompt_of, _Prompts(prompts),
        places[some_row], groups, labels,
    )  # fmt: skip


def _guides(keys: pa.Table, row_of: NDArray[np.int64]) -> tuple[list[tuple[int, str]], dict[int, dict[str, str]]]:
    """Groups and labels of rows."""
    grouped = np.flatnonzero(pc.is_valid(keys.column("group")).to_numpy())
    names = keys.column("group").take(pa.array(grouped)).to_pylist()
    groups = sorted(set(zip(row_of[grouped].tolist(), names, strict=True)))
    labelled = np.flatnonzero(pc.is_valid(keys.column("labels")).to_numpy())
    texts = keys.column("labels").take(pa.array(labelled)).to_pylist()
    labels: dict[int, dict[str, str]] = defaultdict(dict)
    for row, text in zip(row_of[labelled].tolist(), texts, strict=True):
        for name, value in orjson.loads(text).items():
            labels[row][name] = min(value, labels[row].get(name, value))
    return groups, labels


def as_bytes(hashes: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Hashes (N, 4) as bytes (N, 32)."""
    return np.frombuffer(bytes_of(hashes), np.uint8).reshape(-1, 32)


def training_hashes(rows: Rows) -> NDArray[np.uint8]:
    """`identity.training_hash` of every row, (N, 32)."""
    hashes = np.tile(np.frombuffer(identity.training_digest((), "{}"), np.uint8), (rows.size, 1))
    groups: dict[int, list[str]] = defaultdict(list)
    for row, group in rows.groups:
        groups[row].append(group)
    for row in groups.keys() | rows.labels.keys():
        labels = files.json_object(rows.labels.get(row, {}))
        hashes[row] = np.frombuffer(identity.training_digest(groups.get(row, ()), labels), np.uint8)
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


def grouping_of(rows: Rows, plan: SplitPlan) -> Grouping:
    """Which rows belong together, as splits see them."""
    if plan.validation == plan.test == 0:
        return Grouping(rows.prompt_of, rows.prompt_hashes)
    pairs = [(pair.first, pair.second) for pair in near_pairs(rows.prompts)]
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
