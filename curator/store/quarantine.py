"""Rows that failed an import, kept word for word until someone fixes them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select

from curator.store.tables import import_batch, quarantine
from schemas.importing import QuarantinedRow, RowIssue


def add_many(connection: Connection, issues: Sequence[RowIssue], *, batch_id: int) -> None:
    """Keep rows; what PostgreSQL cannot store (NUL, half a surrogate pair) is written as an escape. Returns nothing."""
    if not issues:
        return
    rows = [
        {"batch_id": batch_id, "state": "open", "line": issue.line}
        | {name: _storable(getattr(issue, name)) for name in ("field", "rule", "problem", "text")}
        for issue in issues
    ]
    connection.execute(insert(quarantine), rows)


def _storable(text: str) -> str:
    return text.replace("\x00", "\\u0000").encode("utf-8", "backslashreplace").decode()


def lines_of_file(connection: Connection, project_id: int, sha256: str) -> set[int]:
    """Lines of a file that an earlier import of the same bytes already put into quarantine."""
    query = select(quarantine.c.line).join(import_batch, import_batch.c.id == quarantine.c.batch_id)
    query = query.where(import_batch.c.project_id == project_id, import_batch.c.sha256 == sha256)
    return set(connection.execute(query).scalars())


def open_rows(connection: Connection, *, project_id: int, limit: int | None = None) -> list[QuarantinedRow]:
    """Rows that wait to be fixed, oldest first."""
    query = select(quarantine, import_batch.c.file_name).join(import_batch, import_batch.c.id == quarantine.c.batch_id)
    query = query.where(quarantine.c.state == "open", import_batch.c.project_id == project_id)
    fields = ("line", "field", "rule", "problem", "text")
    return [
        QuarantinedRow(
            id=row["id"],
            batch_id=row["batch_id"],
            file_name=row["file_name"],
            issue=RowIssue(**{field: row[field] for field in fields}),
            state=row["state"],
        )
        for row in connection.execute(query.order_by(quarantine.c.id).limit(limit)).mappings()
    ]


def count_open(connection: Connection, project_id: int) -> int:
    """Number of rows that wait to be fixed."""
    query = select(func.count()).select_from(quarantine)
    query = query.join(import_batch, import_batch.c.id == quarantine.c.batch_id)
    query = query.where(quarantine.c.state == "open", import_batch.c.project_id == project_id)
    return connection.execute(query).scalar_one()


def resolve(connection: Connection, row_id: int) -> None:
    """Mark a row as fixed; it is kept."""
    connection.execute(quarantine.update().where(quarantine.c.id == row_id).values(state="resolved"))
