"""Quarantine: rows that failed an import are listed, handed out, corrected and tried again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson

from curator.access import require
from curator.errors import IngestError
from curator.ingest.check import check_row
from curator.ingest.readers.delimited import parse_csv
from curator.ingest.readers.json_lines import parse_json
from curator.store import batches, events, projects, quarantine, records, suites
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind
from schemas.importing import FieldMap, Format, QuarantinedRow, RetryReport, RowIssue


def waiting(workspace: Workspace, *, project: str | None = None, limit: int | None = None) -> list[QuarantinedRow]:
    """Rows that wait to be fixed, oldest first."""
    with workspace.read() as connection:
        return quarantine.open_rows(connection, project_id=projects.by_name(connection, project).id, limit=limit)


def export(workspace: Workspace, out: Path, *, project: str | None = None) -> int:
    """Write the waiting rows as JSON lines, with file, line, field, rule, problem and text; returns how many.

    Raises:
        IngestError: The file cannot be written.
    """
    rows = waiting(workspace, project=project)
    lines = (orjson.dumps({"id": row.id, "file": row.file_name, **row.issue.model_dump()}) + b"\n" for row in rows)
    try:
        out.write_bytes(b"".join(lines))
    except OSError as error:
        raise IngestError(f"{out} cannot be written: {error.strerror}.", hint="Choose another place.") from error
    return len(rows)


def retry(
    workspace: Workspace, *, actor: str, project: str | None = None, texts: Mapping[int, str] | None = None
) -> RetryReport:
    """Check waiting rows again and import those that pass.

    Args:
        workspace: Where they are.
        actor: Who tries.
        project: By default the first one.
        texts: Corrected text by row id; only these rows are tried. By default every row is, as it is.

    Raises:
        IngestError: A row of `texts` does not wait.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        owner = projects.by_name(connection, project)
        firewall = suites.firewall(connection)
        rows = {row.id: row for row in quarantine.open_rows(connection, project_id=owner.id)}
        if texts is not None:
            missing = texts.keys() - rows.keys()
            if missing:
                raise IngestError(f"Row {min(missing)} does not wait in quarantine.", hint="Reload the list.")
            rows = {row_id: rows[row_id] for row_id in texts}
        imported = duplicates = 0
        issues: list[RowIssue] = []
        for row in rows.values():
            batch = batches.get(connection, row.batch_id)
            text = texts[row.id] if texts is not None else row.issue.text
            header = batch.settings["header"]
            line = row.issue.line
            delimiter = batch.settings.get("delimiter", ",")
            parsed = (
                parse_json(text, line=line)
                if header is None
                else parse_csv(text, header, line=line, delimiter=delimiter)
            )
            field_map = FieldMap(columns=batch.settings["columns"])
            checked = check_row(parsed, Format(batch.format), field_map, source=batch.file_name, firewall=firewall)
            if isinstance(checked, RowIssue):
                issues.append(checked)
                continue
            [record_id] = records.add_many(
                connection,
                [checked],
                project=owner,
                at=workspace.clock(),
                batch_id=batch.id,
                accept=batch.settings["accept"],
            )
            imported += record_id is not None
            duplicates += record_id is None
            quarantine.resolve(connection, row.id)
            detail = {"row": row.id, "text": text, "record": record_id}
            subject = record_id or f"quarantine {row.id}"
            events.append(connection, Kind.ROW_FIXED, subject, actor=actor, at=workspace.clock(), detail=detail)
    return RetryReport(
        rows=len(rows), imported=imported, duplicates=duplicates, still_failing=len(issues), issues=tuple(issues)
    )
