"""Lineage: which versions hold a record, found by the content that it came in with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from curator.store import versions as version_store
from curator.versions import files
from curator.versions.querying import querying
from curator.versions.rows import folder_of, manifest
from curator.workspace import Workspace
from schemas.version import Split, Version

HOLDS = """
SELECT DISTINCT content_hash
FROM read_parquet($files)
WHERE content_hash IN (SELECT unnest($hashes))
"""  # one row per content that some row of the version came in with


def holding(
    workspace: Workspace, project_id: int, since: Mapping[str, datetime], *, split: Split | None = None
) -> dict[str, list[Version]]:
    """The versions that hold some records, oldest first, by the content hash that a record came in with.

    Args:
        workspace: Where the versions are.
        project_id: Whose versions are asked.
        since: Content hash (64 hex digits) to the time from which on versions count.
        split: Rows of this split only. Versions of format 1 do not say where their rows came from, and hold nothing.
    """
    held: dict[str, list[Version]] = {}
    if not since:
        return held
    with workspace.read() as connection:
        known = [each for each in version_store.newest_first(connection) if each.project_id == project_id]
    for version in reversed(known):
        asked = [content for content, start in since.items() if version.created_at >= start]
        if asked:
            for content in _held(workspace, version.id, asked, split):
                held.setdefault(content, []).append(version)
    return held


def _held(workspace: Workspace, version_id: str, hashes: Collection[str], split: Split | None) -> list[str]:
    if manifest(workspace, version_id).format == 1:
        return []
    folder = folder_of(workspace, version_id)
    splits = Split if split is None else (split,)
    paths = [str(origins) for each in splits for _, origins in files.paths_of(folder, each)]
    with querying(version_id) as connection:
        rows = connection.execute(HOLDS, {"files": paths, "hashes": sorted(hashes)}).fetchall()
    return sorted(row[0] for row in rows)
