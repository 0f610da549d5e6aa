"""What reviewers sent back to the data: which output led to which record, and why."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, RowMapping, Select, select

from curator.store.engine import insert_or_ignore
from curator.store.tables import correction, output, record
from schemas.feedback import Kind, SentBack


def add(
    connection: Connection, kind: Kind, *, output_id: int, record_id: str, reason: str, actor: str, at: datetime
) -> bool:
    """Store that a reviewer sent something back. Returns False when the same was sent before."""
    values = {
        "kind": kind.value, "output_id": output_id, "record_id": record_id, "reason": reason, "actor": actor, "at": at,
    }  # fmt: skip
    return connection.execute(insert_or_ignore(correction, connection.dialect).values(values)).rowcount > 0


def about(connection: Connection, record_id: str) -> list[SentBack]:
    """Everything that led to a record or was said about it, oldest first."""
    return _read(connection, _all().where(correction.c.record_id == record_id))


def of_output(connection: Connection, output_id: int) -> list[SentBack]:
    """Everything that an output led to, oldest first."""
    return _read(connection, _all().where(correction.c.output_id == output_id))


def of_project(connection: Connection, project_id: int) -> list[SentBack]:
    """Everything that was sent back in a project, oldest first."""
    return _read(connection, _all().join(record, record.c.id == correction.c.record_id).where(
        record.c.project_id == project_id
    ))  # fmt: skip


def _all() -> Select[tuple[object, ...]]:
    columns = (output.c.system_id, output.c.suite_id, output.c.position)
    return select(correction, *columns).join(output, output.c.id == correction.c.output_id)


def _read(connection: Connection, query: Select[tuple[object, ...]]) -> list[SentBack]:
    return [_sent_back(row) for row in connection.execute(query.order_by(correction.c.id)).mappings()]


def _sent_back(row: RowMapping) -> SentBack:
    return SentBack(
        kind=Kind(row["kind"]), record_id=row["record_id"], output_id=row["output_id"], system_id=row["system_id"],
        suite_id=row["suite_id"], position=row["position"], reason=row["reason"], actor=row["actor"], at=row["at"],
    )  # fmt: skip
