"""Whether a version is still what was frozen: files, rows, manifest and register must tell the same story.

Nothing that is found wrong is an exception: it is a problem in the report, and every other check goes on. Three
witnesses stand for one another: the id (over what the rows say), the hashes of the files in the manifest, and the hash
of the manifest in the event log, where freezing wrote it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from curator.errors import VersionError
from curator.pool import cores, processes
from curator.quality.fingerprint import content_hash
from curator.quality.sorting import ordered_rows, words_of
from curator.store import events
from curator.versions import files, first_format, identity
from curator.versions.checking import CheckedChunk, Chunk, check_chunk, columns_of, entries_of
from curator.versions.chunks import bits_for
from curator.versions.rows import find
from curator.workspace import Workspace
from schemas.event import Kind
from schemas.version import FileHash, Manifest, Split, VerifyReport, Version

_WORTH_PROCESSES = 100_000
"""Rows from which on several processes are faster than one, which need not be started."""
_SHOWN = 20
"""Problems of single rows that are listed; more are counted."""


def verify(workspace: Workspace, version: str) -> VerifyReport:
    """Whether files, rows, manifest and register of a version still belong together; every problem is named."""
    known = find(workspace, version)
    folder = workspace.versions_folder / known.id
    problems = [*_manifest_problems(workspace, known), *_register_problems(workspace, known)]
    stated = _manifest(folder)
    if stated is not None and stated.format == 1:
        problems += [*_file_problems(folder, stated), *_first_format_problems(folder, stated, known)]
    else:
        problems += _file_problems(folder, stated) if stated is not None else ()
        problems += _row_problems(folder, stated, known)
    return VerifyReport(version=known.id, ok=not problems, problems=tuple(problems))


def damage(workspace: Workspace, known: Version) -> list[str]:
    """What is wrong with the files of a version, told by their hashes alone: a fraction of the time of `verify`."""
    stated = _manifest(workspace.versions_folder / known.id)
    problems = list(_manifest_problems(workspace, known))
    return problems + list(_file_problems(workspace.versions_folder / known.id, stated)) if stated else problems


def require_intact(workspace: Workspace, version: str) -> None:
    """Refuse a version whose files are not those that were frozen; whatever reads it for others asks this first.

    Raises:
        VersionError: A file is damaged, missing or too many.
    """
    known = find(workspace, version)
    if problems := damage(workspace, known):
        raise VersionError(
            f"Version {known.id[:12]} is damaged: {problems[0]}",
            hint="Freeze the same records again, which writes it anew, or restore its folder from a backup. "
            "`curator verify` lists everything that is wrong.",
        )


def registered_manifest(workspace: Workspace, version_id: str) -> str | None:
    """sha256 of a version's manifest as freezing noted it; None for a version that was frozen before it was noted."""
    noted = [detail["manifest"] for _, detail in _notes(workspace, version_id) if "manifest" in detail]
    return str(noted[-1]) if noted else None


def _notes(workspace: Workspace, version_id: str) -> list[tuple[events.Event, dict[str, Any]]]:
    """Every freeze of a version as the log holds it, oldest first."""
    with workspace.read() as connection:
        frozen = events.about(connection, version_id, kinds=[Kind.FREEZE])
    return [(event, event.detail) for event in frozen if isinstance(event.detail, dict)]


