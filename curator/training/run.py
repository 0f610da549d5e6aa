"""Runs: a training with a name, a folder and a state, in a process of its own.

`start` leaves the work to a detached process, `train` does it in this one; both call `execute`. Whoever looks at a run
reads the database and the run's folder: `config.json`, `metrics.jsonl` (one line per step), `manifest.json`,
`train.log` and `checkpoint/`.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import orjson
import psutil
import torch
import transformers

from curator import versions
from curator.errors import CuratorError, NotFoundError, TrainingError
from curator.store import events
from curator.store import runs as register
from curator.training import checkpoint, loop
from curator.training.evaluate import held_out_loss
from curator.training.labels import Prepared, prepare
from curator.workspace import Workspace
from schemas.run import MetricRow, Run, RunResult, RunState, TrainConfig
from schemas.version import Split

CHECKPOINT = "checkpoint"
LOG = "train.log"
_METRICS = "metrics.jsonl"
_ALIVE = (RunState.QUEUED, RunState.RUNNING, RunState.STOPPING)

OnStep = Callable[[loop.Step, int], None]
"""Is told a step and the number of steps planned."""


def start(workspace: Workspace, version: str, config: TrainConfig, *, actor: str) -> Run:
    """Begin a run in a detached process, which outlives this one.

    Raises:
        TrainingError: Another run is going on, or the base cannot be used.
    """
    run = _create(workspace, version, config, actor=actor)
    folder = folder_of(workspace, run.id)
    with (folder / LOG).open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "curator.training.process", str(workspace.folder), run.id],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # closing the server's terminal must not end the training
        )
    return run


def train(workspace: Workspace, version: str, config: TrainConfig, *, actor: str, on_step: OnStep | None = None) -> Run:
    """Do a whole run in this process and return it as it ended.

    Raises:
        TrainingError: It could not begin, or it failed; a failed run is kept with its reason.
    """
    run = _create(workspace, version, config, actor=actor)
    return execute(workspace, run.id, on_step=on_step)


def execute(workspace: Workspace, run_id: str, *, on_step: OnStep | None = None) -> Run:
    """Do the work of a queued run in this process and store how it ended.

    SIGTERM and SIGINT stop it after the step it is in, with its checkpoint saved.

    Raises:
        CuratorError: The run failed; the reason is stored.
    """
    process = psutil.Process()
    with workspace.write() as connection:
        run = register.get(connection, run_id)
        if run.state is RunState.STOPPING:
            register.end(connection, run_id, RunState.STOPPED, at=workspace.clock(), reason="Stopped before it began.")
            return register.get(connection, run_id)
        mark = register.ProcessMark(process.pid, process.create_time())
        register.begin(connection, run_id, mark, at=workspace.clock())
        events.append(connection, "run-started", run_id, actor=run.created_by, at=workspace.clock())
    try:
        with _stop_on_signal() as signalled:
            result, stopped = _train(workspace, run, signalled=signalled, on_step=on_step)
    except CuratorError as error:
        _end(workspace, run, RunState.FAILED, reason=f"{error.problem} {error.hint}")
        raise
    except (MemoryError, torch.OutOfMemoryError) as error:
        _end(workspace, run, RunState.FAILED, reason="Memory ran out. Lower records_per_batch or max_tokens.")
        raise TrainingError("Memory ran out.", hint="Lower records_per_batch or max_tokens.") from error
    except BaseException as error:
        _end(workspace, run, RunState.FAILED, reason=f"{type(error).__name__}: {error}")
        raise
    state = RunState.STOPPED if stopped else RunState.DONE
    return _end(workspace, run, state, reason="Stopped on request." if stopped else None, result=result)


def request_stop(workspace: Workspace, run_id: str, *, actor: str) -> bool:
    """Ask a run to finish its step, save and stop; False when it has already ended."""
    with workspace.write() as connection:
        run = register.get(connection, run_id)
        asked = register.ask_to_stop(connection, run.id)
        if asked:
            events.append(connection, "run-stop-asked", run.id, actor=actor, at=workspace.clock())
    return asked


def watch(workspace: Workspace) -> list[Run]:
    """All runs, newest first, after those whose process is gone were marked as failed."""
    with workspace.write() as connection:
        for run in register.newest_first(connection):
            if run.state not in _ALIVE:
                continue
            mark = register.process_of(connection, run.id)
            if mark is None:
                waited = (workspace.clock() - run.created_at).total_seconds()
                gone, reason = (
                    waited > _START_SECONDS,
                    f"Its process did not begin within {_START_SECONDS} s; see {LOG}.",
                )
            else:
                gone, reason = not is_alive(mark), f"Its process {mark.id} ended without a word; see {LOG}."
            if gone:
                register.end(connection, run.id, RunState.FAILED, at=workspace.clock(), reason=reason)
                events.append(connection, "run-lost", run.id, actor="curator", at=workspace.clock())
        return register.newest_first(connection)


_START_SECONDS = 120
"""A process that has not reported by then never will: importing torch on a slow disk takes less."""


def metrics(workspace: Workspace, run_id: str) -> list[MetricRow]:
    """The stored steps of a run in order; a line that is still being written is left for the next look."""
    file = folder_of(workspace, run_id) / _METRICS
    if not file.is_file():
        return []
    whole = file.read_bytes().rpartition(b"\n")[0]
    return [MetricRow.model_validate_json(line) for line in whole.splitlines()]


def log_tail(workspace: Workspace, run_id: str, *, characters: int = 4000) -> str:
    """The end of a run's log."""
    file = folder_of(workspace, run_id) / LOG
    return file.read_text(encoding="utf-8", errors="replace")[-characters:] if file.is_file() else ""


