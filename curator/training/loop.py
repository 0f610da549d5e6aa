"""The training loop: steps over shuffled records, read from top to bottom.

It knows nothing of workspaces, databases or folders; what happens at a step is told to the caller.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import NamedTuple

import torch
from accelerate.utils import gather_object

from curator.errors import TrainingError
from curator.training.evaluate import record_losses, summary
from curator.training.labels import Example
from curator.training.learner import Learner
from curator.training.plan import WORTH_FOLDING, divide, plan, planned_steps, sharing
from schemas.run import RecordLoss, TaskMetrics, TrainConfig, TrainingProgress


class Step(NamedTuple):
    """What one optimiser step did; step 0 is the model as it came."""

    step: int
    epoch: int
    loss: float | None
    """Nats per response token, before the step (weighted as the settings say)."""
    learning_rate: float | None
    gradient_norm: float | None
    """Before clipping."""
    tokens: int
    """Tokens that went through the model."""
    response_tokens: int
    validation_nll: float | None
    """Nats per response token, where this step was evaluated."""
    records: Sequence[RecordLoss] = ()
    """Loss of each of the step's records, before the step."""
    task: TaskMetrics | None = None
    """How the model answers after the step, where it was asked."""


class Listener(NamedTuple):
    """What the caller is told, and asked, while the training goes on."""

    on_step: Callable[[Step], None]
    should_stop: Callable[[], bool] = lambda: False
    """Asked after every step; True ends the training there."""
    on_best: Callable[[TrainingProgress], None] = lambda progress: None
    """The weights of this step are the best so far by the validation loss."""
    on_evaluated: Callable[[TrainingProgress], None] = lambda progress: None
    """A good moment to save the state."""
    ask: Callable[[], TaskMetrics | None] = lambda: None
    """Asked at every evaluation: how the model answers now."""


def learning_rate(step: int, steps: int, config: TrainConfig) -> float:
    """The rate of step `step` (from 1): a linear rise over the warm-up, then what the schedule says.

    Example:
        >>> linear = TrainConfig(base="model", learning_rate=1.0, warmup_share=0.2, schedule="linear")
        >>> [learning_rate(step, 10, linear) for step in (1, 2, 3, 7, 10)]
        [0.5, 1.0, 1.0, 0.5, 0.125]
    """
    warmup = math.ceil(config.warmup_share * steps)
    if step <= warmup:
        return config.peak_learning_rate * step / warmup
    along = (step - warmup - 1) / max(1, steps - warmup)
    left = {"cosine": 0.5 * (1 + math.cos(math.pi * along)), "linear": 1 - along, "constant": 1.0}[config.schedule]
    return config.peak_learning_rate * left


def evaluate_every(steps: int, config: TrainConfig) -> int:
    """Steps between evaluations in a training of so many steps."""
    return config.evaluate_every or max(1, math.ceil(steps / 10))


def evaluations(steps: int, config: TrainConfig) -> int:
    """How often a training of so many steps is evaluated: before it, now and then, and after its last step."""
    return 1 + math.ceil(steps / evaluate_every(steps, config))


def folds(examples: Sequence[Example], config: TrainConfig) -> bool:
    """Whether prompts that several records share are computed once."""
    return config.fold_prompts and not config.noise_alpha and sharing(examples) >= WORTH_FOLDING


