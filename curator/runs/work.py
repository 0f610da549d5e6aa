"""One run from its data to its checkpoint: the work itself, and how it ended.

`queue` decides when a run works and starts its process; both it and the command call `execute`.
"""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import torch
from accelerate.utils import broadcast_object_list
from transformers import PreTrainedTokenizerBase

from curator import whole
from curator.errors import CuratorError, TrainingError
from curator.runs import base_losses, detached, folder, manifest
from curator.runs.selection import data_of
from curator.store import events
from curator.store import runs as stored_runs
from curator.training import checkpoint, loop, state
from curator.training.evaluate import looked_at, record_losses, summary
from curator.training.labels import Example, Prepared
from curator.training.learner import Learner, add_adapters, make_accelerator, make_learner, place_model
from curator.training.objective import ResponseLoss
from curator.training.plan import planned_steps
from curator.training.precision import round_to_bf16, uses_bf16
from curator.workspace import Workspace
from schemas.run import HeldOutLoss, LedgerRow, MetricRow, Phase, Progress, RecordLoss, Run, RunResult, RunState
from schemas.version import Split

OnStep = Callable[[loop.Step, int], None]
"""Is told a step and the number of steps planned."""


def execute(workspace: Workspace, run_id: str, *, on_step: OnStep | None = None) -> Run:
    """Do the work of a queued run in this process and store how it ended.

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
        events.append(connection, "run-started", run_id, actor=run.created_by, at=workspace.clock())
    try:
        with _stop_on_signal() as signalled:
            result, interrupted = _train(workspace, run, signalled=signalled, on_step=on_step)
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
    ended = RunState.STOPPED if interrupted else RunState.DONE
    return _end(workspace, run, ended, reason="Stopped on request." if interrupted else None, result=result)


_LESS_MEMORY = "Lower tokens_per_batch, then max_tokens; switch checkpoint_activations on; or choose lora."


def execute_beside(workspace: Workspace, run_id: str) -> None:
    """Take part in a run of several processes as one that writes nothing; the main one calls `execute`."""
    with workspace.read() as connection:
        run = stored_runs.get(connection, run_id)
    with _stop_on_signal() as signalled:  # the main process decides when to stop
        _train(workspace, run, signalled=signalled, on_step=None)


class _Data(NamedTuple):
    parts: dict[Split, Prepared]
    training: list[Example]
    validation: list[Example]
    held_out: list[Example]
    """Of the split that base and tuned model are compared on."""
    held_out_split: Split
    longest: int
    """Tokens of the longest record."""


def _data(workspace: Workspace, run: Run, tokenizer: PreTrainedTokenizerBase) -> _Data:
    config = run.config
    parts = data_of(workspace, run.version_id, tokenizer, config)
    training = parts[Split.TRAIN].examples
    if not training:
        reasons = "; ".join(parts[Split.TRAIN].refused[:3])
        raise TrainingError(
            f"No record of the version can be trained on: {reasons}.", hint="Mend or replace the records."
        )
    held_out = Split.TEST if parts[Split.TEST].examples else Split.VALIDATION
    return _Data(
        parts=parts,
        training=training,
        validation=looked_at(parts[Split.VALIDATION].examples, config.evaluation_records),
        held_out=looked_at(parts[held_out].examples, config.evaluation_records),
        held_out_split=held_out,
        longest=max(len(example.input_ids) for part in parts.values() for example in part.examples),
    )


def _train(
    workspace: Workspace, run: Run, *, signalled: Callable[[], bool], on_step: OnStep | None
) -> tuple[RunResult, bool]:
    began = time.monotonic()
    config, place = run.config, folder.folder_of(workspace, run.id)
    accelerator = make_accelerator(config)
    torch.manual_seed(config.seed)
    tokenizer = checkpoint.load_tokenizer(
        config.base, allow_download=config.allow_download, template=config.chat_template
    )
    data = _data(workspace, run, tokenizer)
    training = data.training
    steps = planned_steps(len(training), config)
    pad_id = int(tokenizer.pad_token_id)

    model = checkpoint.load_base(
        config.base, allow_download=config.allow_download, in_four_bits=config.method == "qlora"
    )
    if config.method != "full":
        model = add_adapters(model, config)  # they begin as zero: the base it still is
    objective, note = place_model(model, config, longest=data.longest)
    files = _Files(workspace, run, pad_id=pad_id, writes=accelerator.is_main_process)
    resumes = files.resumes()
    accelerator.wait_for_everyone()  # nobody looks while the main process tidies up
    if not resumes:
        files.begin()
        files.measure(objective, data.held_out, split=data.held_out_split, phase="base")
    learner = make_learner(
        objective, config, accelerator, tokens=config.epochs * sum(len(each.input_ids) for each in training)
    )
    learner.notes.insert(0, note)
    if learner.is_main:
        print("; ".join(learner.notes), file=sys.stderr, flush=True)
        with workspace.write() as connection:
            stored_runs.plan_steps(connection, run.id, steps)
    progress = None
    if resumes:
        progress = state.load(learner, place / folder.STATE)
        files.go_on_after(progress.step)
    else:
        if learner.is_main:
            manifest.write(workspace, run, data.parts, tokenizer=tokenizer, notes=learner.notes)
        if config.record_losses:
            files.measure(learner.objective, training, split=Split.TRAIN, phase="base")

    def stop_wanted() -> bool:
        wanted = [False]
        if learner.is_main:
            with workspace.read() as connection:
                wanted = [signalled() or stored_runs.get(connection, run.id).state is RunState.STOPPING]
        return bool(broadcast_object_list(wanted)[0]) if config.is_distributed else wanted[0]

    def keep(progress: Progress) -> None:
        _save(learner, tokenizer, place / folder.CHECKPOINT)

    def save_state(progress: Progress) -> None:
        if learner.is_main and learner.has_whole_weights:
            state.save(learner, progress, place / folder.STATE)

    def report(step: loop.Step) -> None:
        row = files.report(step, seconds=time.monotonic() - began)
        learner.accelerator.log(row.model_dump(exclude={"at", "step"}, exclude_none=True), step=step.step)
        if on_step is not None:
            on_step(step, steps)

    if config.trackers:
        learner.accelerator.init_trackers("curator", config={"run": run.id, "version": run.version_id})
    progress = loop.train(
        learner,
        training,
        config=config,
        pad_id=pad_id,
        validation=data.validation,
        listener=loop.Listener(on_step=report, should_stop=stop_wanted, on_best=keep, on_evaluated=save_state),
        progress=progress,
    )
    learner.accelerator.end_training()
    if progress.interrupted:
        save_state(progress)
    if progress.best_step == 0:  # nothing was evaluated
        keep(progress)
    kept = progress.best_step or progress.step
    notes = tuple(learner.notes)
    learner.free()  # what is measured now is what was saved
    if accelerator.is_main_process:
        manifest.seal(workspace, run)
        objective, _ = place_model(checkpoint.load_tuned(place / folder.CHECKPOINT), config, longest=data.longest)
        files.measure(objective, data.held_out, split=data.held_out_split, phase="tuned", step=kept)
        if config.record_losses and not progress.interrupted:
            if uses_bf16(config):
                round_to_bf16(objective.model)
            files.measure(objective, training, split=Split.TRAIN, phase="tuned", step=kept)
        if not progress.interrupted:
            shutil.rmtree(place / folder.STATE, ignore_errors=True)  # thrice the weights; a finished run needs none
    base, tuned = (files.summary(data.held_out_split, phase) for phase in _MOMENTS)
    result = RunResult(
        steps=progress.step,
        best_step=kept,
        stopped_early=progress.stopped_early,
        response_tokens=sum(example.response_tokens for example in training),
        heldout_base=base,
        heldout_tuned=tuned,
        seconds=time.monotonic() - began,
        refused=tuple(reason for split in Split for reason in data.parts[split].refused),
        notes=notes,
    )
    return result, progress.interrupted


_MOMENTS: tuple[Phase, Phase] = ("base", "tuned")


class _Files:
    """What a run writes while it goes on: a line per step, and a line per record and moment. One process writes."""

    def __init__(self, workspace: Workspace, run: Run, *, pad_id: int, writes: bool) -> None:
        self.workspace = workspace
        self.place = folder.folder_of(workspace, run.id)
        self.pad_id = pad_id
        self.writes = writes
        self.base_cache = base_losses.BaseCache(workspace.runs_folder / "base_losses", Path(run.config.base))

    def resumes(self) -> bool:
        """Whether there is a state to go on from."""
        if self.writes:
            for name in (folder.STATE, folder.CHECKPOINT):
                whole.recover(self.place / name)
        return (self.place / folder.STATE).is_dir()

    def begin(self) -> None:
        """Forget what an earlier try without a saved state wrote."""
        if self.writes:
            for file in (folder.METRICS, folder.LEDGER):
                (self.place / file).unlink(missing_ok=True)

    def go_on_after(self, step: int) -> None:
        """Forget what was written after the state was saved."""
        if self.writes:
            for file in (folder.METRICS, folder.LEDGER):
                folder.cut_after(self.place / file, step)
            print(f"resumed after step {step}", file=sys.stderr, flush=True)

    def measure(
        self, objective: ResponseLoss, examples: Sequence[Example], *, split: Split, phase: Phase, step: int = 0
    ) -> None:
        """Evaluate the examples and store each one's loss; what another run measured on the same base is taken over."""
        if not examples or not self.writes:
            return
        cached = self.base_cache.file(objective, examples) if phase == "base" else None
        losses = None if cached is None else base_losses.read(cached, examples)
        if losses is None:
            losses = record_losses(objective, examples, split=split.value, pad_id=self.pad_id)
            if cached is not None:
                base_losses.write(cached, losses)
        self._add(losses, split=split, phase=phase, step=step, epoch=0)

    def report(self, step: loop.Step, *, seconds: float) -> MetricRow:
        """Store a step and the losses of its records."""
        row = MetricRow(
            step=step.step,
            epoch=step.epoch,
            at=self.workspace.clock(),
            loss=step.loss,
            validation_nll=step.validation_nll,
            learning_rate=step.learning_rate,
            gradient_norm=step.gradient_norm,
            tokens=step.tokens,
            response_tokens=step.response_tokens,
            seconds=seconds,
        )
        if self.writes:
            self._add(step.records, split=Split.TRAIN, phase="train", step=step.step, epoch=step.epoch)
            folder.append(self.place / folder.METRICS, [row])
        return row

    def summary(self, split: Split, phase: Phase) -> HeldOutLoss | None:
        """The loss of a split before or after; None when it was not measured."""
        rows = (LedgerRow.model_validate_json(line) for line in folder.whole_lines(self.place / folder.LEDGER))
        found = {row.row_id: row for row in rows if (row.split, row.phase) == (split, phase)}
        losses = [RecordLoss(row_id=row.row_id, tokens=row.tokens, nll=row.nll) for row in found.values()]
        return summary(losses, split=split.value) if losses else None

    def _add(self, losses: Sequence[RecordLoss], *, split: Split, phase: Phase, step: int, epoch: int) -> None:
        folder.append(
            self.place / folder.LEDGER,
            (
                LedgerRow(row_id=x.row_id, split=split, phase=phase, step=step, epoch=epoch, tokens=x.tokens, nll=x.nll)
                for x in losses
            ),
        )


def _save(learner: Learner, tokenizer: PreTrainedTokenizerBase, place: Path) -> None:
    """Write the weights as fp32, whichever compute."""
    weights = learner.full_weights()  # every process takes part in gathering them
    if learner.is_main:
        with learner.in_fp32() as model:
            checkpoint.save(model, tokenizer, place, weights=weights)
    learner.accelerator.wait_for_everyone()


def _end(
    workspace: Workspace, run: Run, state: RunState, *, reason: str | None = None, result: RunResult | None = None
) -> Run:
    with workspace.write() as connection:
        stored_runs.end(connection, run.id, state, at=workspace.clock(), reason=reason, result=result)
        detail = {"state": state.value, "reason": reason}
        events.append(connection, "run-ended", run.id, actor=run.created_by, at=workspace.clock(), detail=detail)
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
