"""Runs: what was asked for, which process works on it, how it ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, insert, select

from curator.errors import NotFoundError
from curator.store.tables import run
from schemas.run import Run, RunResult, RunState, TrainConfig


class ProcessMark(NamedTuple):
    """What tells a process from a later one with the same id."""

    id: int
    started: float
    """Seconds since 1970-01-01 UTC, as the operating system reports it."""


def add(connection: Connection, run_id: str, *, version_id: str, config: TrainConfig, actor: str, at: datetime) -> Run:
    """Store a queued run."""
    values = {
        "id": run_id,
        "version_id": version_id,
        "config": config.model_dump(mode="json"),
        "state": RunState.QUEUED.value,
        "created_at": at,
        "created_by": actor,
    }
    connection.execute(insert(run).values(values))
    return get(connection, run_id)


def get(connection: Connection, run_id: str) -> Run:
    """The run with this id, or with the only id that begins so.

    Raises:
        NotFoundError: None or more than one fits.
    """
    query = select(run).where(run.c.id.startswith(run_id, autoescape=True)).limit(2)
    rows = connection.execute(query).mappings().all()
    if len(rows) != 1:
        found = "There is no run" if not rows else "More than one run has an id that begins with"
        raise NotFoundError(f"{found} {run_id}.", hint="Give the whole id; the train page lists all runs.")
    return _run(rows[0])


def newest_first(connection: Connection, *, version_id: str | None = None) -> list[Run]:
    """All runs, or those of one version, newest first."""
    query = select(run).order_by(run.c.created_at.desc(), run.c.id)
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
        "ended_at": at,
        "reason": reason,
        "result": None if result is None else result.model_dump(mode="json"),
    }
    _update(connection, run_id, values)


def _update(connection: Connection, run_id: str, values: dict[str, Any]) -> None:
    connection.execute(run.update().where(run.c.id == run_id).values(values))


def _run(row: RowMapping) -> Run:
    plain = ("id", "version_id", "state", "steps_planned", "reason", "created_at", "started_at", "ended_at")
    return Run(
        **{name: row[name] for name in plain},
        config=TrainConfig.model_validate(row["config"]),
        result=None if row["result"] is None else RunResult.model_validate(row["result"]),
        process_id=row["process_id"],
        created_by=row["created_by"],
    )