def train(
    learner: Learner,
    examples: Sequence[Example],
    *,
    config: TrainConfig,
    pad_id: int,
    validation: Sequence[Example] = (),
    listener: Listener,
    progress: TrainingProgress | None = None,
) -> TrainingProgress:
    """Train in place. Returns how far it came and why it ended.

    Args:
        learner: The model to train.
        examples: Records of the training split.
        config: Settings.
        pad_id: Token that fills up a padded batch.
        validation: Records that are evaluated now and then; none, to leave that and early stopping out.
        listener: Is told about every step.
        progress: Where an interrupted training was left; its state must be in the learner already.

    Raises:
        TrainingError: The loss or the gradient is not finite.
    """
    accelerator, optimizer = learner.accelerator, learner.optimizer
    fold = folds(examples, config)
    steps = planned_steps(len(examples), config)
    every = evaluate_every(steps, config)

    def validated() -> float | None:
        if not validation:
            return None
        losses = record_losses(learner.objective, validation, split="validation", pad_id=pad_id)
        return summary(losses, split="validation").nll

    if progress is None:
        nll = validated()
        progress = TrainingProgress(step=0)
        listener.on_step(Step(0, 0, None, None, None, 0, 0, nll, task=listener.ask()))
    progress = progress.model_copy(update={"interrupted": False})
    learner.wrapped.train()
    for step, epoch, records in plan(examples, config, fold=fold):
        if step <= progress.step:
            continue
        done = _accumulate(learner, [examples[n] for n in records], pad_id=pad_id, fold=fold)
        norm = float(accelerator.clip_grad_norm_(list(learner.parameters.values()), config.clip_norm))
        value = float(accelerator.reduce(done.loss, reduction="sum"))
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise TrainingError(
                f"Loss or gradient is not finite at step {step} (loss {value}, gradient norm {norm}).",
                hint="Lower the learning rate, or look at the records of this step.",
            )
        rate = learning_rate(step, steps, config)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        optimizer.zero_grad()
        learner.round_masters()

        is_due = step % every == 0 or step == steps
        evaluated = validated() if is_due else None
        task = listener.ask() if is_due else None
        losses, tokens = done.records, done.tokens
        if accelerator.num_processes > 1:
            losses = gather_object(losses)
            tokens = sum(gather_object([tokens]))
        response_tokens = sum(loss.tokens for loss in losses)
        progress = progress.after(step, evaluated)
        listener.on_step(Step(step, epoch, value, rate, norm, tokens, response_tokens, evaluated, losses, task))
        if evaluated is not None and progress.best_step == step:
            listener.on_best(progress)
        if config.early_stopping and progress.worse_in_a_row >= config.early_stopping and step < steps:
            reason = (
                f"No better validation loss in {progress.worse_in_a_row} evaluations; step {progress.best_step} kept."
            )
            progress = progress.model_copy(update={"stopped_early": reason})
            break
        if is_due:
            listener.on_evaluated(progress)
        if listener.should_stop():
            progress = progress.model_copy(update={"interrupted": step < steps})
            break
    return progress


class _Accumulated(NamedTuple):
    """What this process did of one step; its gradients lie in the model."""

    loss: torch.Tensor
    """Scalar: this process's share of the step's loss."""
    records: list[RecordLoss]
    tokens: int
    """Tokens that went through the model."""


def _accumulate(learner: Learner, examples: Sequence[Example], *, pad_id: int, fold: bool) -> _Accumulated:
    """Run the examples of one step through the model, a part at a time, and sum their gradients. Returns their losses.

    Of several processes each takes its share.
    """
    accelerator = learner.accelerator
    weight = sum(float(example.weights.sum()) for example in examples)
    parts = divide(
        range(len(examples)),
        examples,
        tokens_per_batch=learner.tokens_per_batch,
        processes=accelerator.num_processes,
    )[accelerator.process_index]
    total = torch.zeros((), device=accelerator.device)
    measured: list[tuple[Sequence[int], torch.Tensor]] = []
    tokens = 0
    for n, part in enumerate(parts):
        batch = learner.objective.collate([examples[r] for r in part.records], pad_id=pad_id, fold=fold)
        # the denominator of the whole step; several processes average their gradients, so each counts more
        scale = accelerator.num_processes / weight if part.counts else 0.0
        is_last = n + 1 == len(parts)
        with nullcontext() if is_last else accelerator.no_sync(learner.wrapped):
            loss = learner.wrapped(batch, scale)
            accelerator.backward(loss.total)
        if part.counts:
            tokens += batch.input_ids.numel()
            total += (loss.nll * batch.weights).sum() / weight
            sums = torch.zeros(len(part.records), device=loss.nll.device)
            measured.append((part.records, sums.index_add_(0, batch.owners, loss.nll * batch.is_response)))
    losses = [
        RecordLoss(row_id=examples[r].row_id, tokens=examples[r].response_tokens, nll=nll)
        for part_records, sums in measured
        for r, nll in zip(part_records, sums.tolist(), strict=True)
    ]
    return _Accumulated(total, losses, tokens)
