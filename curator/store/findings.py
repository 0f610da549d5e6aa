"""Findings of detectors on stored outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, select

from curator.store.engine import insert_or_ignore
from curator.store.tables import finding, output
from schemas.review import Finding, FindingStatus


def add_many(connection: Connection, findings: Mapping[int, Sequence[Finding]], *, at: datetime) -> None:
    """Store findings by output id.

    What a detector version found before is kept, but an error gives way: that detector has tried again.
    """
    rows = [
        {**each.model_dump(mode="json"), "output_id": output_id, "created_at": at}
        for output_id, of_output in findings.items()
        for each in of_output
    ]
    if not rows:
        return
    failed = finding.c.status == FindingStatus.ERROR.value
    for detector, version in sorted({(row["detector"], row["version"]) for row in rows}):
        again = [row["output_id"] for row in rows if (row["detector"], row["version"]) == (detector, version)]
        same = (finding.c.detector == detector) & (finding.c.version == version) & finding.c.output_id.in_(again)
        connection.execute(finding.delete().where(failed & same))
    connection.execute(insert_or_ignore(finding, connection.dialect), rows)


def of_system(connection: Connection, system_id: str) -> dict[int, list[Finding]]:
    """All findings on the outputs of a system, by output id."""
    query = select(finding).join(output, output.c.id == finding.c.output_id).where(output.c.system_id == system_id)
    found: dict[int, list[Finding]] = {}
    for row in connection.execute(query.order_by(finding.c.id)).mappings():
        found.setdefault(row["output_id"], []).append(_finding(row))
    return found


def _finding(row: RowMapping) -> Finding:
    names = ("detector", "version", "status", "flag", "score", "reason", "evidence")
    return Finding(**{name: row[name] for name in names})
