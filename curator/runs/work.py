"""One run from its data to its checkpoint: the work itself, and how it ended.

`queue` decides when a run works and starts its process; both it and the command call `execute`.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from transformers import PreTrainedTokenizerBase

from curator import detached
from curator.errors import CuratorError, TrainingError
from curator.runs import folder, manifest, measuring
from curator.runs.answers import ask, question_of
from curator.runs.base_losses import BaseLosses
from curator.runs.measuring import Sample, token_count
from curator.runs.selection import data_of
from curator.runs.writing import OnActivity, Writing
from curator.store import events
from curator.store import runs as stored_runs
from curator.training import checkpoint, loop, state
from curator.training.evaluate import MeasuringStopped
from curator.training.labels import Example, Prepared
from curator.training.learner import Learner, add_adapters, as_trained, make_accelerator, make_learner, place_model
from curator.training.plan import planned_steps
from curator.workspace import Workspace
from schemas.event import Kind
from schemas.run import Phase, Run, RunResult, RunState, TaskMetrics, TrainConfig, TrainingProgress
from schemas.version import Split

OnStep = Callable[[loop.Step, int], None]
"""Is told a step and the number of steps planned."""


def execute(
    workspace: Workspace, run_id: str, *, on_step: OnStep | None = None, on_activity: OnActivity | None = None
) -> Run:
    """Do the work of a queued run in this process and store how it ended. Returns the run.

    SIGTERM and SIGINT stop it after the step it is in, with its checkpoint saved. A run that has a stored state goes on
    where that was saved.

    Raises:
        CuratorError: The run failed; the reason is stored.
    """
    with workspace.write() as connection:
        run = stored_runs.get(connection, run_id)
        if run.state is RunState.STOPPING:
            stored_runs.end(
                connection, run_id, RunState.STOPPED, at=workspace.clock(), reason="Stopped before it began."
            )
            return stored_runs.get(connection, run_id)
        stored_runs.begin(connection, run_id, detached.own_mark(), at=workspace.clock())
        events.append(connection, Kind.RUN_STARTED, run_id, actor=run.created_by, at=workspace.clock())
    try:
        with _stop_on_signal() as signalled:
            result, stopped = _work(workspace, run, signalled=signalled, on_step=on_step, on_activity=on_activity)
    except CuratorError as error:
        _end(workspace, run, RunState.FAILED, reason=f"{error.problem} {error.hint}")
        raise
    except (MemoryError, torch.OutOfMemoryError) as error:
        _end(workspace, run, RunState.FAILED, reason=f"Memory ran out. {_LESS_MEMORY}")
        raise TrainingError("Memory ran out.", hint=_LESS_MEMORY) from error
    except RuntimeError as error:  # PyTorch on a CPU reports a failed allocation so
        lacks_memory = "allocate memory" in str(error) or "out of memory" in str(error)
        reason = f"Memory ran out. {_LESS_MEMORY}" if lacks_memory else f"RuntimeError: {error}"
        _end(workspace, run, RunState.FAILED, reason=reason)
        if lacks_memory:
            raise TrainingError("Memory ran out.", hint=_LESS_MEMORY) from error
        raise
    except BaseException as error:
        _end(workspace, run, RunState.FAILED, reason=f"{type(error).__name__}: {error}")
        raise
    ended = RunState.STOPPED if stopped else RunState.DONE
    return _end(workspace, run, ended, reason="Stopped on request." if stopped else None, result=result)


_LESS_MEMORY = "Lower tokens_per_batch, then max_tokens; switch checkpoint_activations on; or choose lora."


def execute_beside(workspace: Workspace, run_id: str) -> None:
    """Take part in a run of several processes as one that writes nothing; the main one calls `execute`."""
    with workspace.read() as connection:
        run = stored_runs.get(connection, run_id)
    with _stop_on_signal() as signalled:  # the main process decides when to stop
        _work(workspace, run, signalled=signalled)


class _Ready(NamedTuple):
    """A run that is prepared: its records, its model and where it writes."""

    run: Run
    tokenizer: PreTrainedTokenizerBase
    parts: dict[Split, Prepared]
    training: list[Example]
    measured: Sample
    held_out_split: Split
    steps: int
    learner: Learner
    writing: Writing

    @property
    def config(self) -> TrainConfig:
        """Settings of the run."""
        return self.run.config


class _Stop:
    """Whether a run shall end: a signal to its process, or a request in the database."""

    def __init__(self, workspace: Workspace, run: Run, signalled: Callable[[], bool]) -> None:
        self._workspace = workspace
        self._run = run
        self._signalled = signalled

    def asked(self) -> bool:
        """What this process knows."""
        with self._workspace.read() as connection:
            return self._signalled() or stored_runs.get(connection, self._run.id).state is RunState.STOPPING

    def agreed(self) -> bool:
        """What the main process knows; all processes of the run ask together."""
        if not self._run.config.is_distributed:
            return self.asked()
        answer = [PartialState().is_main_process and self.asked()]
        return bool(broadcast_object_list(answer)[0])


def _work(
    workspace: Workspace,
    run: Run,
    *,
    signalled: Callable[[], bool],
    on_step: OnStep | None = None,
    on_activity: OnActivity | None = None,
) -> tuple[RunResult | None, bool]:
    """Prepare a run, measure the base, train, and measure what was kept.

    Returns:
        The result, None when the run was stopped before its first step; and whether it was stopped.
    """
    began = time.monotonic()
    stop = _Stop(workspace, run, signalled)
    ready = _prepare(workspace, run, on_activity=on_activity)
    resumes = ready.writing.has_state
    ready.learner.accelerator.wait_for_everyone()  # every process has looked before the main one begins to write
    progress = None
    if resumes:
        progress = state.load(ready.learner, ready.writing.place / folder.STATE)
        ready.writing.go_on_after(progress.step)
    elif not _measure_base(workspace, ready, stop):
        return None, True

    def report(step: loop.Step) -> None:
        row = ready.writing.report(step, seconds=time.monotonic() - began)
        told = row.model_dump(exclude={"at", "step", "task"}, exclude_none=True)
        ready.learner.accelerator.log(told | (row.task.model_dump() if row.task else {}), step=step.step)
        if on_step is not None:
            on_step(step, ready.steps)

    progress = _train(ready, progress, report=report, should_stop=stop.agreed)
    stopped = _measure_kept(workspace, ready, progress, stop)
    return _result(ready, progress, seconds=time.monotonic() - began), stopped


def _prepare(workspace: Workspace, run: Run, *, on_activity: OnActivity | None) -> _Ready:
    """Load records and base, choose how they go through it, and what is measured. Returns all that a training needs."""
    config = run.config
    accelerator = make_accelerator(config)
    torch.manual_seed(config.seed)
    tokenizer = checkpoint.tokenizer_of(config)
    parts = data_of(workspace, run.version_id, tokenizer, config)
    training = parts[Split.TRAIN].examples
    if not training:
        reasons = "; ".join(parts[Split.TRAIN].refused[:3])
        raise TrainingError(
            f"No record of the version can be trained on: {reasons}.", hint="Mend or replace the records."
        )
    held_out_split = Split.TEST if parts[Split.TEST].examples else Split.VALIDATION
    measured = measuring.choose(
        training,
        held_out=parts[held_out_split].examples,
        validation=parts[Split.VALIDATION].examples,
        config=config,
    )
    steps = planned_steps(len(training), config)

    model = checkpoint.load_base(
        config.base, allow_download=config.allow_download, in_four_bits=config.method == "qlora"
    )
    if config.method != "full":
        model = add_adapters(model, config)  # they begin as zero: the base it still is
    objective, note = place_model(model, config)
    learner = make_learner(objective, config, accelerator, tokens=config.epochs * token_count(training))
    learner.notes.insert(0, note)
    learner.notes.extend(map(str, parts[Split.TRAIN].weighed))
    if measured.asked and config.is_distributed:
        learner.notes.append("no prompts are asked in a run of several processes")
    if measured.note:
        learner.notes.append(measured.note)
    if learner.is_main:
        print("; ".join(learner.notes), file=sys.stderr, flush=True)
        with workspace.write() as connection:
            stored_runs.plan_steps(connection, run.id, steps)
    pad_id = int(tokenizer.pad_token_id)
    writing = Writing(workspace, run, pad_id=pad_id, writes=learner.is_main, on_activity=on_activity)
    accelerator.wait_for_everyone()  # no process looks while the main one puts the folder right
    return _Ready(run, tokenizer, parts, training, measured, held_out_split, steps, learner, writing)


def _measure_base(workspace: Workspace, ready: _Ready, stop: _Stop) -> bool:
    """State what the run is made of and measure the base, in the arithmetic of the training.

    Returns whether to go on: False when the run was asked to stop meanwhile.
    """
    learner, writing = ready.learner, ready.writing
    writing.begin()
    if learner.is_main:
        manifest.write(workspace, ready.run, ready.parts, tokenizer=ready.tokenizer, notes=learner.notes)
    if learner.is_main or not learner.has_whole_weights:  # shards compute together, and cannot stop one by one
        known = BaseLosses(workspace.runs_folder / "base_losses", Path(ready.config.base), learner.objective)
        moments = ((ready.held_out_split, ready.measured.held_out), (Split.TRAIN, ready.measured.training))
        with suppress(MeasuringStopped):
            for split, examples in moments:
                writing.measure(
                    learner.objective,
                    examples,
                    split=split,
                    phase="base",
                    base=known,
                    should_stop=stop.asked if learner.has_whole_weights else None,
                )
    return not stop.agreed()


def _train(
    ready: _Ready,
    progress: TrainingProgress | None,
    *,
    report: Callable[[loop.Step], None],
    should_stop: Callable[[], bool],
) -> TrainingProgress:
    """Train to the end, a stop or an early stop; the best weights lie in the checkpoint. Returns where it ended."""
    learner, writing = ready.learner, ready.writing

    def keep(_: TrainingProgress) -> None:
        writing.save_weights(learner, ready.tokenizer)

    def save_state(progress: TrainingProgress) -> None:
        writing.keep(learner, ready.tokenizer, progress)
        writing.save_state(learner, progress)

    questions = [question_of(example, ready.tokenizer) for example in ready.measured.asked]

    def answer() -> TaskMetrics | None:
        return ask(
            learner.objective,
            ready.tokenizer,
            questions if not ready.config.is_distributed else [],
            max_new_tokens=ready.config.answer_tokens,
            should_stop=should_stop,
        )

    if ready.config.trackers:
        learner.accelerator.init_trackers("curator", config={"run": ready.run.id, "version": ready.run.version_id})
    progress = loop.train(
        learner,
        ready.training,
        config=ready.config,
        pad_id=int(ready.tokenizer.pad_token_id),
        validation=ready.measured.validation,
        listener=loop.Listener(
            on_step=report, should_stop=should_stop, on_best=keep, on_evaluated=save_state, ask=answer
        ),
        progress=progress,
    )
    learner.accelerator.end_training()
    if progress.interrupted:
        save_state(progress)
    if progress.best_step == 0:  # nothing was evaluated
        keep(progress)
    writing.keep(learner, ready.tokenizer, progress)
    return progress


def _measure_kept(workspace: Workspace, ready: _Ready, progress: TrainingProgress, stop: _Stop) -> bool:
    """Seal the manifest and measure the checkpoint as it was saved, in the arithmetic of the training.

    Returns whether the run was stopped, before its last step or while it was measured. Then nothing is measured any
    more, and its state stays to go on from.
    """
    ready.learner.free()  # what is measured now is what was saved
    if not ready.learner.accelerator.is_main_process:
        return progress.interrupted
    manifest.seal(workspace, ready.run)
    if progress.interrupted:
        return True
    kept = progress.best_step or progress.step
    place = ready.writing.place / folder.CHECKPOINT
    tuned = checkpoint.load_tuned(place, in_four_bits=ready.config.method == "qlora")  # like with like
    objective, _ = place_model(tuned, ready.config)
    moments = ((ready.held_out_split, ready.measured.held_out), (Split.TRAIN, ready.measured.training))
    try:
        with as_trained(objective.model, ready.config):
            for split, examples in moments:
                ready.writing.measure(
                    objective, examples, split=split, phase="tuned", step=kept, should_stop=stop.asked
                )
    except MeasuringStopped:
        return True
    ready.writing.drop_state()
    return False


def _result(ready: _Ready, progress: TrainingProgress, *, seconds: float) -> RunResult:
    moments: tuple[Phase, Phase] = ("base", "tuned")
    base, tuned = (ready.writing.summary(ready.held_out_split, phase) for phase in moments)
    return RunResult(
        steps=progress.step,
        best_step=progress.best_step or progress.step,
        stopped_early=progress.stopped_early,
        response_tokens=sum(example.response_tokens for example in ready.training),
        heldout_base=base,
        heldout_tuned=tuned,
        seconds=seconds,
        measuring_seconds=ready.writing.measuring_seconds,
        refused=tuple(reason for split in Split for reason in ready.parts[split].refused),
        notes=tuple(ready.learner.notes),
    )


def _end(
    workspace: Workspace, run: Run, state: RunState, *, reason: str | None = None, result: RunResult | None = None
) -> Run:
    with workspace.write() as connection:
        stored_runs.end(connection, run.id, state, at=workspace.clock(), reason=reason, result=result)
        detail = {"state": state.value, "reason": reason}
        events.append(connection, Kind.RUN_ENDED, run.id, actor=run.created_by, at=workspace.clock(), detail=detail)
        return stored_runs.get(connection, run.id)


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
