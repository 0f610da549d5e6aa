"""Reading frozen versions: their rows, their manifest, and the differences between two."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from curator.errors import VersionError
from curator.store import corrections, records
from curator.store import versions as version_store
from curator.versions import files, first_format, identity
from curator.versions.querying import querying
from curator.workspace import Workspace
from schemas.version import DiffReport, FrozenRow, Manifest, ReviewedChange, Split, Version


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


IDENTITIES = """
SELECT row_id, content_hash, training_hash
FROM read_parquet($file)
"""  # one row per frozen row

FIRST_IDENTITIES = """
SELECT row_hash[:32], row_hash, meta_hash
FROM read_parquet($file)
"""  # one row per frozen row of a version of format 1

IMPORTED = """
SELECT DISTINCT row_id, content_hash
FROM read_parquet($file)
"""  # one row per frozen row and content that it came in with

_EXAMPLES = 10


class _Side(NamedTuple):
    """One of the two versions that are compared: its rows where the two differ."""

    entries: dict[str, identity.Entry]
    imported: dict[str, set[str]]
    """Row ids by the content hash that they came in with."""


def diff(workspace: Workspace, before: str, after: str) -> DiffReport:
    """What changed from version `before` to version `after`; only buckets that differ are compared.

    A row whose content changed has another id; it counts as edited where both came in as the same content.
    """
    first, second = manifest(workspace, before), manifest(workspace, after)
    is_comparable = min(first.format, second.format) > 1
    pairs = enumerate(zip(first.buckets, second.buckets, strict=True))
    differing = {n for n, (one, other) in pairs if not is_comparable or one != other}
    old, new = (_side(workspace, each, buckets=differing) for each in (first, second))
    both = sorted(old.entries.keys() & new.entries.keys())
    gone, fresh = old.entries.keys() - new.entries.keys(), new.entries.keys() - old.entries.keys()
    edited = _pair(gone, fresh, old, new)
    same_use = {i: old.entries[i].training_hash == new.entries[i].training_hash for i in both}
    kinds = {
        "added": sorted(fresh - set(edited.values())),
        "removed": sorted(gone - edited.keys()),
        "edited": sorted(edited.values()),
        "relabelled": [i for i in both if is_comparable and not same_use[i]],
        "moved": [i for i in both if old.entries[i].split != new.entries[i].split]
        + sorted(after for before, after in edited.items() if old.entries[before].split != new.entries[after].split),
    }
    counts = {kind: len(ids) for kind, ids in kinds.items()}
    examples = {kind: tuple(ids[:_EXAMPLES]) for kind, ids in kinds.items() if ids}
    reviewed = _reviewed(workspace, find(workspace, after).project_id, kinds, old, new)
    return DiffReport(before=first.id, after=second.id, **counts, examples=examples, reviewed=reviewed)


def _reviewed(
    workspace: Workspace, project_id: int, kinds: Mapping[str, Sequence[str]], old: _Side, new: _Side
) -> tuple[ReviewedChange, ...]:
    """Rows that came, changed or went after a reviewer of outputs had sent their record back."""
    with workspace.read() as connection:
        sent = corrections.of_project(connection, project_id)
        contents = {id: each.content_hash for id, each in records.some(connection, {s.record_id for s in sent}).items()}
    found = []
    for change, side in (("added", new), ("edited", new), ("removed", old)):
        rows = set(kinds[change])
        for each in sent:
            for row_id in sorted(side.imported.get(contents.get(each.record_id, ""), set()) & rows):
                found.append(
                    ReviewedChange(
                        change=change, row_id=row_id, record_id=each.record_id, kind=each.kind, reason=each.reason
                    )
                )
    return tuple(found)


def _pair(gone: Collection[str], fresh: Collection[str], old: _Side, new: _Side) -> dict[str, str]:
    """Rows that went and rows that came which are one record, edited: they share a content that they came in with."""
    pairs: dict[str, str] = {}
    taken: set[str] = set()
    for imported in sorted(old.imported.keys() & new.imported.keys()):
        before = sorted(each for each in old.imported[imported] if each in gone and each not in pairs)
        after = sorted(each for each in new.imported[imported] if each in fresh and each not in taken)
        for one, other in zip(before, after, strict=False):
            pairs[one] = other
            taken.add(other)
    return pairs


def _side(workspace: Workspace, stated: Manifest, *, buckets: set[int]) -> _Side:
    folder = folder_of(workspace, stated.id)
    side = _Side({}, {})
    with querying(stated.id) as connection:
        for split in Split:
            paths = files.paths_of(folder, split)
            file = {"file": [str(content) for content, _ in paths]}
            query = FIRST_IDENTITIES if stated.format == 1 else IDENTITIES
            for row in connection.execute(query, file).fetchall():
                if identity.bucket_of(row[0]) in buckets:
                    side.entries[row[0]] = identity.Entry(row[0], row[1], row[2], split.value)
            if stated.format > 1:
                file = {"file": [str(origins) for _, origins in paths]}
                for row_id, imported in connection.execute(IMPORTED, file).fetchall():
                    if row_id in side.entries:
                        side.imported.setdefault(imported, set()).add(row_id)
    return side
