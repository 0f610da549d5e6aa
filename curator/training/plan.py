"""The batch plan: which records each optimiser step trains on, and how a step is divided into batches.

A pure function of the records' tokens, the settings and the seed: every process of a run computes the same plan, and a
resumed run goes on where the plan was left. It knows nothing of models.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch

from curator.training.labels import Example
from schemas.run import TrainConfig

WORTH_FOLDING = 1.15
"""Tokens without folding over tokens with it, from which on sharing prompts pays for its gathers."""


class StepPlan(NamedTuple):
    """One optimiser step."""

    step: int
    """From 1."""
    epoch: int
    """From 1."""
    records: tuple[int, ...]
    """Positions of the step's records among the examples."""


class Part(NamedTuple):
    """Records that go through the model at once."""

    records: tuple[int, ...]
    counts: bool = True
    """False for a repeat that only keeps several processes in step; its loss is multiplied by 0."""


def planned_steps(records: int, config: TrainConfig) -> int:
    """Number of optimiser steps that a training takes if nothing stops it early."""
    per_epoch = math.ceil(records / config.records_per_step)
    return min(per_epoch * config.epochs, config.max_steps or per_epoch * config.epochs)


def sharing(examples: Sequence[Example]) -> float:
    """Tokens of all records over tokens when equal prompts stand once; 1 when no prompt is shared."""
    everything = sum(len(example.input_ids) for example in examples)
    seen: set[bytes] = set()
    once = 0
    for example in examples:
        prompt = example.input_ids[: example.prompt_tokens].numpy().tobytes()
        once += len(example.input_ids) - (example.prompt_tokens if prompt in seen else 0)
        seen.add(prompt)
    return everything / once if once else 1.0


def plan(examples: Sequence[Example], config: TrainConfig, *, fold: bool) -> Iterator[StepPlan]:
    """The steps of a training in order: every epoch shuffled anew by the seed and divided into steps of like size.

    Records to fold stay side by side, as far as the borders of steps allow.
    """
    groups: dict[bytes | int, list[int]] = {}
    for n, example in enumerate(examples):
        key = example.input_ids[: example.prompt_tokens].numpy().tobytes() if fold else n
        groups.setdefault(key, []).append(n)
    together = list(groups.values())
    order = torch.Generator().manual_seed(config.seed)
    steps = planned_steps(len(examples), config)
    step = 0
    for epoch in range(1, config.epochs + 1):
        shuffled = [n for group in torch.randperm(len(together), generator=order).tolist() for n in together[group]]
        per_epoch = math.ceil(len(shuffled) / config.records_per_step)
        for n in range(
            per_epoch
        ):  # shares that differ by one at most: a last step of a single record would be all noise
            if step == steps:
                return
            step += 1
            share = slice(n * len(shuffled) // per_epoch, (n + 1) * len(shuffled) // per_epoch)
            yield StepPlan(step, epoch, tuple(shuffled[share]))


def order_hash(examples: Sequence[Example], config: TrainConfig, *, fold: bool) -> str:
    """sha256 over the row ids in the order in which they train, 64 hex digits."""
    digest = hashlib.sha256()
    for step in plan(examples, config, fold=fold):
        digest.update("\x1f".join(examples[n].row_id for n in step.records).encode() + b"\x1e")
    return digest.hexdigest()


def divide(
    records: Sequence[int], examples: Sequence[Example], *, tokens_per_batch: int, processes: int = 1
) -> list[list[Part]]:
    """The parts of a step for each process; all processes get the same number.

    Records are dealt so that every process predicts about as many response tokens, which is where the vocabulary
    projection and the weight of a step lie; within a process, like lengths share a batch.
    """
    hands: list[list[int]] = [[] for _ in range(processes)]
    loads = [0] * processes
    for n in sorted(records, key=lambda n: -examples[n].response_tokens) if processes > 1 else records:
        lightest = loads.index(min(loads))
        hands[lightest].append(n)
        loads[lightest] += examples[n].response_tokens
    parts = [_parts(hand, examples, tokens_per_batch) for hand in hands]
    most = max(map(len, parts))
    repeat = Part((min(records, key=lambda n: len(examples[n].input_ids)),), counts=False)
    return [own + [repeat] * (most - len(own)) for own in parts]


def _parts(records: Sequence[int], examples: Sequence[Example], tokens_per_batch: int) -> list[Part]:
    prompts = {n: examples[n].input_ids[: examples[n].prompt_tokens].numpy().tobytes() for n in records}
    longest: dict[bytes, int] = {}
    for n in records:
        longest[prompts[n]] = max(longest.get(prompts[n], 0), len(examples[n].input_ids))
    parts: list[Part] = []
    current: list[int] = []
    tokens = 0
    for n in sorted(records, key=lambda n: (-longest[prompts[n]], prompts[n], -len(examples[n].input_ids))):
        length = len(examples[n].input_ids)
        if current and tokens + length > tokens_per_batch:
            parts.append(Part(tuple(current)))
            current, tokens = [], 0
        current.append(n)
        tokens += length
    return [*parts, Part(tuple(current))] if current else parts
