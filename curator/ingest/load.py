"""Import: read a file, check every row, store the good ones, keep the bad ones, report the sum."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from curator.access import require
from curator.ingest import mapping
from curator.ingest.blocks import CheckedBlock, Rules, blocks_of, check_blocks
from curator.ingest.formats import columns_of, recognise
from curator.ingest.opening import open_rows, plain_name
from curator.ingest.preview import columns_in, header_hash
from curator.ingest.rows import Row
from curator.ingest.sources import Source, sources_of
from curator.ingest.unread import unread_columns
from curator.store import Connection, batches, events, parts, projects, quarantine, records, suites
from curator.store.contents import HASH, Contents, last_key
from curator.store.engine import LONGEST_POLL_SECONDS
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind, of_import
from schemas.importing import FieldMap, Format, ImportReport, RowIssue
from schemas.project import Project

_CHUNK = 3_500
"""Rows per transaction: it ends in well under 50 ms, so that an annotator who submits meanwhile does not notice."""
_WORTH_READING_ALL = 64
"""Bytes of a file for each record of the project above which all its contents are read: to look one row up takes as
long as to read eight contents."""
_SAMPLE = 100
"""Rows that are looked at to recognise the format."""
_SHOWN = 20


def import_file(
    workspace: Workspace,
    file: Path,
    *,
    actor: str,
    format: Format | None = None,
    field_map: FieldMap | None = None,
    accept: bool = False,
    project: str | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Import a file, or every file of a folder; `read = imported + quarantined + duplicates` always holds.

    An import that was cut short can be run again: what is known counts as duplicate, and a row that is already in
    quarantine is not kept twice.

    Args:
        workspace: Where to store.
        file: Of any kind that `curator.ingest.readers` knows, or what `curator.ingest.sources` makes files of.
        actor: Who imports.
        format: By default recognised from the rows.
        field_map: Columns by the words of the record that they hold.
        accept: Take the records as reviewed, so that they can be frozen without an annotation. Those that wait already
            go on waiting, and are counted.
        project: By default the first one.
        on_progress: Is told the number of rows read so far.

    Returns:
        The report; of several files their sum, with one report each in `parts`.

    Raises:
        IngestError: The file cannot be read at all, its format is not recognised, or the mapping names a field or a
            column that does not exist.
    """
    require(workspace, actor, Right.CURATE)
    mapping.check_fields(field_map or FieldMap())
    reports: list[ImportReport] = []
    for source in sources_of(file):
        before = sum(report.read for report in reports)
        report = _import_source(
            workspace,
            _with_settings(source, format, field_map),
            actor=actor,
            accept=accept,
            project=project,
            on_progress=None if on_progress is None else partial(_count_on, on_progress, before),
        )
        reports.append(report)
    return reports[0] if len(reports) == 1 else _summed(reports, name=plain_name(file))


def _with_settings(source: Source, format: Format | None, field_map: FieldMap | None) -> Source:
    """A source, read as the caller says where the caller says anything."""
    if format is None and not (field_map and field_map.columns):
        return source
    return source._replace(format=format, field_map=field_map or FieldMap())


def _count_on(on_progress: Callable[[int], None], before: int, read: int) -> None:
    on_progress(before + read)


def _summed(reports: list[ImportReport], *, name: str) -> ImportReport:
    counts = {
        count: sum(getattr(report, count) for report in reports)
        for count in ("read", "imported", "quarantined", "duplicates", "still_waiting")
    }
    hashes = "".join(report.sha256 for report in reports)
    issues = [issue for report in reports for issue in report.issues]
    return ImportReport(
        file=name,
        sha256=hashlib.sha256(hashes.encode()).hexdigest(),
        format=reports[0].format,
        **counts,
        issues=tuple(issues[:_SHOWN]),
        unread=tuple(dict.fromkeys(column for report in reports for column in report.unread)),
        parts=tuple(reports),
    )


def _import_source(
    workspace: Workspace,
    source: Source,
    *,
    actor: str,
    accept: bool,
    project: str | None,
    on_progress: Callable[[int], None] | None,
) -> ImportReport:
    file, name, format, field_map = source
    opened = open_rows(file)
    sample = list(islice(opened.rows, _SAMPLE))
    opened = opened._replace(rows=chain(sample, opened.rows))
    _check_columns(file, field_map, sample)
    if format is None:
        format = recognise((row for row in sample if isinstance(row, Row)), field_map)
    with file.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    settings = {
        "columns": field_map.columns,
        "tags": field_map.tags,
        "header": opened.header,
        "header_hash": header_hash(columns_in(sample)),
        "delimiter": opened.delimiter,
        "accept": accept,
    }
    with workspace.write() as connection:
        records.sweep(connection)
        owner = projects.by_name(connection, project)
        firewall = suites.firewall(connection)
        batch_id = batches.begin(
            connection,
            project_id=owner.id,
            file_name=name,
            sha256=sha256,
            format=format.value,
            settings=settings,
            actor=actor,
            at=workspace.clock(),
        )
        stored_before = batches.rows_of_try(connection, batch_id)
    read = imported = quarantined = 0
    shown: list[RowIssue] = []
    failed: set[int] = set()
    part_names = f"{batch_id:08d}-{secrets.token_hex(4)}"
    rules = Rules(format, field_map, name, firewall, workspace.records_folder, part_names)
    with workspace.read() as connection:
        is_large = file.stat().st_size >= _WORTH_READING_ALL * last_key(connection, owner.id)
        contents = Contents.every(connection, owner.id) if is_large else None
    target = _Target(owner, batch_id, sha256, accept, stored_before, contents)
    with parts.importing(workspace.records_folder):
        for block in check_blocks(blocks_of(opened), rules):
            imported += _store(workspace, block, target, read=read)
            failed.update(issue.line for issue in block.issues)
            read += block.rows
            quarantined += len(block.issues)
            shown += block.issues[: _SHOWN - len(shown)]
            if on_progress is not None:
                on_progress(read)
    with workspace.read() as connection:
        still_waiting = records.count_waiting_again(connection, batch_id) if accept else 0
    report = ImportReport(
        file=name,
        sha256=sha256,
        format=format,
        still_waiting=still_waiting,
        read=read,
        imported=imported,
        quarantined=quarantined,
        duplicates=read - imported - quarantined,
        issues=tuple(shown),
        unread=unread_columns((row for row in sample if isinstance(row, Row)), format, field_map),
    )
    with workspace.write() as connection:
        batches.finish(connection, batch_id)
        quarantine.close_others(
            connection, project_id=owner.id, sha256=sha256, failed=failed, actor=actor, at=workspace.clock(),
            batch_id=batch_id,
        )  # fmt: skip
        detail = report.model_dump(mode="json", exclude={"issues"})
        events.append(connection, Kind.IMPORT, of_import(batch_id), actor=actor, at=workspace.clock(), detail=detail)
    return report


