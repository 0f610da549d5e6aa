"""What can be reviewed and decided about: the models of a run, or a system that was not trained here."""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import datetime

from sqlalchemy import Connection, RowMapping, insert, select

from curator.errors import NotFoundError, StoreError
from curator.store import runs, versions
from curator.store.engine import insert_or_ignore
from curator.store.tables import system
from schemas.review import System


def ensure_run(connection: Connection, run_id: str, *, actor: str, at: datetime) -> System:
    """Register the models of a run for review, if they are not. Returns them as a system, whose id is that of the run.

    Raises:
        NotFoundError: There is no such run.
    """
    run = runs.get(connection, run_id)
    project_id = versions.get(connection, run.version_id).project_id
    values = {"id": run.id, "run_id": run.id, "project_id": project_id, "created_at": at, "created_by": actor}
    connection.execute(insert_or_ignore(system, connection.dialect).values(values))
    return _of_id(connection, run.id)


def ensure_named(connection: Connection, name: str, *, project_id: int, actor: str, at: datetime) -> System:
    """Register a system without a run, if its name is new. Returns it.

    Raises:
        StoreError: A run is called that, and one could be taken for the other.
    """
    known = connection.execute(select(system).where(system.c.name == name)).mappings().first()
    if known is not None:
        return _system(known)
    with suppress(NotFoundError):
        run = runs.get(connection, name)
        raise StoreError(f"{name} is what run {run.id} is called.", hint="Call the system something else.")
    new_id = f"system-{uuid.uuid4().hex[:12]}"
    values = {"id": new_id, "name": name, "project_id": project_id, "created_at": at, "created_by": actor}
    connection.execute(insert(system).values(values))
    return _of_id(connection, new_id)


def find(connection: Connection, name_or_id: str) -> System:
    """The system with this name or id, or the run with this id or the only one that begins so.

    Raises:
        NotFoundError: Nothing fits.
    """
    wanted = (system.c.id == name_or_id) | (system.c.name == name_or_id)
    known = connection.execute(select(system).where(wanted)).mappings().first()
    if known is not None:
        return _system(known)
    try:
        run = runs.get(connection, name_or_id)
    except NotFoundError as error:
        raise NotFoundError(
            f"There is no run and no system {name_or_id}.",
            hint="Name a run, or a system for which outputs were imported.",
        ) from error
    project_id = versions.get(connection, run.version_id).project_id
    return System(id=run.id, name=None, run_id=run.id, project_id=project_id)


def all_systems(connection: Connection) -> list[System]:
    """Everything that was registered, newest first."""
    query = select(system).order_by(system.c.created_at.desc(), system.c.id)
    return [_system(row) for row in connection.execute(query).mappings()]


def lock(connection: Connection, system_id: str) -> None:
    """Let only this transaction add to the ledger of a system until it ends; on SQLite a writer is alone anyway."""
    connection.execute(select(system.c.id).where(system.c.id == system_id).with_for_update(key_share=True))


def _of_id(connection: Connection, system_id: str) -> System:
    return _system(connection.execute(select(system).where(system.c.id == system_id)).mappings().one())


def _system(row: RowMapping) -> System:
    return System(id=row["id"], name=row["name"], run_id=row["run_id"], project_id=row["project_id"])
