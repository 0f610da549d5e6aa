"""History: since when the records of a project are frozen, and in which split.

A record is known by the content that it came in with, so an edit does not move it. Versions that were divided in
another way (another salt, or other splits) bind nothing: a lead who wants another draw changes the salt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import duckdb
import pyarrow as pa

from curator.store import versions as version_store
from curator.versions import files
from curator.versions.rows import manifest
from curator.versions.split import Frozen
from curator.versions.verify import damage
from curator.workspace import Workspace
from schemas.version import FrozenRow, Split, SplitPlan, Version

STOOD = """
SELECT DISTINCT wanted.place
FROM read_parquet($file) AS frozen
JOIN wanted ON wanted.known = frozen.content_hash
"""  # one row per row to be frozen that stood in this file

FIRST_STOOD = """
SELECT DISTINCT wanted.place
FROM read_parquet($file) AS frozen
JOIN wanted ON wanted.known = frozen.row_hash
"""  # the same for a file of format 1


class History(NamedTuple):
    """What earlier versions say about rows that are to be frozen."""

    stood: list[Frozen | None]
    """Since which version each row is there, and where it stood in the newest: a lead may have moved it since."""
    damaged: list[Version]
    """Versions that cannot say."""


def earlier_splits(workspace: Workspace, project_id: int, rows: Sequence[FrozenRow], plan: SplitPlan) -> History:
    """Where rows stood in earlier versions of their project."""
    with workspace.read() as connection:
        versions = [each for each in version_store.newest_first(connection) if each.project_id == project_id][::-1]
    history = History([None] * len(rows), [])
    if not versions:
        return history
    contents = [(each, n) for n, row in enumerate(rows) for each in {row.row_hash, *row.imported_hashes}]
    wanted = pa.table(
        {"known": [each for each, _ in contents], "place": pa.array([n for _, n in contents], pa.int64())}
    )
    with duckdb.connect() as connection:
        connection.register("wanted", wanted)
        for age, version in enumerate(versions):
            if damage(workspace, version):
                history.damaged.append(version)
                continue
            stated = manifest(workspace, version.id)
            if not _divides_alike(stated.split_plan, plan):
                continue
            query = FIRST_STOOD if stated.format == 1 else STOOD
            for split in Split:
                names = [files.split_file(split)] + ([files.provenance_file(split)] if stated.format > 1 else [])
                for name in names:
                    file = {"file": str(workspace.versions_folder / version.id / name)}
                    for (place,) in connection.execute(query, file).fetchall():
                        before = history.stood[place]
                        history.stood[place] = Frozen(before.age if before is not None else age, split)
    return history


def _divides_alike(one: SplitPlan, other: SplitPlan) -> bool:
    used = [tuple(share > 0 for share in (plan.train, plan.validation, plan.test)) for plan in (one, other)]
    return one.salt == other.salt and used[0] == used[1]
