"""History: since when the records of a project are frozen, and in which split.

A record is known by the content that it came in with, so an edit does not move it. Versions that were divided in
another way (another salt, or other splits) bind nothing: a lead who wants another draw changes the salt.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curator.quality.sorting import ordered, words_of
from curator.store import versions as version_store
from curator.versions import files
from curator.versions.rows import manifest
from curator.versions.split import Frozen, code_of
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


class History(NamedTuple):
    """What earlier versions say about rows that are to be frozen."""

    stood: NDArray[np.int64]
    """Since which version each row is there, and where it stood in the newest (a lead may have moved it since), as
    `split.code_of` says it; -1 for a new one, (N,)."""
    damaged: list[Version]
    """Versions that cannot say."""


def earlier_splits(workspace: Workspace, project_id: int, known: Known, plan: SplitPlan) -> History:
    """Where rows stood in earlier versions of their project."""
    with workspace.read() as connection:
        versions = [each for each in version_store.newest_first(connection) if each.project_id == project_id][::-1]
    age = np.full(known.size, -1, np.int64)
    stands = np.zeros(known.size, np.int64)
    damaged: list[Version] = []
    order, first = ordered(np.ascontiguousarray(known.hashes[:, 0]))
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
                at = np.searchsorted(first, hashes[:, 0])
                for _ in range(2):  # a content may be known of two rows: as its own, and as how another came in
                    inside = np.minimum(at, len(order) - 1)
                    is_known = (known.hashes[order[inside]] == hashes).all(axis=1) & (at < len(order))
                    rows = known.rows[order[inside[is_known]]]
                    stands[rows] = place
                    age[rows] = np.where(age[rows] < 0, n, age[rows])
                    at = at + 1
    stood = np.where(age >= 0, age * code_of(Frozen(1, Split.TRAIN)) + stands, -1)
    return History(stood, damaged)


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
