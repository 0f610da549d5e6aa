"""Reading frozen versions: their rows and their manifest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path

from pydantic import ValidationError

from curator.errors import VersionError
from curator.store import records
from curator.store import versions as version_store
from curator.versions import files, first_format
from curator.workspace import Workspace
from schemas.version import FrozenRow, Manifest, Split, Version


def find(workspace: Workspace, name_or_id: str) -> Version:
    """The version with this name, id or unambiguous beginning of an id.

    Raises:
        NotFoundError: None or more than one fits.
    """
    with workspace.read() as connection:
        return version_store.get(connection, name_or_id)


def newest_first(workspace: Workspace) -> list[Version]:
    """All versions, newest first."""
    with workspace.read() as connection:
        return version_store.newest_first(connection)


def folder_of(workspace: Workspace, version: str) -> Path:
    """The folder of a version, by its name or id."""
    return workspace.versions_folder / find(workspace, version).id


def manifest(workspace: Workspace, version: str) -> Manifest:
    """The manifest of a version.

    Raises:
        VersionError: The folder of the version is missing or damaged.
    """
    file = folder_of(workspace, version) / files.MANIFEST
    try:
        stated = Manifest.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise VersionError(
            f"The manifest {file} cannot be read: {error}.",
            hint="Freeze the same records again, which writes it anew, or restore the folder from a backup.",
        ) from error
    if stated.format > files.FORMAT:
        raise VersionError(
            f"Version {stated.id[:12]} has format {stated.format}, which is newer than this program reads.",
            hint="Install the newer version of Curator that froze it.",
        )
    return stated


def rows(workspace: Workspace, version: str, *, split: Split | None = None) -> Iterator[FrozenRow]:
    """Every row of a version, or of one split, streamed; ordered by split and row id.

    Raises:
        VersionError: A file of the version is missing or damaged.
    """
    folder, stated = folder_of(workspace, version), manifest(workspace, version)
    for wanted in Split if split is None else (split,):
        yield from _read(folder, wanted, format=stated.format)


def _read(folder: Path, split: Split, *, format: int) -> Iterator[FrozenRow]:
    try:
        if format == 1:
            yield from (each.row for each in first_format.read_split(folder, split))
        else:
            yield from (each.row for each in files.read_split(folder, split))
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        raise VersionError(
            f"The {split.value} split of the version cannot be read: {error}.",
            hint="Freeze the same records again, which writes it anew, or restore the folder from a backup.",
        ) from error


def page(workspace: Workspace, version: str, *, split: Split, offset: int, limit: int) -> list[FrozenRow]:
    """`limit` rows of a split from position `offset`."""
    return list(islice(rows(workspace, version, split=split), offset, offset + limit))


def some(workspace: Workspace, version: str, row_ids: Collection[str]) -> dict[str, FrozenRow]:
    """The rows with these ids, by id; of each file only the row groups that hold them are read."""
    folder, stated = folder_of(workspace, version), manifest(workspace, version)
    if stated.format == 1:
        return {row.row_id: row for row in rows(workspace, version) if row.row_id in row_ids}
    wanted = sorted(row_ids)
    return {each.row.row_id: each.row for split in Split for each in files.read_rows(folder, split, wanted)}


def lowest(workspace: Workspace, version: str, most: int) -> list[FrozenRow]:
    """The rows with the lowest ids, in the order of the ids, which are hashes: a sample drawn at random."""
    if manifest(workspace, version).format == 1:
        return sorted(rows(workspace, version), key=lambda row: row.row_hash)[:most]
    ids = sorted(id for split in Split for id in files.lowest_ids(folder_of(workspace, version), split, most))[:most]
    chosen = some(workspace, version, ids)
    return [chosen[id] for id in ids]


def live_records(workspace: Workspace, version: str, rows: Iterable[FrozenRow]) -> dict[str, list[str]]:
    """Ids of the records in the project that some rows of a version were made of, by row id.

    The way from a frozen row back to the people who can mend it. A record that was deleted since is left out.
    """
    project_id = find(workspace, version).project_id
    hashes = {row.row_id: row.imported_hashes for row in rows}
    with workspace.read() as connection:
        ids = records.of_hash(connection, project_id, {each for some in hashes.values() for each in some})
        if not ids:  # format 1: its row ids are those of the records
            return {row_id: [row_id] for row_id in hashes if records.find(connection, row_id) is not None}
    return {row_id: sorted(ids[each] for each in some if each in ids) for row_id, some in hashes.items()}
