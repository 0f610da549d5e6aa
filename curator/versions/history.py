"""History: since when the records of a project are frozen, and in which split.

A record is known by the content that it came in with, so an edit does not move it. Versions that were divided in
another way (another salt, or other splits) bind nothing: a lead who wants another draw changes the salt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curator.quality.sorting import ordered, ordered_rows, words_of
from curator.store import versions as version_store
from curator.versions import files
from curator.versions.rows import manifest
from curator.versions.verify import damage
from curator.workspace import Workspace
from schemas.version import Split, SplitPlan, Version


class Known(NamedTuple):
    """Contents by which rows are known, their own and those that they came in with: K of N rows."""

    hashes: NDArray[np.uint64]
    """(K, 4), see `sorting.words_of`."""
    rows: NDArray[np.int64]
    """Row of each, (K,)."""
    size: int
    """N."""


class Past(NamedTuple):
    """Contents that stood in earlier versions and are not among the rows: P of them."""

    hashes: NDArray[np.uint64]
    """(P, 4), each once."""
    stood: NDArray[np.int64]
    """`split.code_of` each, (P,)."""
    newest: NDArray[np.int64]
    """Number of the newest version in which it stood, (P,)."""


class History(NamedTuple):
    """What earlier versions say about rows that are to be frozen."""

    stood: NDArray[np.int64]
    """Since which version each row is there, and where it stood in the newest (a lead may have moved it since), as
    `split.code_of` says it; -1 for a new one, (N,)."""
    damaged: list[Version]
    """Versions that cannot say."""
    past: Past


def earlier_splits(workspace: Workspace, project_id: int, known: Known, plan: SplitPlan) -> History:
    """Where rows stood in earlier versions of their project."""
    with workspace.read() as connection:
        versions = [each for each in version_store.newest_first(connection) if each.project_id == project_id][::-1]
    age = np.full(known.size, -1, np.int64)
    stands = np.zeros(known.size, np.int64)
    damaged: list[Version] = []
    past: list[Past] = []
    for n, version in enumerate(versions):
        if damage(workspace, version):
            damaged.append(version)
            continue
        stated = manifest(workspace, version.id)
        if not _divides_alike(stated.split_plan, plan):
            continue
        folder = workspace.versions_folder / version.id
        for place, split in enumerate(Split):
            for hashes in _hashes(folder, split, format=stated.format):
                held = np.zeros(len(hashes), bool)
                for one, other in matches(known.hashes, hashes):
                    rows = known.rows[one]
                    stands[rows] = place
                    age[rows] = np.where(age[rows] < 0, n, age[rows])
                    held[other] = True
                others = hashes[~held]
                past.append(Past(others, np.full(len(others), code(n, place)), np.full(len(others), n)))
    stood = np.where(age >= 0, code(age, stands), -1)
    return History(stood, damaged, joined(past))


def matches(
    hashes: NDArray[np.uint64], others: NDArray[np.uint64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Places of equal hashes in both, (M,) each, until all are told; one may stand in the first several times."""
    order, first = ordered(np.ascontiguousarray(hashes[:, 0]))
    at = np.searchsorted(first, others[:, 0])
    asked = np.arange(len(others))
    while len(asked):
        is_inside = at < len(first)
        is_inside[is_inside] = first[at[is_inside]] == others[asked[is_inside], 0]
        at, asked = at[is_inside], asked[is_inside]
        is_same = (hashes[order[at]] == others[asked]).all(axis=1)
        yield order[at[is_same]], asked[is_same]
        at = at + 1


def code(age: Any, place: Any) -> Any:
    """`split.code_of` numbers or arrays."""
    return age * len(Split) + place


def joined(several: Sequence[Past]) -> Past:
    """Each content once: since its oldest version, where it stood in the newest."""
    if not several:
        return Past(np.empty((0, 4), np.uint64), np.empty(0, np.int64), np.empty(0, np.int64))
    hashes, stood, newest = (np.concatenate([each[n] for each in several]) for n in range(3))
    order, is_new = ordered_rows(hashes)
    group = np.cumsum(is_new) - 1
    age, place = np.divmod(stood[order], len(Split))
    oldest = np.full(int(is_new.sum()), 2**62, np.int64)
    np.minimum.at(oldest, group, age)
    last = np.zeros(len(oldest), np.int64)
    np.maximum.at(last, group, code(newest[order], place))
    return Past(hashes[order[is_new]], code(oldest, last % len(Split)), last // len(Split))


def _hashes(folder: Path, split: Split, *, format: int) -> Iterable[NDArray[np.uint64]]:
    """Contents of the rows of a split, then those that they came in with, (R, 4) each."""
    if format == 1:
        yield _column(folder / files.chunk_file(split), "row_hash")
        return
    for content, origins in files.paths_of(folder, split):
        yield _column(content, "content_hash")
        yield _column(origins, "content_hash")


def _column(file: Path, name: str) -> NDArray[np.uint64]:
    with pq.ParquetFile(file) as parquet:
        column: pa.ChunkedArray = parquet.read(columns=[name], use_threads=False).column(name)
    return words_of(bytes.fromhex("".join(column.to_pylist())))


def _divides_alike(one: SplitPlan, other: SplitPlan) -> bool:
    used = [tuple(share > 0 for share in (plan.train, plan.validation, plan.test)) for plan in (one, other)]
    return one.salt == other.salt and used[0] == used[1]
