"""Reading frozen versions: their rows, their manifest, the differences between two, and whether one is intact."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import duckdb
from pydantic import ValidationError

from curator.errors import VersionError
from curator.store import versions as register
from curator.versions import files, identity
from curator.workspace import Workspace
from schemas.version import DiffReport, FrozenRow, Manifest, Split, VerifyReport, Version


def find(workspace: Workspace, name_or_id: str) -> Version:
    """The version with this name, id or unambiguous beginning of an id.

    Raises:
        NotFoundError: None or more than one fits.
    """
    with workspace.read() as connection:
        return register.get(connection, name_or_id)


def manifest(workspace: Workspace, version: str) -> Manifest:
    """The manifest of a version.

    Raises:
        VersionError: The folder of the version is missing or damaged.
    """
    file = _folder(workspace, version) / files.MANIFEST
    try:
        return Manifest.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise VersionError(
            f"The manifest {file} cannot be read: {error}.", hint="Restore the folder from a backup."
        ) from error


def rows(workspace: Workspace, version: str, *, split: Split | None = None) -> Iterator[FrozenRow]:
    """Every row of a version, or of one split, streamed; ordered by split and row id.

    Raises:
        VersionError: A file of the version is missing or damaged.
    """
    folder = _folder(workspace, version)
    for wanted in Split if split is None else (split,):
        for row, _meta in _read(folder, wanted):
            yield row


def page(workspace: Workspace, version: str, *, split: Split, offset: int, limit: int) -> list[FrozenRow]:
    """`limit` rows of a split from position `offset`."""
    return list(islice(rows(workspace, version, split=split), offset, offset + limit))


def verify(workspace: Workspace, version: str) -> VerifyReport:
    """Whether files, rows and id of a version still belong together; every problem is named."""
    known = find(workspace, version)
    stated = manifest(workspace, version)
    folder = _folder(workspace, version)
    problems: list[str] = []
    for expected in stated.files:
        file = folder / expected.path
        if not file.is_file():
            problems.append(f"File {expected.path} is missing.")
        elif files.hash_file(file, name=expected.path) != expected:
            problems.append(f"File {expected.path} is not the one that was frozen (its sha256 differs).")
    entries: list[identity.Entry] = []
    for split in Split:
        try:
            for row, meta in _read(folder, split):
                if identity.row_hash(row.record) != row.row_hash:
                    problems.append(f"Row {row.row_id} in {split.value} does not have the content that its hash names.")
                if identity.meta_hash(row.record) != meta:
                    problems.append(
                        f"Row {row.row_id} in {split.value} does not have the metadata that its hash names."
                    )
                entries.append(identity.Entry(row.row_id, row.row_hash, meta, split.value))
        except VersionError as error:
            problems.append(error.problem)
    buckets = identity.bucket_hashes(entries)
    if identity.version_id(buckets) != known.id or stated.id != known.id or tuple(buckets) != stated.buckets:
        problems.append(f"The rows do not give the id {known.id}.")
    return VerifyReport(version=known.id, ok=not problems, problems=tuple(problems))


IDENTITIES = """
SELECT row_id, row_hash, meta_hash
FROM read_parquet($file)
"""  # one row per frozen row

_EXAMPLES = 10


def diff(workspace: Workspace, before: str, after: str) -> DiffReport:
    """What changed from version `before` to version `after`; only buckets that differ are compared."""
    first, second = manifest(workspace, before), manifest(workspace, after)
    changed = {n for n, pair in enumerate(zip(first.buckets, second.buckets, strict=True)) if pair[0] != pair[1]}
    old, new = (_entries(workspace, each, buckets=changed) for each in (before, after))
    both = sorted(old.keys() & new.keys())
    kinds = {
        "added": sorted(new.keys() - old.keys()),
        "removed": sorted(old.keys() - new.keys()),
        "edited": [i for i in both if old[i].row_hash != new[i].row_hash],
        "relabelled": [i for i in both if old[i].row_hash == new[i].row_hash and old[i].meta_hash != new[i].meta_hash],
        "moved": [i for i in both if old[i].split != new[i].split],
    }
    counts = {kind: len(ids) for kind, ids in kinds.items()}
    examples = {kind: tuple(ids[:_EXAMPLES]) for kind, ids in kinds.items() if ids}
    return DiffReport(before=first.id, after=second.id, **counts, examples=examples)


def _entries(workspace: Workspace, version: str, *, buckets: set[int]) -> dict[str, identity.Entry]:
    folder = _folder(workspace, version)
    found: dict[str, identity.Entry] = {}
    with duckdb.connect() as connection:
        for split in Split:
            for row in connection.execute(IDENTITIES, {"file": str(folder / files.split_file(split))}).fetchall():
                if identity.bucket_of(row[0]) in buckets:
                    found[row[0]] = identity.Entry(row[0], row[1], row[2], split.value)
    return found


def _folder(workspace: Workspace, version: str) -> Path:
    return workspace.versions_folder / find(workspace, version).id


def _read(folder: Path, split: Split) -> Iterator[tuple[FrozenRow, str]]:
    file = folder / files.split_file(split)
    try:
        yield from files.read_split(file, split)
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        raise VersionError(
            f"File {file.name} of the version cannot be read: {error}.", hint="Restore it from a backup."
        ) from error


def newest_first(workspace: Workspace) -> list[Version]:
    """All versions, newest first."""
    with workspace.read() as connection:
        return register.newest_first(connection)