def _manifest(folder: Path) -> Manifest | None:
    try:
        return Manifest.model_validate_json((folder / files.MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return None


def _manifest_problems(workspace: Workspace, known: Version) -> Iterator[str]:
    """The manifest against the register."""
    file = workspace.versions_folder / known.id / files.MANIFEST
    try:
        raw = file.read_bytes()
        stated = Manifest.model_validate_json(raw)
    except OSError as error:
        yield f"The manifest cannot be read: {error.strerror}."
        return
    except ValidationError as error:
        yield f"The manifest is not one: {error.error_count()} of its fields are wrong or missing."
        return
    noted = registered_manifest(workspace, known.id)
    if noted is not None and hashlib.sha256(raw).hexdigest() != noted:
        yield "The manifest is not the one that was frozen (its sha256 differs)."
    if noted is None and stated.format > 1:
        yield "The log does not hold the sha256 of the manifest, which freezing writes there."
    if stated.id != known.id:
        yield f"The manifest names the version {stated.id}."
    if stated.rows != known.rows:
        yield f"The manifest counts {stated.rows} rows, the register {known.rows}."
    if stated.splits != known.splits:
        yield "The manifest and the register count the rows of the splits differently."


def _register_problems(workspace: Workspace, known: Version) -> Iterator[str]:
    """The register against the log, where freezing noted who froze what when, and how it is called."""
    notes = _notes(workspace, known.id)
    if not notes:
        return
    first, detail = notes[0]
    names = [detail["name"] for _, detail in notes if detail.get("name") is not None]
    # Names of later freezes were left out once, so a version may still be without the one that the log holds.
    if known.name != next(iter(names), None) and (known.name is not None or detail.get("name") is not None):
        yield f"The register calls the version {known.name}, the log {next(iter(names), None)}."
    if known.created_by != first.actor:
        yield f"The register says that {known.created_by} froze it, the log that {first.actor} did."
    if known.created_at != first.at:
        yield f"The register says that it was frozen at {known.created_at}, the log at {first.at}."
    if known.project_id != detail.get("project", known.project_id):
        yield f"The register counts it to project {known.project_id}, the log to {detail['project']}."


def _file_problems(folder: Path, stated: Manifest) -> Iterator[str]:
    """Files against the manifest: changed, missing, and those that do not belong there."""
    listed = {file.path: file for file in (*stated.files, *stated.provenance)}
    wanted = _wanted_files(stated)
    for path in sorted(wanted ^ listed.keys()):
        yield f"File {path} is {'not listed in' if path in wanted else 'unknown to this format but in'} the manifest."
    with ThreadPoolExecutor(cores()) as threads:
        for path, hashed in zip(listed, threads.map(lambda path: _hashed(folder, path), listed), strict=True):
            if hashed is None:
                yield f"File {path} is missing."
            elif hashed != listed[path]:
                yield f"File {path} is not the one that was frozen (its sha256 differs)."
    frozen = {folder / path for path in (*listed, files.MANIFEST)}
    folders = {parent for each in frozen for parent in each.parents}
    for present in sorted(folder.rglob("*")):
        path = present.relative_to(folder).as_posix()
        if present.is_symlink():
            yield f"File {path} is a link, which freezing never writes."
        elif present.is_dir():
            if present not in folders:
                yield f"Folder {path} was not frozen with the version."
        elif present not in frozen or not present.is_file():
            yield f"File {path} was not frozen with the version."


def _hashed(folder: Path, path: str) -> FileHash | None:
    file = folder / path
    return files.hash_file(file, name=path) if file.is_file() else None


def _wanted_files(stated: Manifest) -> set[str]:
    """Paths of the files that a version of this format and size has."""
    wanted: set[str] = set()
    for split in Split:
        bits = bits_for(stated.splits.get(split, 0)) if stated.format > 2 else 0
        for number in range(1 << bits):
            wanted.add(files.chunk_file(split, number, bits=bits))
            if stated.format > 1:
                wanted.add(files.provenance_of(split, number, bits=bits))
    return wanted


def _row_problems(folder: Path, stated: Manifest | None, known: Version) -> Iterator[str]:
    """Rows against their own hashes, and all of them against id, manifest and register."""
    format = files.FORMAT if stated is None else stated.format
    chunks = [Chunk(*paths, split, format) for split in Split for paths in files.paths_of(folder, split)]
    lost = VersionError(
        "A process that verifies was ended from outside, perhaps for want of memory.", hint="Verify again."
    )
    with processes(are_worth_it=known.rows > _WORTH_PROCESSES, lost=lost) as pool:
        checked = list(pool.each(check_chunk, chunks))
    problems = [problem for each in checked for problem in each.problems]
    yield from (f"Row {problem}." for problem in problems[:_SHOWN])
    if (more := len(problems[_SHOWN:]) + sum(each.more_problems for each in checked)) > 0:
        yield f"{more} more rows are wrong."
    unreadable = {each.split: each.error for each in reversed(checked) if each.error}
    yield from (f"The {split.value} split cannot be read: {error}." for split, error in unreadable.items())
    splits = {split: sum(each.rows for each in checked if each.split is split) for split in Split}
    try:
        buckets = _buckets(checked)
    except ValueError:
        yield "A row id is not hexadecimal."
        return
    rows = sum(splits.values())
    if identity.version_id(buckets) != known.id:
        yield f"The rows do not give the id {known.id}."
    if (rows, splits) != (known.rows, known.splits):
        yield f"There are {rows} rows; the register counts {known.rows}, or divides them otherwise."
    if stated is None:
        return
    recounted = {
        "schema_hash": identity.SCHEMA_HASH,
        "rows": rows,
        "splits": splits,
        "buckets": tuple(buckets),
        "provenance_hash": _provenance_hash(folder, format, checked),
        "sources": dict(sum((each.sources for each in checked), Counter())),
        "licences": dict(sum((each.licences for each in checked), Counter())),
    }
    for field, value in recounted.items():
        if getattr(stated, field) != value:
            yield f"The manifest's {field} is not what the rows give."


def _buckets(checked: list[CheckedChunk]) -> list[str]:
    if any(each.entries is not None for each in checked):
        return identity.bucket_hashes(entry for each in checked for entry in entries_of(each))
    hashes, training, splits = columns_of(checked)
    order, is_new = ordered_rows(words_of(hashes.tobytes()))
    if not is_new.all():  # a row in two splits
        return identity.bucket_hashes(entry for each in checked for entry in entries_of(each))
    return identity.bucket_hashes_of(hashes[order], training[order], splits[order], [*Split])


def _provenance_hash(folder: Path, format: int, checked: list[CheckedChunk]) -> str | None:
    if format > 2:
        return identity.hash_parts(each.arrivals_hash for each in checked)
    digest = identity.ProvenanceHash()
    try:
        for split in Split:
            for each in files.read_split(folder, split):
                digest.add(each.row.row_id, each.row.arrivals)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # said already
    return digest.hexdigest()


def _first_format_problems(folder: Path, stated: Manifest, known: Version) -> Iterator[str]:
    entries: list[first_format.Entry] = []
    for split in Split:
        try:
            for row, entry, metadata_fits in first_format.read_split(folder, split):
                if content_hash(row.record) != row.row_hash:
                    yield f"Row {row.row_id} in {split.value} does not have the content that its hash names."
                if not metadata_fits:
                    yield f"Row {row.row_id} in {split.value} does not have the metadata that its hash names."
                entries.append(entry)
        except (OSError, ValueError, KeyError, TypeError) as error:
            yield f"The {split.value} split cannot be read: {error}."
    buckets = first_format.bucket_hashes(entries)
    if first_format.version_id(buckets) != known.id or tuple(buckets) != stated.buckets:
        yield f"The rows do not give the id {known.id}."
