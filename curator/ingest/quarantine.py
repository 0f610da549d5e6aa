"""Quarantine: rows that failed an import are a queue of work: listed, corrected, tried again or discarded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import orjson

from curator.access import require
from curator.errors import IngestError
from curator.ingest import mapping
from curator.ingest.check import check_row
from curator.ingest.formats import columns_of
from curator.ingest.preview import columns_in
from curator.ingest.readers.delimited import parse_csv
from curator.ingest.readers.json_lines import parse_json
from curator.ingest.rows import Row
from curator.quality.contamination import Firewall
from curator.store import batches, events, projects, quarantine, records, suites
from curator.store.batches import StoredBatch
from curator.store.incoming import Incoming, incoming
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind, of_project
from schemas.importing import (
    FieldMap,
    Format,
    QuarantinedRow,
    RetryReport,
    RowIssue,
    RowState,
    WaitingRows,
)
from schemas.project import Project
from schemas.record import Record

_CHUNK = 500
"""Rows per transaction, so that annotators who submit meanwhile do not notice; no more are held in memory."""
_SHOWN = 20


class Chosen(NamedTuple):
    """Which of the waiting rows are meant; every one by default."""

    rule: str | None = None
    file_name: str | None = None
    rows: Collection[int] | None = None
    """Ids."""


ALL = Chosen()


def waiting(
    workspace: Workspace, *, project: str | None = None, limit: int | None = None, chosen: Chosen = ALL
) -> list[QuarantinedRow]:
    """Rows that wait to be fixed, oldest first."""
    with workspace.read() as connection:
        owner = projects.by_name(connection, project)
        return quarantine.open_rows(
            connection,
            project_id=owner.id,
            limit=limit,
            rule=chosen.rule,
            file_name=chosen.file_name,
            ids=chosen.rows,
        )


def waiting_by_rule(workspace: Workspace, *, project: str | None = None) -> list[WaitingRows]:
    """How many rows wait, by file and rule, most first."""
    with workspace.read() as connection:
        return quarantine.waiting_by_rule(connection, projects.by_name(connection, project).id)


def columns(workspace: Workspace, rows: Collection[QuarantinedRow]) -> tuple[str, ...]:
    """The columns of waiting rows, as far as they can be read, in the order in which they first appear."""
    with workspace.read() as connection:
        imports = {batch_id: batches.get(connection, batch_id) for batch_id in {row.batch_id for row in rows}}
    parsed = (_parsed(row, row.issue.text, imports[row.batch_id]) for row in rows)
    return columns_in(parsed)


def export(workspace: Workspace, out: Path, *, project: str | None = None, chosen: Chosen = ALL) -> int:
    """Write waiting rows as JSON lines, with file, line, field, rule, problem and text. Returns how many.

    Raises:
        IngestError: The file cannot be written.
    """
    rows = waiting(workspace, project=project, chosen=chosen)
    lines = (orjson.dumps({"id": row.id, "file": row.file_name, **row.issue.model_dump()}) + b"\n" for row in rows)
    try:
        out.write_bytes(b"".join(lines))
    except OSError as error:
        raise IngestError(f"{out} cannot be written: {error.strerror}.", hint="Choose another place.") from error
    return len(rows)


def retry(
    workspace: Workspace,
    *,
    actor: str,
    project: str | None = None,
    texts: Mapping[int, str] | None = None,
    chosen: Chosen = ALL,
    format: Format | None = None,
    field_map: FieldMap | None = None,
) -> RetryReport:
    """Check waiting rows again and import those that pass. Returns what became of them.

    Args:
        workspace: Where they are.
        actor: Who tries.
        project: By default the first one.
        texts: Corrected text by row id; only these rows are tried. By default every chosen row is, as it is. A row that
            could not be kept word for word fails again until it is corrected.
        chosen: Which rows, where `texts` does not say it.
        format: Read them in another format than their import did.
        field_map: Read them with another mapping than that of their import.

    Raises:
        IngestError: A row of `texts` does not wait, or the mapping names a field or a column that does not exist.
    """
    require(workspace, actor, Right.CURATE)
    mapping.check_fields(field_map or FieldMap())
    if texts is not None:
        chosen = Chosen(rows=texts.keys())
    with workspace.read() as connection:
        owner = projects.by_name(connection, project)
        firewall = suites.firewall(connection)
        ids = quarantine.open_ids(connection, owner.id, rule=chosen.rule, file_name=chosen.file_name)
    if chosen.rows is not None:
        wanted = set(chosen.rows)
        ids = [each for each in ids if each in wanted]
    if texts is not None and (missing := texts.keys() - set(ids)):
        raise IngestError(f"Row {min(missing)} does not wait in quarantine.", hint="List the waiting rows again.")

    def attempts() -> Iterator[list[_Attempt]]:
        for start in range(0, len(ids), _CHUNK):
            with workspace.read() as connection:
                rows = quarantine.open_rows(connection, project_id=owner.id, ids=ids[start : start + _CHUNK])
                imports = {batch_id: batches.get(connection, batch_id) for batch_id in {row.batch_id for row in rows}}
            corrected = texts or {}
            yield [
                _attempt(row, corrected.get(row.id, row.issue.text), imports[row.batch_id], format, field_map, firewall)
                for row in rows
            ]

    _check_columns(field_map or FieldMap(), chain.from_iterable(attempts()))
    imported = duplicates = failing = 0
    shown: list[RowIssue] = []
    for some in attempts():
        came_in, known_before = _store(workspace, _passed(some), project=owner, actor=actor)
        imported += came_in
        duplicates += known_before
        issues = [attempt.result for attempt in some if isinstance(attempt.result, RowIssue)]
        failing += len(issues)
        shown += issues[: _SHOWN - len(shown)]
    return RetryReport(
        rows=imported + duplicates + failing,
        imported=imported,
        duplicates=duplicates,
        still_failing=failing,
        issues=tuple(shown),
    )


def _check_columns(field_map: FieldMap, attempts: Iterable[_Attempt]) -> None:
    """Check that some row has each column of a mapping; rows are looked at until none is missing."""
    missing = set(field_map.columns.values())
    known: set[str] = set()
    for attempt in attempts if missing else ():
        known.update(attempt.columns)
        missing.difference_update(attempt.columns)
        if not missing:
            return
    if missing:
        raise mapping.unknown_column(min(missing), known=sorted(known), file_name="The quarantine")


class _Attempt(NamedTuple):
    """A row that is tried again."""

    row: QuarantinedRow
    text: str
    batch: StoredBatch
    columns: Collection[str]
    result: Record | RowIssue


def _attempt(
    row: QuarantinedRow,
    text: str,
    batch: StoredBatch,
    format: Format | None,
    field_map: FieldMap | None,
    firewall: Firewall,
) -> _Attempt:
    if text == row.issue.text and not row.issue.is_whole:
        return _Attempt(row, text, batch, (), row.issue)
    parsed = _parsed(row, text, batch)
    theirs = FieldMap(columns=batch.settings["columns"], tags=batch.settings.get("tags", {}))
    result = check_row(
        parsed, format or Format(batch.format), field_map or theirs, source=batch.file_name, firewall=firewall
    )
    columns = () if isinstance(parsed, RowIssue) else mapping.columns_and_paths(columns_of(parsed.values), field_map)
    return _Attempt(row, text, batch, columns, result)


def _parsed(row: QuarantinedRow, text: str, batch: StoredBatch) -> Row | RowIssue:
    header, line = batch.settings["header"], row.issue.line
    if header is None:
        return parse_json(text, line=line)
    return parse_csv(text, header, line=line, delimiter=batch.settings.get("delimiter", ","))


def _passed(attempts: list[_Attempt]) -> list[tuple[_Attempt, Incoming]]:
    return [(attempt, incoming(attempt.result)) for attempt in attempts if isinstance(attempt.result, Record)]


def _store(
    workspace: Workspace, passed: list[tuple[_Attempt, Incoming]], *, project: Project, actor: str
) -> tuple[int, int]:
    """Store what passed, but for rows that another lead fixed meanwhile. Returns how many came in and were known."""
    imported = duplicates = 0
    at = workspace.clock()
    with workspace.write() as connection:
        for attempt, arrived in passed:
            if not quarantine.end(connection, [attempt.row.id], RowState.RESOLVED, actor=actor, at=at):
                continue
            batch, accept = attempt.batch.id, attempt.batch.settings["accept"]
            [record_id] = records.add_many(connection, [arrived], project=project, at=at, batch_id=batch, accept=accept)
            imported += record_id is not None
            duplicates += record_id is None
            detail = {"row": attempt.row.id, "text": attempt.text, "record": record_id}
            subject = record_id or f"quarantine {attempt.row.id}"
            events.append(connection, Kind.ROW_FIXED, subject, actor=actor, at=at, detail=detail)
    return imported, duplicates


def discard(workspace: Workspace, *, actor: str, reason: str, project: str | None = None, chosen: Chosen = ALL) -> int:
    """Let waiting rows wait no longer, since they are not needed; they are kept with the reason. Returns how many.

    Raises:
        IngestError: The reason is empty.
    """
    require(workspace, actor, Right.CURATE)
    if not reason.strip():
        raise IngestError("Rows are discarded with a reason, and it is empty.", hint="Say why they are not needed.")
    rows = waiting(workspace, project=project, chosen=chosen)
    at = workspace.clock()
    with workspace.write() as connection:
        ids = [row.id for row in rows]
        ended = quarantine.end(connection, ids, RowState.DISCARDED, actor=actor, at=at, reason=reason.strip())
        detail = {"rows": ended, "reason": reason.strip(), "rule": chosen.rule, "file": chosen.file_name}
        owner = projects.by_name(connection, project)
        events.append(connection, Kind.ROWS_DISCARDED, of_project(owner.id), actor=actor, at=at, detail=detail)
    return ended