def _check_columns(file: Path, field_map: FieldMap, sample: Iterable[Row | RowIssue]) -> None:
    """Check that the file has every column of a mapping; one that the sample lacks is looked for in every row."""
    columns = [columns_of(row.values) for row in sample if isinstance(row, Row)]
    missing = mapping.missing_columns(field_map, columns)
    if missing:
        rest = (columns_of(row.values) for row in open_rows(file).rows if isinstance(row, Row))
        missing = mapping.missing_columns(FieldMap(columns={each: each for each in missing}), rest)
    if missing:
        known = list(dict.fromkeys(column for each in columns for column in each))
        raise mapping.unknown_column(min(missing), known=known, file_name=plain_name(file))


class _Target(NamedTuple):
    """Where and how an import stores."""

    project: Project
    batch_id: int
    sha256: str
    """Of the file."""
    accept: bool
    stored_before: int
    """Rows of this file that an earlier try of the same import has stored."""
    contents: Contents | None
    """Every content of the project, unless the file is small beside it."""


def _store(workspace: Workspace, block: CheckedBlock, target: _Target, *, read: int) -> int:
    """Store what a block became, in transactions of some thousand rows. Returns how many records are new.

    After each there is a pause, in which one who waits for the database finds it free.

    Args:
        workspace: Where.
        block: Its part is removed again when nothing of it is new.
        target: Where in there, and how.
        read: Rows of the file before this block.
    """
    imported, part_id = 0, None
    for start in range(0, max(block.records, len(block.issues)), _CHUNK):
        rows = slice(start * HASH, (start + _CHUNK) * HASH)
        hashes = block.content_hashes[rows]
        bad = block.issues[start : start + _CHUNK]
        good = len(hashes) // HASH
        contents = target.contents or _among(workspace, target, hashes)
        known = contents.look_up(hashes)
        with workspace.write() as connection:
            fresh = 0
            if good and block.part is not None:
                keep_again = read >= target.stored_before
                with connection.begin_nested() as attempt:
                    id_ = part_id or records.add_part(connection, block.part, batch_id=target.batch_id)
                    some = records.PartRows(id_, start, hashes, block.prompt_hashes[rows])
                    fresh = records.add_rows(
                        connection, some, project=target.project, batch_id=target.batch_id, accept=target.accept,
                        contents=contents, known=known, keep_again=keep_again,
                    )  # fmt: skip
                    if fresh or (keep_again and fresh < good):
                        part_id = id_
                    elif part_id is None:
                        attempt.rollback()
            _quarantine(connection, bad, target)
            batches.count(connection, target.batch_id, imported=fresh, quarantined=len(bad), duplicates=good - fresh)
        contents.merge()
        time.sleep(LONGEST_POLL_SECONDS)
        imported += fresh
        read += good + len(bad)
    if block.part is not None and part_id is None:
        parts.remove(workspace.records_folder, block.part.name)
    return imported


def _among(workspace: Workspace, target: _Target, hashes: bytes) -> Contents:
    with workspace.read() as connection:
        return Contents.among(connection, target.project.id, hashes)


def _quarantine(connection: Connection, issues: list[RowIssue], target: _Target) -> None:
    if not issues:
        return
    projects.lock(connection, target.project.id)  # another import of the file must not add the same rows
    known = quarantine.of_file(
        connection, target.project.id, target.sha256, first_line=min(issue.line for issue in issues),
        last_line=max(issue.line for issue in issues),
    )  # fmt: skip
    quarantine.add_many(connection, [issue for issue in issues if issue.line not in known], batch_id=target.batch_id)
    again = {known[issue.line]: issue for issue in issues if issue.line in known}
    quarantine.renew(connection, again, batch_id=target.batch_id)


def recent_imports(
    workspace: Workspace, *, project_id: int | None = None, project: str | None = None, limit: int = 20
) -> list[batches.StoredBatch]:
    """The newest imports of a project (by id or by name, by default the first one), newest first."""
    with workspace.read() as connection:
        if project_id is None:
            project_id = projects.by_name(connection, project).id
        return batches.newest_first(connection, project_id=project_id, limit=limit)