def folder_of(workspace: Workspace, run_id: str) -> Path:
    """The folder of a run."""
    return workspace.runs_folder / run_id


def checkpoint_of(workspace: Workspace, run: Run) -> Path:
    """The folder with the tuned model of a run.

    Raises:
        NotFoundError: The run saved none.
    """
    folder = folder_of(workspace, run.id) / CHECKPOINT
    if not folder.is_dir():
        raise NotFoundError(f"Run {run.id} has no checkpoint (state {run.state}).", hint="Choose a run that is done.")
    return folder


def _create(workspace: Workspace, version: str, config: TrainConfig, *, actor: str) -> Run:
    going_on = [run for run in watch(workspace) if run.state in _ALIVE]
    if going_on:
        raise TrainingError(
            f"Run {going_on[0].id} is {going_on[0].state}.",
            hint="Wait until it ends, or stop it: two would share the processor.",
        )
    if not config.allow_download:
        config = config.model_copy(update={"base": str(Path(config.base).expanduser().resolve())})
    checkpoint.load_tokenizer(config.base, allow_download=config.allow_download)  # a wrong folder is refused here
    run_id = f"{workspace.clock():%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
    with workspace.write() as connection:
        found = versions.find(workspace, version)
        run = register.add(connection, run_id, version_id=found.id, config=config, actor=actor, at=workspace.clock())
        detail = {"version": found.id, "config": config.model_dump(mode="json")}
        events.append(connection, "run-queued", run_id, actor=actor, at=workspace.clock(), detail=detail)
    folder = folder_of(workspace, run_id)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(config.model_dump_json(indent=2))
    return run


