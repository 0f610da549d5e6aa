"""The training loop: steps over shuffled records, read from top to bottom.

It knows nothing of workspaces, databases or folders; what happens at a step is told to the caller.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, cast

import torch
from accelerate import Accelerator
from peft import LoraConfig, get_peft_model
from torch.optim import AdamW
from transformers import PreTrainedModel

from curator.errors import TrainingError
from curator.training.evaluate import held_out_loss
from curator.training.labels import Example
from curator.training.loss import collate, response_nll
from schemas.run import TrainConfig


class Step(NamedTuple):
    """What one optimiser step did; step 0 is the model as it came."""

    step: int
    loss: float | None
    """Nats per response token, before the step."""
    learning_rate: float | None
    gradient_norm: float | None
    """Before clipping."""
    response_tokens: int
    validation_nll: float | None
    """Nats per response token, where this step was evaluated."""


def planned_steps(records: int, config: TrainConfig) -> int:
    """Number of optimiser steps that a training will take."""
    per_epoch = math.ceil(records / config.records_per_step)
    return min(per_epoch * config.epochs, config.max_steps or per_epoch * config.epochs)


def learning_rate(step: int, steps: int, config: TrainConfig) -> float:
    """The rate of step `step` (from 1): a linear rise over the warm-up, then half a cosine down to 0."""
    warmup = math.ceil(config.warmup_share * steps)
    if step <= warmup:
        return config.peak_learning_rate * step / warmup
    along = (step - warmup - 1) / max(1, steps - warmup)
    return config.peak_learning_rate * 0.5 * (1 + math.cos(math.pi * along))


def uses_bf16(config: TrainConfig) -> bool:
    """Whether the forward pass runs in bfloat16 on this machine."""
    if config.precision == "auto":
        if torch.cuda.is_available():
            return bool(torch.cuda.is_bf16_supported())
        return bool(torch.cpu._is_avx512_bf16_supported())  # elsewhere bf16 is emulated and slower than fp32
    return config.precision == "bf16"


def add_adapters(model: PreTrainedModel, config: TrainConfig) -> PreTrainedModel:
    """The model with trainable low-rank adapters on every linear layer except the head; the rest is frozen."""
    adapters = LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=0.0,
        target_modules="all-linear",  # peft leaves the head out
        task_type="CAUSAL_LM",
    )
    return cast(PreTrainedModel, get_peft_model(model, adapters))


def train(
    model: PreTrainedModel,
    examples: Sequence[Example],
    *,
    config: TrainConfig,
    pad_id: int,
    validation: Sequence[Example] = (),
    on_step: Callable[[Step], None],
    should_stop: Callable[[], bool],
) -> int:
    """Train `model` in place and return the number of optimiser steps taken.

    Args:
        model: In fp32, on any device; for LoRA with its adapters already added.
        examples: Records of the training split.
        config: Settings.
        pad_id: Token that fills up a batch.
        validation: Records that are evaluated now and then; none, to leave that out.
        on_step: Is told about every step.
        should_stop: Asked after every step; True ends the training there.

    Raises:
        TrainingError: The loss or the gradient is not finite.
    """
    accelerator = Accelerator(mixed_precision="bf16" if uses_bf16(config) else "no")
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = AdamW(trainable, lr=config.peak_learning_rate, weight_decay=config.weight_decay)
    model, optimizer = accelerator.prepare(model, optimizer)
    steps = planned_steps(len(examples), config)

    def evaluated(step: int) -> float | None:
        due = step % config.evaluate_every == 0 or step == steps
        if not due or not validation:
            return None
        return held_out_loss(model, validation, split="validation", pad_id=pad_id).nll

    on_step(Step(0, None, None, None, 0, evaluated(0)))
    model.train()
    for step, chosen in enumerate(_step_records(examples, config, steps), start=1):
        tokens = sum(example.response_tokens for example in chosen)
        total = 0.0
        for part in _batches(chosen, config.records_per_batch):
            nll = response_nll(model, collate(part, pad_id=pad_id, device=accelerator.device)).sum()
            total += float(nll.detach())
            accelerator.backward(nll / tokens)  # the denominator of the whole step, not of this part
        norm = float(accelerator.clip_grad_norm_(trainable, config.clip_norm))
        if not (math.isfinite(total) and math.isfinite(norm)):
            raise TrainingError(
                f"Loss or gradient is not finite at step {step} (loss {total / tokens}, gradient norm {norm}).",
                hint="Lower the learning rate, or look at the records of this step.",
            )
        rate = learning_rate(step, steps, config)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        optimizer.zero_grad()
        on_step(Step(step, total / tokens, rate, norm, tokens, evaluated(step)))
        if should_stop():
            steps = step
            break
    accelerator.unwrap_model(model, keep_fp32_wrapper=False)  # gives the model its own forward pass back, in fp32
    return steps


def _step_records(examples: Sequence[Example], config: TrainConfig, steps: int) -> Iterator[list[Example]]:
    """The records of each step: every epoch in a new order that depends on the seed alone."""
    order = torch.Generator().manual_seed(config.seed)
    taken = 0
    while taken < steps:
        shuffled = torch.randperm(len(examples), generator=order).tolist()
        for start in range(0, len(shuffled), config.records_per_step):
            if taken == steps:
                return
            yield [examples[n] for n in shuffled[start : start + config.records_per_step]]
            taken += 1


def _batches(examples: Sequence[Example], size: int) -> Iterator[list[Example]]:
    """Parts of a step, records of like length together so that little is padding."""
    by_length = sorted(examples, key=lambda example: len(example.input_ids))
    for start in range(0, len(by_length), size):
        yield by_length[start : start + size]
