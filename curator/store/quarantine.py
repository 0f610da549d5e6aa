"""Rows that failed an import, kept word for word until a lead fixes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, case, func, insert, select

from curator.store.tables import import_batch, quarantine
from schemas.importing import QuarantinedRow, RowIssue, RowState, WaitingRows


def add_many(connection: Connection, issues: Sequence[RowIssue], *, batch_id: int) -> None:
    """Keep rows; what PostgreSQL cannot store (NUL, half a surrogate pair) is written as an escape. Returns nothing."""
    if not issues:
        return
    rows = [{"batch_id": batch_id, "state": "open", "line": issue.line} | _values(issue) for issue in issues]
    connection.execute(insert(quarantine), rows)


def _values(issue: RowIssue) -> dict[str, str | bool]:
    """What is stored of an issue but its line."""
    texts = {name: _storable(getattr(issue, name)) for name in ("field", "rule", "problem", "text")}
    return {**texts, "is_whole": issue.is_whole and texts["text"] == issue.text}


def _storable(text: str) -> str:
    return text.replace("\x00", "\\u0000").encode("utf-8", "backslashreplace").decode()


def of_file(connection: Connection, project_id: int, sha256: str, *, first_line: int, last_line: int) -> dict[int, int]:
    """Rows that other imports of the same bytes put into quarantine, from a line to another: ids by line.

    A row that came in with an import which was undone since is none of them: it may wait again.
    """
    state = quarantine.c.state
    stands = import_batch.c.undone_at.is_(None)
    query = select(quarantine.c.line, quarantine.c.id).select_from(_OF_IMPORT)
    query = query.where(_of_file(project_id, sha256), quarantine.c.line.between(first_line, last_line))
    query = query.where(
        state.in_([RowState.OPEN.value, RowState.DISCARDED.value])
        | ((state == RowState.RESOLVED.value) & stands)
        | ((state == RowState.CLOSED.value) & (quarantine.c.closed_by.is_not(None) | stands))
    )
    waits_last = case((quarantine.c.state == RowState.OPEN.value, 1), else_=0)
    return {row.line: row.id for row in connection.execute(query.order_by(waits_last, quarantine.c.id))}


def renew(connection: Connection, issues: Mapping[int, RowIssue], *, batch_id: int) -> None:
    """Let rows that failed again wait under the newer import, with its reason and its mapping. Returns nothing.

    Args:
        connection: An open writing transaction.
        issues: By id of the row; one that waits no longer stays as it is.
        batch_id: The newer import.
    """
    if not issues:
        return
    names = ("field", "rule", "problem", "text", "is_whole")
    change = quarantine.update().where(quarantine.c.id == bindparam("row"), quarantine.c.state == RowState.OPEN.value)
    rows = [
        {"row": row_id, "import": batch_id} | {f"new_{name}": value for name, value in _values(issue).items()}
        for row_id, issue in issues.items()
    ]
    change = change.values(batch_id=bindparam("import"), **{name: bindparam(f"new_{name}") for name in names})
    connection.execute(change, rows)


def close_others(
    connection: Connection,
    *,
    project_id: int,
    sha256: str,
    failed: Collection[int],
    actor: str,
    at: datetime,
    batch_id: int,
) -> int:
    """Close the waiting rows of a file that an import has read to its end, but for the lines that failed.

    Returns how many.
    """
    query = select(quarantine.c.id, quarantine.c.line).select_from(_OF_IMPORT)
    query = query.where(_of_file(project_id, sha256), quarantine.c.state == RowState.OPEN.value)
    came_in = [row.id for row in connection.execute(query) if row.line not in failed]
    reason = "It came in with a later import of the same file."
    return end(connection, came_in, RowState.CLOSED, actor=actor, at=at, reason=reason, closed_by=batch_id)


def reopen(connection: Connection, batch_id: int) -> int:
    """Let the rows wait again that came in with an import which is undone now. Returns how many wait.

    A row whose own import was undone too does not wait.
    """
    closed = (quarantine.c.closed_by == batch_id) & (quarantine.c.state == RowState.CLOSED.value)
    undone = select(import_batch.c.id).where(import_batch.c.undone_at.is_not(None))
    gone = quarantine.update().where(closed, quarantine.c.batch_id.in_(undone))
    connection.execute(gone.values(state=RowState.UNDONE.value, reason=_UNDONE))
    values = {"state": RowState.OPEN.value, "actor": None, "ended_at": None, "reason": None, "closed_by": None}
    return connection.execute(quarantine.update().where(closed).values(values)).rowcount


def open_ids(
    connection: Connection, project_id: int, *, rule: str | None = None, file_name: str | None = None
) -> list[int]:
    """Ids of the rows that wait to be fixed, oldest first: all, or those of a rule or a file."""
    query = select(quarantine.c.id).select_from(_OF_IMPORT).order_by(quarantine.c.id)
    query = query.where(quarantine.c.state == RowState.OPEN.value, import_batch.c.project_id == project_id)
    if rule is not None:
        query = query.where(quarantine.c.rule == rule)
    if file_name is not None:
        query = query.where(import_batch.c.file_name == file_name)
    return list(connection.execute(query).scalars())


def open_rows(
    connection: Connection,
    *,
    project_id: int,
    limit: int | None = None,
    rule: str | None = None,
    file_name: str | None = None,
    ids: Collection[int] | None = None,
) -> list[QuarantinedRow]:
    """Rows that wait to be fixed, oldest first: all, or those of a rule, a file or with these ids."""
    query = select(quarantine, import_batch.c.file_name).select_from(_OF_IMPORT)
    query = query.where(quarantine.c.state == RowState.OPEN.value, import_batch.c.project_id == project_id)
    if rule is not None:
        query = query.where(quarantine.c.rule == rule)
    if file_name is not None:
        query = query.where(import_batch.c.file_name == file_name)
    query = query.order_by(quarantine.c.id).limit(limit)
    if ids is None:
        return [_row(row) for row in connection.execute(query).mappings()]
    rows: list[QuarantinedRow] = []
    wanted = sorted(ids)
    for start in range(0, len(wanted), _LOOKUP):
        some = query.where(quarantine.c.id.in_(wanted[start : start + _LOOKUP]))
        rows += [_row(row) for row in connection.execute(some).mappings()]
    return rows


def waiting_by_rule(connection: Connection, project_id: int) -> list[WaitingRows]:
    """How many rows wait, by file and rule, most first."""
    names = (import_batch.c.file_name, quarantine.c.rule)
    query = select(*names, func.count().label("rows")).select_from(_OF_IMPORT)
    query = query.where(quarantine.c.state == RowState.OPEN.value, import_batch.c.project_id == project_id)
    query = query.group_by(*names).order_by(func.count().desc(), *names)
    return [WaitingRows(**row) for row in connection.execute(query).mappings()]


def count_open(connection: Connection, project_id: int) -> int:
    """Number of rows that wait to be fixed."""
    query = select(func.count()).select_from(_OF_IMPORT)
    query = query.where(quarantine.c.state == RowState.OPEN.value, import_batch.c.project_id == project_id)
    return connection.execute(query).scalar_one()


def end(
    connection: Connection,
    row_ids: Sequence[int],
    state: RowState,
    *,
    actor: str,
    at: datetime,
    reason: str | None = None,
    closed_by: int | None = None,
) -> int:
    """End the waiting of rows; they are kept. Returns how many still waited."""
    values = {"state": state.value, "actor": actor, "ended_at": at, "reason": reason, "closed_by": closed_by}
    ended = 0
    for start in range(0, len(row_ids), _LOOKUP):
        here = quarantine.c.id.in_(row_ids[start : start + _LOOKUP])
        change = quarantine.update().where(here, quarantine.c.state == RowState.OPEN.value).values(values)
        ended += connection.execute(change).rowcount
    return ended


def end_of_import(connection: Connection, batch_id: int, *, actor: str, at: datetime) -> int:
    """End the waiting of all rows of an import that is undone. Returns how many."""
    query = select(quarantine.c.id).where(quarantine.c.batch_id == batch_id, quarantine.c.state == RowState.OPEN.value)
    ids = list(connection.execute(query).scalars())
    return end(connection, ids, RowState.UNDONE, actor=actor, at=at, reason=_UNDONE)


_LOOKUP = 500
"""Ids per query; SQLite limits the number of bound values."""
_UNDONE = "Its import was undone."
_OF_IMPORT = quarantine.join(import_batch, import_batch.c.id == quarantine.c.batch_id)


def _of_file(project_id: int, sha256: str) -> ColumnElement[bool]:
    return (import_batch.c.project_id == project_id) & (import_batch.c.sha256 == sha256)


def _row(row: RowMapping) -> QuarantinedRow:
    return QuarantinedRow(
        id=row["id"],
        batch_id=row["batch_id"],
        file_name=row["file_name"],
        issue=RowIssue(**{field: row[field] for field in ("line", "field", "rule", "problem", "text", "is_whole")}),
        state=RowState(row["state"]),
    )
