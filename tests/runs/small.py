"""Small versions and quick settings for real runs."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

from curator import Workspace, runs, versions
from curator.store import projects, records
from curator.store import runs as stored_runs
from schemas.record import Record
from schemas.run import Run, TrainConfig
from schemas.version import SplitPlan, Version

Frozen = tuple[Workspace, Version]


def config(base: Path, **changes: object) -> TrainConfig:
    """Two epochs in fp32, evaluated every other step."""
    settings: dict[str, object] = {
        "base": str(base),
        "epochs": 2,
        "learning_rate": 3e-3,
        "records_per_step": 8,
        "precision": "fp32",
        "evaluate_every": 2,
        "early_stopping": None,
    }
    return TrainConfig.model_validate(settings | changes)


def freeze(workspace: Workspace, many: list[Record]) -> Version:
    """A version of these records."""
    with workspace.write() as connection:
        project = projects.by_name(connection)
        records.add_many(connection, many, project=project, at=workspace.clock(), accept=True)
    return versions.freeze(workspace, actor="me", name="v", plan=SplitPlan(train=0.6, validation=0.2, test=0.2))


def ended(workspace: Workspace, run_id: str) -> Run:
    """A detached run as it ended; waits for its process, not for the clock."""
    while True:
        run = next(run for run in runs.watch(workspace) if run.id == run_id)
        if not run.is_alive:
            return run
        with workspace.read() as connection:
            mark = stored_runs.process_of(connection, run_id)
        if mark is not None:
            with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
                psutil.Process(mark.id).wait(timeout=1)  # a zombie of the server never goes away, hence the time
