"""Whether a version is still what was frozen: files, rows, manifest and register must tell the same story.

Nothing that is found wrong is an exception: it is a problem in the report, and every other check goes on. Three
witnesses stand for one another: the id (over what the rows say), the hashes of the files in the manifest, and the hash
of the manifest in the event log, where freezing wrote it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from curator.errors import VersionError
from curator.quality.fingerprint import content_hash, row_id
from curator.store import events
from curator.versions import files, first_format, identity
from curator.versions.rows import find
from curator.workspace import Workspace
from schemas.version import Manifest, Split, VerifyReport, Version

_SHOWN = 20
"""Problems of single rows that are listed; more are counted."""


def verify(workspace: Workspace, version: str) -> VerifyReport:
    """Whether files, rows, manifest and register of a version still belong together; every problem is named."""
    known = find(workspace, version)
    folder = workspace.versions_folder / known.id
    problems = list(_manifest_problems(workspace, known))
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
    with workspace.read() as connection:
        frozen = [event.detail for event in events.about(connection, version_id) if event.kind == "freeze"]
    noted = [detail["manifest"] for detail in frozen if isinstance(detail, dict) and "manifest" in detail]
    return str(noted[-1]) if noted else None


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
    if stated.id != known.id:
        yield f"The manifest names the version {stated.id}."
    if stated.rows != known.rows:
        yield f"The manifest counts {stated.rows} rows, the register {known.rows}."
    if stated.splits != known.splits:
        yield "The manifest and the register count the rows of the splits differently."


def _file_problems(folder: Path, stated: Manifest) -> Iterator[str]:
    """Files against the manifest: changed, missing, and those that do not belong there."""
    listed = {file.path: file for file in (*stated.files, *stated.provenance)}
    wanted = {files.split_file(split) for split in Split}
    if stated.format > 1:
        wanted |= {files.provenance_file(split) for split in Split}
    for path in sorted(wanted ^ listed.keys()):
        yield f"File {path} is {'not listed in' if path in wanted else 'unknown to this format but in'} the manifest."
    for path, expected in listed.items():
        file = folder / path
        if not file.is_file():
            yield f"File {path} is missing."
        elif files.hash_file(file, name=path) != expected:
            yield f"File {path} is not the one that was frozen (its sha256 differs)."
    present = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    for path in sorted(present - listed.keys() - {files.MANIFEST}):
        yield f"File {path} was not frozen with the version."


def _row_problems(folder: Path, stated: Manifest | None, known: Version) -> Iterator[str]:
    """Rows against their own hashes, and all of them against id, manifest and register."""
    entries: list[identity.Entry] = []
    provenance = identity.ProvenanceHash()
    sources: Counter[str] = Counter()
    licences: Counter[str] = Counter()
    wrong = 0
    for split in Split:
        try:
            before = ""
            for each in files.read_split(folder, split):
                row = each.row
                for problem in _problems_of_row(each, before):
                    wrong += 1
                    if wrong <= _SHOWN:
                        yield f"Row {row.row_id} in {split.value} {problem}."
                before = row.row_id
                entries.append(identity.Entry(row.row_id, row.row_hash, each.training_hash, split.value))
                provenance.add(row.row_id, row.arrivals)
                sources.update(arrival.origin.source for arrival in row.arrivals)
                licences.update(arrival.licence or "" for arrival in row.arrivals)
        except (OSError, ValueError, KeyError, TypeError) as error:  # pyarrow's errors are ValueErrors
            yield f"The {split.value} split cannot be read: {error}."
    if wrong > _SHOWN:
        yield f"{wrong - _SHOWN} more rows are wrong."
    splits = {split: sum(entry.split == split.value for entry in entries) for split in Split}
    try:
        buckets = identity.bucket_hashes(entries)
    except ValueError:
        yield "A row id is not hexadecimal."
        return
    if identity.version_id(buckets) != known.id:
        yield f"The rows do not give the id {known.id}."
    if (len(entries), splits) != (known.rows, known.splits):
        yield f"There are {len(entries)} rows; the register counts {known.rows}, or divides them otherwise."
    if stated is None:
        return
    recounted = {
        "schema_hash": identity.SCHEMA_HASH,
        "rows": len(entries),
        "splits": splits,
        "buckets": tuple(buckets),
        "provenance_hash": provenance.hexdigest(),
        "sources": dict(sources),
        "licences": dict(licences),
    }
    for field, value in recounted.items():
        if getattr(stated, field) != value:
            yield f"The manifest's {field} is not what the rows give."


def _problems_of_row(each: files.ReadRow, before: str) -> Iterator[str]:
    row = each.row
    if content_hash(row.record) != row.row_hash:
        yield "does not have the content that its hash names"
    if row_id(row.row_hash) != row.row_id:
        yield "has an id that is not the beginning of its hash"
    if identity.training_hash_of(each.groups, row.record.labels) != each.training_hash:
        yield "does not have the groups and labels that its hash names"
    if row.record.groups != each.groups:
        yield "came in with other groups than it has"
    if (row.record.instruction, row.record.response) != (each.instruction, each.response):
        yield "shows another instruction or response than its messages hold"
    if row.row_id <= before:
        yield "stands twice or out of order"


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
