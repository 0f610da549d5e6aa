"""Runs: what was asked for, which process works on it, how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select

from curator.errors import NotFoundError
from curator.store import bases, versions
from curator.store.tables import run
from schemas.process import ProcessMark
from schemas.run import Run, RunResult, RunState, TrainConfig


def add(
    connection: Connection,
    run_id: str,
    *,
    version_id: str,
    config: TrainConfig,
    actor: str,
    at: datetime,
    name: str = "",
    note: str = "",
) -> Run:
    """Store a queued run; without a name it gets one from version, base and method. Returns it."""
    values = {
        "id": run_id,
        "name": name or _default_name(connection, version_id, config),
        "note": note,
        "version_id": version_id,
        "config": config.model_dump(mode="json"),
        "state": RunState.QUEUED.value,
        "created_at": at,
        "created_by": actor,
    }
    connection.execute(insert(run).values(values))
    return get(connection, run_id)


def get(connection: Connection, name_or_id: str) -> Run:
    """The run with this id, with this name, or with the only id that begins so.

    Raises:
        NotFoundError: None or more than one fits.
    """
    rows: Sequence[RowMapping] = ()
    begins = run.c.id.startswith(name_or_id, autoescape=True)
    for fits in (run.c.id == name_or_id, run.c.name == name_or_id, begins):
        rows = connection.execute(select(run).where(fits, run.c.deleted_at.is_(None)).limit(2)).mappings().all()
        if rows:
            break
    if len(rows) != 1:
        problem = "There is no run" if not rows else "More than one run is called"
        raise NotFoundError(f"{problem} {name_or_id}.", hint="Give the whole id; `curator runs` lists all runs.")
    return _run(rows[0])


def is_called(connection: Connection, name: str) -> str | None:
    """Id of the run that has this name, whatever its case; None when the name is free."""
    query = select(run.c.id).where(func.lower(run.c.name) == name.lower(), run.c.deleted_at.is_(None)).limit(1)
    run_id: str | None = connection.execute(query).scalar()
    return run_id


def describe(connection: Connection, run_id: str, *, name: str, note: str) -> None:
    """Store the name and the note of a run."""
    _update(connection, run_id, {"name": name, "note": note})


def _default_name(connection: Connection, version_id: str, config: TrainConfig) -> str:
    """Version, base and method, numbered from the second of its kind."""
    base = bases.name_of(connection, config.base)
    name = f"{versions.get(connection, version_id).title} on {base}, {config.method}"
    numbered = (name if n == 1 else f"{name} ({n})" for n in count(1))
    return next(each for each in numbered if is_called(connection, each) is None)


def newest_first(connection: Connection, *, version_id: str | None = None) -> list[Run]:
    """All runs that were not deleted, or those of one version, newest first."""
    query = select(run).where(run.c.deleted_at.is_(None)).order_by(run.c.created_at.desc(), run.c.id)
    if version_id is not None:
        query = query.where(run.c.version_id == version_id)
    return [_run(row) for row in connection.execute(query).mappings()]


def process_of(connection: Connection, run_id: str) -> ProcessMark | None:
    """The process that works (or worked) on a run."""
    row = connection.execute(select(run.c.process_id, run.c.process_started).where(run.c.id == run_id)).one()
    return None if row.process_id is None else ProcessMark(row.process_id, row.process_started)


def begin(connection: Connection, run_id: str, process: ProcessMark, *, at: datetime) -> None:
    """Mark a run as being worked on by a process."""
    values = {
        "state": RunState.RUNNING.value,
        "process_id": process.id,
        "process_started": process.started,
        "started_at": at,
        "ended_at": None,
        "reason": None,
    }
    _update(connection, run_id, values)


def launch_next(connection: Connection, *, at: datetime, only: str | None = None) -> list[str]:
    """Mark the oldest waiting run of every free device as launched, and return their ids.

    A device is free when no run on it works, is stopping or was launched. The caller starts the processes.

    Args:
        connection: In a writing transaction, so that two callers never launch for the same device.
        at: Now.
        only: Launch this run or nothing.
    """
    alive = [RunState.QUEUED.value, RunState.RUNNING.value, RunState.STOPPING.value]
    waiting = select(run.c.id, run.c.state, run.c.config, run.c.launched_at)
    waiting = waiting.where(run.c.state.in_(alive), run.c.deleted_at.is_(None)).order_by(run.c.created_at, run.c.id)
    rows = connection.execute(waiting.with_for_update()).all()  # PostgreSQL; on SQLite a writer is alone anyway
    queued = RunState.QUEUED.value
    busy = {row.config["device"] for row in rows if row.state != queued or row.launched_at is not None}
    launched = []
    for row in rows:
        device = row.config["device"]
        if row.state != queued or row.launched_at is not None or device in busy:
            continue
        if only is not None and row.id != only:
            busy.add(device)  # an older one waits for the same device
            continue
        busy.add(device)
        _update(connection, row.id, {"launched_at": at})
        launched.append(row.id)
    return launched


def launched_at(connection: Connection, run_id: str) -> datetime | None:
    """When a process was started for a run that has not begun yet."""
    query = select(run.c.launched_at).where(run.c.id == run_id)
    found: datetime | None = connection.execute(query).scalar_one()
    return found


def queue_again(connection: Connection, run_id: str) -> None:
    """Let a run that stopped or failed wait for its turn once more."""
    values = {"state": RunState.QUEUED.value, "reason": None, "ended_at": None, "launched_at": None, "process_id": None}
    _update(connection, run_id, values)


def delete(connection: Connection, run_id: str, *, at: datetime) -> None:
    """Take a run off the lists; the row stays, so that its id and its outputs keep their meaning."""
    _update(connection, run_id, {"deleted_at": at})


def promote(connection: Connection, run_id: str, *, at: datetime) -> None:
    """Mark a run as promoted."""
    _update(connection, run_id, {"promoted_at": at})


def plan_steps(connection: Connection, run_id: str, steps: int) -> None:
    """Store how many optimiser steps a run will take."""
    _update(connection, run_id, {"steps_planned": steps})


def ask_to_stop(connection: Connection, run_id: str) -> bool:
    """Ask a queued or running run to stop; False when it has already ended."""
    alive = [RunState.QUEUED.value, RunState.RUNNING.value]
    change = run.update().where(run.c.id == run_id, run.c.state.in_(alive)).values(state=RunState.STOPPING.value)
    return connection.execute(change).rowcount == 1


def end(
    connection: Connection,
    run_id: str,
    state: RunState,
    *,
    at: datetime,
    reason: str | None = None,
    result: RunResult | None = None,
) -> None:
    """Store how a run ended: done, stopped or failed."""
    values = {
        "state": state.value,
        "launched_at": None,
        "ended_at": at,
        "reason": reason,
        "result": None if result is None else result.model_dump(mode="json"),
    }
    _update(connection, run_id, values)


def _update(connection: Connection, run_id: str, values: dict[str, Any]) -> None:
    connection.execute(run.update().where(run.c.id == run_id).values(values))


def _run(row: RowMapping) -> Run:
    plain = (
        "id",
        "name",
        "note",
        "version_id",
        "state",
        "steps_planned",
        "reason",
        "created_at",
        "started_at",
        "ended_at",
        "promoted_at",
    )
    return Run(
        **{name: row[name] for name in plain},
        config=TrainConfig.model_validate(row["config"]),
        result=None if row["result"] is None else RunResult.model_validate(row["result"]),
        process_id=row["process_id"],
        created_by=row["created_by"],
    )
