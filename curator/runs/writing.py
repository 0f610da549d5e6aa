"""What a run writes while it goes on: a line per step, a line per record and moment, and what it measures just now."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from curator import whole
from curator.runs import folder
from curator.runs.base_losses import BaseLosses
from curator.training import checkpoint, loop, state
from curator.training.evaluate import GoOn, record_losses, summary
from curator.training.labels import Example
from curator.training.learner import Learner
from curator.training.objective import ResponseLoss
from curator.workspace import Workspace
from schemas.run import Activity, HeldOutLoss, LedgerRow, MetricRow, Phase, RecordLoss, Run, TrainingProgress
from schemas.version import Split

OnActivity = Callable[[Activity], None]
"""Is told what is measured outside the steps, and how far it is."""

_SHOWN_EVERY_SECONDS = 0.5


class Writing:
    """The files of one run. Of several processes only one writes; the others call the same and leave nothing."""

    def __init__(
        self, workspace: Workspace, run: Run, *, pad_id: int, writes: bool, on_activity: OnActivity | None = None
    ) -> None:
        """Open the folder of a run, with what a writer that was killed left behind put right."""
        self.workspace = workspace
        self.run = run
        self.place = folder.folder_of(workspace, run.id)
        self.measuring_seconds = 0.0
        self._pad_id = pad_id
        self._writes = writes
        self._on_activity = on_activity
        self._last_kept = 0
        if writes:
            for unfinished in (self.place / folder.KEPT).glob(".*"):
                shutil.rmtree(unfinished)
            for name in (folder.STATE, folder.CHECKPOINT):
                whole.recover(self.place / name)

    @property
    def has_state(self) -> bool:
        """Whether there is a state to go on from."""
        return (self.place / folder.STATE).is_dir()

    def begin(self) -> None:
        """Forget what an earlier try without a saved state wrote."""
        if self._writes:
            for file in (folder.METRICS, folder.LEDGER):
                (self.place / file).unlink(missing_ok=True)
            shutil.rmtree(self.place / folder.KEPT, ignore_errors=True)

    def go_on_after(self, step: int) -> None:
        """Forget what was written after the state was saved."""
        if self._writes:
            for file in (folder.METRICS, folder.LEDGER):
                folder.cut_after(self.place / file, step)
            for kept, place in folder.kept_checkpoints(self.workspace, self.run.id).items():
                if kept > step:  # the step is taken again, and kept again
                    shutil.rmtree(place)
            print(f"resumed after step {step}", file=sys.stderr, flush=True)

    def measure(
        self,
        objective: ResponseLoss,
        examples: Sequence[Example],
        *,
        split: Split,
        phase: Phase,
        step: int = 0,
        base: BaseLosses | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        """Measure examples and store each one's loss.

        Args:
            objective: The model with its loss.
            examples: What to measure.
            split: Of the examples.
            phase: When it is.
            step: Of the weights.
            base: What is known of the base already and need not be measured again.
            should_stop: Asked after each batch.

        Raises:
            MeasuringStopped: `should_stop` said yes; nothing is stored.
        """
        began = time.monotonic()
        known = {example.row_id: base.of(example) if base is not None else None for example in examples}
        unknown = [example for example in examples if known[example.row_id] is None]
        doing = f"measuring the {'base' if phase == 'base' else 'tuned model'} on {split} records"
        try:
            losses = record_losses(
                objective,
                unknown,
                split=split.value,
                pad_id=self._pad_id,
                go_on=self._go_on(doing, should_stop),
            )
        finally:
            (self.place / folder.ACTIVITY).unlink(missing_ok=True)
            self.measuring_seconds += time.monotonic() - began
        if base is not None and self._writes:
            base.add(unknown, losses)
        measured = {loss.row_id: loss for loss in losses}
        in_order = [known[example.row_id] or measured[example.row_id] for example in examples]
        self._add(in_order, split=split, phase=phase, step=step, epoch=0)

    def report(self, step: loop.Step, *, seconds: float) -> MetricRow:
        """Store a step and the losses of its records. Returns the line of the step."""
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
            task=step.task,
        )
        self._add(step.records, split=Split.TRAIN, phase="train", step=step.step, epoch=step.epoch)
        if self._writes:
            folder.append(self.place / folder.METRICS, [row])
        return row

    def save_weights(self, learner: Learner, tokenizer: PreTrainedTokenizerBase) -> None:
        """Save the weights as the checkpoint, in fp32 whichever compute; every process takes part in gathering them."""
        self._save_weights(learner, tokenizer, self.place / folder.CHECKPOINT)

    def _save_weights(self, learner: Learner, tokenizer: PreTrainedTokenizerBase, place: Path) -> None:
        weights = learner.full_weights()
        if learner.is_main:
            with learner.in_fp32() as model:
                checkpoint.save(model, tokenizer, place, weights=weights)
        learner.accelerator.wait_for_everyone()

    def keep(self, learner: Learner, tokenizer: PreTrainedTokenizerBase, progress: TrainingProgress) -> None:
        """Keep the weights of this step beside the best ones, if the settings ask for it, and drop the oldest kept."""
        most = self.run.config.keep_checkpoints
        if not most or progress.step in (0, self._last_kept):
            return
        self._last_kept = progress.step
        place = self.place / folder.KEPT / folder.STEP.format(progress.step)
        if progress.best_step != progress.step:
            self._save_weights(learner, tokenizer, place)
        elif self._writes:  # these very weights are saved already: the same files under a second name
            with whole.folder(place) as unfinished:
                shutil.copytree(self.place / folder.CHECKPOINT, unfinished, copy_function=_link, dirs_exist_ok=True)
        if self._writes:
            for old in list(folder.kept_checkpoints(self.workspace, self.run.id).values())[:-most]:
                shutil.rmtree(old)

    def save_state(self, learner: Learner, progress: TrainingProgress) -> None:
        """Save what a later process needs to go on from here."""
        if learner.is_main and learner.has_whole_weights:
            state.save(learner, progress, self.place / folder.STATE)

    def drop_state(self) -> None:
        """Remove the state: three times the weights, which a finished run does not need."""
        shutil.rmtree(self.place / folder.STATE, ignore_errors=True)

    def summary(self, split: Split, phase: Phase) -> HeldOutLoss | None:
        """The loss of a split before or after; None when it was not measured."""
        rows = (LedgerRow.model_validate_json(line) for line in folder.whole_lines(self.place / folder.LEDGER))
        last = {row.row_id: row for row in rows if (row.split, row.phase) == (split, phase)}
        losses = [RecordLoss(row_id=row.row_id, tokens=row.tokens, nll=row.nll) for row in last.values()]
        return summary(losses, split=split.value) if losses else None

    def _go_on(self, doing: str, should_stop: Callable[[], bool] | None) -> GoOn:
        shown = time.monotonic()

        def go_on(done: int, total: int) -> bool:
            nonlocal shown
            if self._writes and time.monotonic() - shown >= _SHOWN_EVERY_SECONDS:
                shown = time.monotonic()
                activity = Activity(doing=doing, done=done, total=total)
                whole.write(self.place / folder.ACTIVITY, activity.model_dump_json().encode())
                if self._on_activity is not None:
                    self._on_activity(activity)
            return should_stop is None or not should_stop()

        return go_on

    def _add(self, losses: Sequence[RecordLoss], *, split: Split, phase: Phase, step: int, epoch: int) -> None:
        if not self._writes:
            return
        folder.append(
            self.place / folder.LEDGER,
            (
                LedgerRow(row_id=x.row_id, split=split, phase=phase, step=step, epoch=epoch, tokens=x.tokens, nll=x.nll)
                for x in losses
            ),
        )


def _link(source: str, target: str) -> None:
    """A second name for a file, or a copy where the file system has none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)
