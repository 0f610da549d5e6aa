"""Findings of detectors on stored outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, select

from curator.store.engine import insert_or_ignore
from curator.store.tables import finding, output
from schemas.review import Finding


def add_many(connection: Connection, found: Mapping[int, Sequence[Finding]], *, at: datetime) -> None:
    """Store findings by output id; the finding of a detector version that is there already is kept."""
    rows = [
        {**each.model_dump(mode="json"), "output_id": output_id, "created_at": at}
        for output_id, each_found in found.items()
        for each in each_found
    ]
    if rows:
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
