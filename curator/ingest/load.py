"""Import: read a file, check every row, store the good ones, keep the bad ones, report the sum."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from curator.access import require
from curator.ingest import mapping
from curator.ingest.formats import read_record, recognise
from curator.ingest.opening import open_rows, plain_name
from curator.ingest.rows import Row
from curator.quality.contamination import Firewall, holds_test_prompt
from curator.store import batches, events, projects, quarantine, records, suites
from curator.workspace import Workspace
from schemas.account import Right
from schemas.importing import FieldMap, Format, ImportReport, RowIssue
from schemas.record import Record

_CHUNK = 5_000
"""Rows per transaction: large enough to be fast, small enough not to keep annotators waiting."""
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
    """Import a file; `read = imported + quarantined + duplicates` in the report always holds.

    An import that was cut short can be run again: what is known counts as duplicate, and a row that is already in
    quarantine is not kept twice.

    Args:
        workspace: Where to store.
        file: Of any kind that `curator.ingest.readers` knows.
        actor: Who imports.
        format: By default recognised from the rows.
        field_map: Columns by the words of the record that they hold.
        accept: Take the records as reviewed, so that they can be frozen without an annotation.
        project: By default the first one.
        on_progress: Is told the number of rows read so far.

    Raises:
        IngestError: The file cannot be read at all, its format is not recognised, or the mapping names a field or a
            column that does not exist.
    """
    require(workspace, actor, Right.CURATE)
    field_map = field_map or FieldMap()
    mapping.check_fields(field_map)
    opened = open_rows(file)
    sample = list(islice(opened.rows, _SAMPLE))
    opened = opened._replace(rows=chain(sample, opened.rows))
    _check_columns(file, field_map, sample)
    if format is None:
        format = recognise((row for row in sample if isinstance(row, Row)), field_map)
    with file.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    settings = {"columns": field_map.columns, "header": opened.header, "delimiter": opened.delimiter, "accept": accept}
    with workspace.write() as connection:
        owner = projects.by_name(connection, project)
        firewall = suites.firewall(connection)
        kept = quarantine.lines_of_file(connection, owner.id, sha256)
        batch_id = batches.begin(
            connection,
            project_id=owner.id,
            file_name=plain_name(file),
            sha256=sha256,
            format=format.value,
            settings=settings,
            actor=actor,
            at=workspace.clock(),
        )
    read = imported = quarantined = 0
    shown: list[RowIssue] = []
    rows = iter(opened.rows)
    while chunk := list(islice(rows, _CHUNK)):
        good, bad = _divide(check_rows(chunk, format, field_map, source=plain_name(file), firewall=firewall))
        with workspace.write() as connection:
            ids = records.add_many(
                connection, good, project=owner, at=workspace.clock(), batch_id=batch_id, accept=accept
            )
            quarantine.add_many(connection, [issue for issue in bad if issue.line not in kept], batch_id=batch_id)
            fresh = sum(record_id is not None for record_id in ids)
            batches.count(connection, batch_id, imported=fresh, quarantined=len(bad), duplicates=len(good) - fresh)
        read += len(chunk)
        imported += fresh
        quarantined += len(bad)
        shown += bad[: _SHOWN - len(shown)]
        if on_progress is not None:
            on_progress(read)
    report = ImportReport(
        file=plain_name(file),
        sha256=sha256,
        format=format,
        read=read,
        imported=imported,
        quarantined=quarantined,
        duplicates=read - imported - quarantined,
        issues=tuple(shown),
    )
    with workspace.write() as connection:
        batches.finish(connection, batch_id)
        detail = report.model_dump(mode="json", exclude={"issues"})
        events.append(connection, "import", f"import {batch_id}", actor=actor, at=workspace.clock(), detail=detail)
    return report


def _check_columns(file: Path, field_map: FieldMap, sample: Iterable[Row | RowIssue]) -> None:
    """Check that the file has every column of a mapping; one that the sample lacks is looked for in every row."""
    known = list(dict.fromkeys(key for row in sample if isinstance(row, Row) for key in row.values))
    missing = mapping.missing_columns(field_map, (row.values for row in sample if isinstance(row, Row)))
    if missing:
        rest = (row.values for row in open_rows(file).rows if isinstance(row, Row))
        missing = mapping.missing_columns(FieldMap(columns={each: each for each in missing}), rest)
    if missing:
        raise mapping.unknown_column(min(missing), known=known, file_name=plain_name(file))


def check_rows(
    rows: Iterable[Row | RowIssue],
    format: Format,
    field_map: FieldMap,
    *,
    source: str,
    firewall: Firewall,
) -> Iterator[Record | RowIssue]:
    """Every row as a record, or why it is none; a row with a test prompt is never let in."""
    for row in rows:
        checked = row if isinstance(row, RowIssue) else read_record(row, format, field_map, source=source)
        if isinstance(row, Row) and isinstance(checked, Record) and holds_test_prompt(checked, firewall):
            problem = "A prompt of a test suite, or its answer, stands in this record; test prompts never train."
            yield RowIssue(line=row.line, field="", rule="suite-prompt", problem=problem, text=row.text)
        else:
            yield checked


def _divide(checked: Iterable[Record | RowIssue]) -> tuple[list[Record], list[RowIssue]]:
    good: list[Record] = []
    bad: list[RowIssue] = []
    for each in checked:
        if isinstance(each, Record):
            good.append(each)
        else:
            bad.append(each)
    return good, bad


def recent_imports(workspace: Workspace, *, project_id: int, limit: int = 20) -> list[batches.StoredBatch]:
    """The newest imports of a project, newest first."""
    with workspace.read() as connection:
        return batches.newest_first(connection, project_id=project_id, limit=limit)
