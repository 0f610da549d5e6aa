"""The queue of runs: who waits, whose turn it is, and what became of processes that went away.

One run works at a time per device. There is no scheduler: each call that starts, ends or looks at a run lets the next
one begin, inside one writing transaction, so that two never begin for the same device.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from curator import base_models, detached, versions, whole
from curator.access import require
from curator.errors import TrainingError
from curator.runs import naming
from curator.runs.folder import LOG, STATE, folder_of
from curator.runs.work import OnStep, execute
from curator.runs.writing import OnActivity
from curator.store import events
from curator.store import runs as stored_runs
from curator.training import checkpoint
from curator.training.learner import device_of
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind
from schemas.run import Run, RunState, TrainConfig

_START_SECONDS = 120
"""A process that has not reported by then never will: importing torch on a slow disk takes less."""


def start(
    workspace: Workspace, version: str, config: TrainConfig, *, actor: str, name: str = "", note: str = ""
) -> Run:
    """Put a run into the queue; when its turn comes, a detached process that outlives this one works on it.

    Without a name it is called by version, base and method. Returns the run, which may still wait.

    Raises:
        TrainingError: The base or the device cannot be used.
    """
    require(workspace, actor, Right.TRAIN)
    run = _create(workspace, version, config, actor=actor, name=name, note=note)
    begin_next(workspace)
    return run


def train(
    workspace: Workspace,
    version: str,
    config: TrainConfig,
    *,
    actor: str,
    name: str = "",
    note: str = "",
    on_step: OnStep | None = None,
    on_wait: Callable[[str], None] | None = None,
    on_activity: OnActivity | None = None,
) -> Run:
    """Do a whole run in this process. Returns it as it ended.

    Args:
        workspace: Where version and run are.
        version: Name or id of a version.
        config: Settings.
        actor: Who asked.
        name: How people call it; by default version, base and method.
        note: What to remember about it.
        on_step: Is told about every step.
        on_wait: Is told once, with the reason, when other runs come first.
        on_activity: Is told what is measured before and after the steps.

    Raises:
        TrainingError: It could not begin, or it failed; a failed run is kept with its reason.
    """
    require(workspace, actor, Right.TRAIN)
    run = _create(workspace, version, config, actor=actor, name=name, note=note)
    return _in_turn(workspace, run, on_step=on_step, on_wait=on_wait, on_activity=on_activity)


def resume(workspace: Workspace, run_id: str, *, actor: str) -> Run:
    """Put a run that stopped or failed into the queue again; it goes on from its last saved state. Returns the run.

    Raises:
        TrainingError: It waits, works or is done.
    """
    require(workspace, actor, Right.TRAIN)
    run = _queue_again(workspace, run_id, actor=actor)
    begin_next(workspace)
    return run


def resume_here(
    workspace: Workspace,
    run_id: str,
    *,
    actor: str,
    on_step: OnStep | None = None,
    on_activity: OnActivity | None = None,
) -> Run:
    """Go on with a run that stopped or failed, in this process. Returns it as it ended.

    Raises:
        TrainingError: It waits, works or is done; or it failed again.
    """
    require(workspace, actor, Right.TRAIN)
    run = _queue_again(workspace, run_id, actor=actor)
    return _in_turn(workspace, run, on_step=on_step, on_wait=None, on_activity=on_activity)


def can_resume(workspace: Workspace, run: Run) -> bool:
    """Whether a run stopped or failed with a state to go on from, or stopped before its first step."""
    if run.state is RunState.STOPPED and run.result is None:
        return True
    return run.state in (RunState.STOPPED, RunState.FAILED) and whole.exists(folder_of(workspace, run.id) / STATE)


def request_stop(workspace: Workspace, run_id: str, *, actor: str) -> bool:
    """Ask a run to finish its step, save and stop; one that waits stops at once. Returns False when it has ended."""
    require(workspace, actor, Right.TRAIN)
    with workspace.write() as connection:
        run = stored_runs.get(connection, run_id)
        waits = run.state is RunState.QUEUED and stored_runs.launched_at(connection, run.id) is None
        asked = stored_runs.ask_to_stop(connection, run.id)
        if asked:
            events.append(connection, Kind.RUN_STOP_ASKED, run.id, actor=actor, at=workspace.clock())
        if waits:
            reason = "Stopped before it began."
            stored_runs.end(connection, run.id, RunState.STOPPED, at=workspace.clock(), reason=reason)
    return asked


def delete(workspace: Workspace, run_id: str, *, actor: str) -> None:
    """Take a run off the lists and its weights, metrics and log off the disk. Its outputs and verdicts stay.

    Raises:
        TrainingError: It waits or works.
    """
    require(workspace, actor, Right.TRAIN)
    with workspace.write() as connection:
        run = stored_runs.get(connection, run_id)
        if run.is_alive:
            raise TrainingError(f"Run {run.id} is {run.state}.", hint="Stop it first.")
        stored_runs.delete(connection, run.id, at=workspace.clock())
        events.append(connection, Kind.RUN_DELETED, run.id, actor=actor, at=workspace.clock())
    shutil.rmtree(folder_of(workspace, run.id), ignore_errors=True)


def watch(workspace: Workspace) -> list[Run]:
    """Mark runs whose process is gone as failed and let the next ones begin. Returns all runs, newest first."""
    with workspace.write() as connection:
        for run in stored_runs.newest_first(connection):
            if not run.is_alive:
                continue
            mark = stored_runs.process_of(connection, run.id)
            launched = stored_runs.launched_at(connection, run.id)
            if mark is not None:
                gone, reason = not detached.is_alive(mark), f"Its process {mark.id} ended without a word; see {LOG}."
            elif launched is not None:
                waited = (workspace.clock() - launched).total_seconds()
                gone = waited > _START_SECONDS
                reason = f"Its process did not begin within {_START_SECONDS} s; see {LOG}."
            else:
                continue
            if gone:
                stored_runs.end(connection, run.id, RunState.FAILED, at=workspace.clock(), reason=reason)
                events.append(connection, Kind.RUN_LOST, run.id, actor="curator", at=workspace.clock())
    begin_next(workspace)
    with workspace.read() as connection:
        return stored_runs.newest_first(connection)


def begin_next(workspace: Workspace) -> None:
    """Start a detached process for the oldest waiting run of every free device."""
    with workspace.read() as connection:  # most looks find nothing to do and need not write
        if not any(run.state is RunState.QUEUED for run in stored_runs.newest_first(connection)):
            return
    with workspace.write() as connection:
        launched = stored_runs.launch_next(connection, at=workspace.clock())
    for run_id in launched:
        _launch(workspace, run_id)


def _launch(workspace: Workspace, run_id: str) -> None:
    with workspace.read() as connection:
        config = stored_runs.get(connection, run_id).config
    command = [sys.executable]
    if config.is_distributed:
        command += ["-m", "accelerate.commands.launch"]
        if config.accelerate_config is not None:
            command += ["--config_file", config.accelerate_config]
        else:
            command += ["--num_processes", str(config.processes), "--num_machines", "1", "--mixed_precision", "no"]
            command += ["--dynamo_backend", "no", "--main_process_port", "0"]
            command += ["--cpu", "--num_cpu_threads_per_process", "1"] if config.device == "cpu" else ["--multi_gpu"]
    command += ["-m", "curator.runs.process", str(workspace.folder), run_id]
    detached.start(command, log=folder_of(workspace, run_id) / LOG)


def _in_turn(
    workspace: Workspace,
    run: Run,
    *,
    on_step: OnStep | None,
    on_wait: Callable[[str], None] | None,
    on_activity: OnActivity | None,
) -> Run:
    """Wait until the device is free and older runs are done, then do the work. Returns the run as it ended."""
    if run.config.is_distributed:
        return _wait_for(workspace, run)
    told = False
    while True:
        with workspace.write() as connection:
            if stored_runs.get(connection, run.id).state is not RunState.QUEUED:
                return stored_runs.get(connection, run.id)  # stopped while it waited
            if stored_runs.launch_next(connection, at=workspace.clock(), only=run.id):
                break
        if not told and on_wait is not None:
            on_wait("Other runs come first; this one begins when they end.")
        told = True
        time.sleep(1)
        watch(workspace)
    try:
        return execute(workspace, run.id, on_step=on_step, on_activity=on_activity)
    finally:
        begin_next(workspace)


def _wait_for(workspace: Workspace, run: Run) -> Run:
    """A run of several processes, which work beside this one, as it ended.

    Raises:
        TrainingError: It failed.
    """
    while run.is_alive:
        time.sleep(0.5)
        run = next(each for each in watch(workspace) if each.id == run.id)
    if run.state is RunState.FAILED:
        raise TrainingError(run.reason or "The run failed.", hint=f"Read {LOG} in its folder.")
    return run


def _create(workspace: Workspace, version: str, config: TrainConfig, *, actor: str, name: str, note: str) -> Run:
    if workspace.is_served and config.accelerate_config is not None:
        raise TrainingError(
            "A server starts no run with a file of accelerate that a browser names.",
            hint="Start it with `curator train` on the server.",
        )
    changes: dict[str, object] = {"device": device_of(config)}
    if not config.allow_download:
        changes["base"] = str(Path(config.base).expanduser().resolve())
    config = config.model_copy(update=changes)
    base_models.require_known(workspace, config.base)
    naming.require_free(workspace, name)
    for tracker in config.trackers:
        if importlib.util.find_spec(tracker) is None:
            raise TrainingError(f"The tracker {tracker} is not installed.", hint=f"Run pip install {tracker}.")
    # a wrong folder or template is refused here, before anything is stored
    checkpoint.tokenizer_of(config)
    run_id = f"{workspace.clock():%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
    frozen = versions.find(workspace, version)
    folder = folder_of(workspace, run_id)
    folder.mkdir(parents=True)
    whole.write(folder / "config.json", config.model_dump_json(indent=2).encode())
    at = workspace.clock()
    with workspace.write() as connection:
        run = stored_runs.add(
            connection,
            run_id,
            version_id=frozen.id,
            config=config,
            actor=actor,
            at=at,
            name=naming.on_one_line(name),
            note=note.strip(),
        )
        detail = {"version": frozen.id, "config": config.model_dump(mode="json")}
        events.append(connection, Kind.RUN_QUEUED, run_id, actor=actor, at=at, detail=detail)
    return run


def _queue_again(workspace: Workspace, run_id: str, *, actor: str) -> Run:
    with workspace.write() as connection:
        run = stored_runs.get(connection, run_id)
        if run.state not in (RunState.STOPPED, RunState.FAILED):
            raise TrainingError(
                f"Run {run.id} is {run.state}.", hint="Only a run that stopped or failed can be resumed."
            )
        stored_runs.queue_again(connection, run.id)
        events.append(connection, Kind.RUN_RESUMED, run.id, actor=actor, at=workspace.clock())
        return stored_runs.get(connection, run.id)