def _train(
    workspace: Workspace, run: Run, *, signalled: Callable[[], bool], on_step: OnStep | None
) -> tuple[RunResult, bool]:
    began = time.monotonic()
    config, folder = run.config, folder_of(workspace, run.id)
    torch.manual_seed(config.seed)
    tokenizer = checkpoint.load_tokenizer(config.base, allow_download=config.allow_download)
    parts = {
        split: prepare(versions.rows(workspace, run.version_id, split=split), tokenizer, max_tokens=config.max_tokens)
        for split in Split
    }
    training = parts[Split.TRAIN]
    if not training.examples:
        reasons = "; ".join(training.refused[:3])
        raise TrainingError(
            f"No record of the version can be trained on: {reasons}.", hint="Mend or replace the records."
        )
    held_out = Split.TEST if parts[Split.TEST].examples else Split.VALIDATION
    steps = loop.planned_steps(len(training.examples), config)
    with workspace.write() as connection:
        register.plan_steps(connection, run.id, steps)

    model = checkpoint.load_base(config.base, allow_download=config.allow_download)
    pad_id = int(tokenizer.pad_token_id)
    examples = parts[held_out].examples
    base = held_out_loss(model, examples, split=held_out.value, pad_id=pad_id) if examples else None
    if config.method == "lora":
        model = loop.add_adapters(model, config)
    _write_manifest(workspace, run, parts, template=str(tokenizer.chat_template))

    stop_wanted = False

    def should_stop() -> bool:
        nonlocal stop_wanted
        with workspace.read() as connection:
            stop_wanted = signalled() or register.get(connection, run.id).state is RunState.STOPPING
        return stop_wanted

    with (folder / _METRICS).open("ab", buffering=0) as stream:

        def report(step: loop.Step) -> None:
            row = MetricRow(
                step=step.step,
                at=workspace.clock(),
                loss=step.loss,
                validation_nll=step.validation_nll,
                learning_rate=step.learning_rate,
                gradient_norm=step.gradient_norm,
                response_tokens=step.response_tokens,
                seconds=time.monotonic() - began,
            )
            stream.write(row.model_dump_json(exclude_none=True).encode() + b"\n")
            if on_step is not None:
                on_step(step, steps)

        taken = loop.train(
            model,
            training.examples,
            config=config,
            pad_id=pad_id,
            validation=parts[Split.VALIDATION].examples,
            on_step=report,
            should_stop=should_stop,
        )
    checkpoint.save(model, tokenizer, folder / CHECKPOINT)
    tuned = held_out_loss(model, examples, split=held_out.value, pad_id=pad_id) if examples else None
    result = RunResult(
        steps=taken,
        response_tokens=sum(example.response_tokens for example in training.examples),
        heldout_base=base,
        heldout_tuned=tuned,
        seconds=time.monotonic() - began,
        refused=tuple(reason for split in Split for reason in parts[split].refused),
    )
    return result, stop_wanted and taken < steps


def _write_manifest(workspace: Workspace, run: Run, parts: dict[Split, Prepared], *, template: str) -> None:
    """What the checkpoint was made of: enough to answer "was this record used?" without the database."""
    stated = {
        "version": run.version_id,
        "config": run.config.model_dump(mode="json"),
        "chat_template": template,
        "records": {split.value: [example.row_id for example in part.examples] for split, part in parts.items()},
        "refused": {split.value: part.refused for split, part in parts.items()},
        "response_tokens": {
            split.value: sum(example.response_tokens for example in part.examples) for split, part in parts.items()
        },
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    (folder_of(workspace, run.id) / "manifest.json").write_bytes(orjson.dumps(stated, option=orjson.OPT_INDENT_2))


def _end(
    workspace: Workspace, run: Run, state: RunState, *, reason: str | None = None, result: RunResult | None = None
) -> Run:
    with workspace.write() as connection:
        register.end(connection, run.id, state, at=workspace.clock(), reason=reason, result=result)
        detail = {"state": state.value, "reason": reason}
        events.append(connection, "run-ended", run.id, actor=run.created_by, at=workspace.clock(), detail=detail)
        return register.get(connection, run.id)


def is_alive(mark: register.ProcessMark) -> bool:
    """Whether the process that a mark stands for still runs."""
    try:
        process = psutil.Process(mark.id)
        same = abs(process.create_time() - mark.started) < 1  # a process id can be used again
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@contextmanager
def _stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Within the block, the first SIGTERM or SIGINT is only remembered; a second one ends the process."""
    received: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, signal.SIG_DFL)

    try:
        earlier = {number: signal.signal(number, remember) for number in (signal.SIGTERM, signal.SIGINT)}
    except ValueError:  # not the main thread, where Python does not hand out signals
        yield lambda: False
        return
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
