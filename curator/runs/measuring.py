"""How many records a run measures, so that knowing what it learnt stays cheap beside the training.

By default what is measured before and after costs at most `SHARE` of the training, what is evaluated on the way as much
again, and so do the answers that the model is asked for. Held-out records come first, since they show what was learnt;
what is left goes to training records. The losses of all the others are those of their own training steps, which cost
nothing.

Costs are counted in tokens of a forward pass: a token costs one to measure and, to train on, three (two where the
weights of the base are frozen and need no gradient of their own).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from curator.training.evaluate import by_chance, looked_at
from curator.training.labels import Example
from curator.training.loop import evaluations, folds
from curator.training.plan import planned_steps, sharing
from schemas.run import TrainConfig

SHARE = 0.15
"""Largest cost of what is measured before and after, over the cost of the training."""
_DECODING = 4
"""Tokens of a forward pass that cost as much as one token of an answer: those are made one after the other."""
_FEWEST = 32
"""Held-out records that are measured in any case: fewer show nothing."""


class Sample(NamedTuple):
    """The records that a run measures."""

    held_out: list[Example]
    """Before and after: base and tuned model are compared on them."""
    training: list[Example]
    """Before and after, for the page that finds doubtful records."""
    validation: list[Example]
    """Now and then during the training."""
    asked: list[Example]
    """Of the validation split: prompts that the model answers at the same moments."""
    note: str
    """What was left out, in words; "" when nothing was."""


def choose(
    training: Sequence[Example], *, held_out: Sequence[Example], validation: Sequence[Example], config: TrainConfig
) -> Sample:
    """The records that a run with these settings measures; always the same ones of a version, more in a longer run.

    Args:
        training: Records of the training split; at least one.
        held_out: Records on which base and tuned model are compared.
        validation: Records of the validation split.
        config: Settings of the run.
    """
    most_held_out = looked_at(held_out, config.evaluation_records)
    most_validation = looked_at(validation, config.evaluation_records)
    most_training = list(training) if config.record_losses else []
    most_asked = looked_at(validation, config.answers_per_evaluation)
    if config.measure == "all":
        return Sample(most_held_out, most_training, most_validation, most_asked, "")
    budget = SHARE * training_cost(training, config)
    chosen_held_out = _within(most_held_out, budget / 2, fewest=_FEWEST)
    chosen_training = _within(most_training, budget / 2 - token_count(chosen_held_out), fewest=0)
    steps = planned_steps(len(training), config)
    chosen_validation = _within(most_validation, budget / evaluations(steps, config), fewest=_FEWEST)
    chosen_asked = most_asked
    while len(chosen_asked) > 1 and asking_cost(chosen_asked, config) > budget / evaluations(steps, config):
        chosen_asked = chosen_asked[:-1]
    parts = [
        f"{len(chosen):,} of {len(most):,} {name}"
        for name, chosen, most in (
            ("held-out", chosen_held_out, most_held_out),
            ("training", chosen_training, most_training),
            ("validation", chosen_validation, most_validation),
            ("asked", chosen_asked, most_asked),
        )
        if len(chosen) < len(most)
    ]
    return Sample(
        chosen_held_out,
        chosen_training,
        chosen_validation,
        chosen_asked,
        f"measured are {', '.join(parts)} records (measure=all measures every one)" if parts else "",
    )


def training_cost(training: Sequence[Example], config: TrainConfig) -> float:
    """Tokens of forward passes that cost as much as the planned steps."""
    steps = planned_steps(len(training), config)
    records = min(steps * config.records_per_step, len(training) * config.epochs)
    tokens = token_count(training) / len(training) * records
    if folds(training, config):
        tokens /= sharing(training)
    return tokens * ((3 if config.method == "full" else 2) + config.checkpoint_activations)


def asking_cost(asked: Sequence[Example], config: TrainConfig) -> int:
    """Tokens of forward passes that cost at most as much as the answers to these prompts."""
    return sum(each.prompt_tokens + _DECODING * config.answer_tokens for each in asked)


def token_count(examples: Sequence[Example]) -> int:
    """Tokens of all examples together."""
    return sum(len(example.input_ids) for example in examples)


def _within(examples: Sequence[Example], tokens: float, *, fewest: int) -> list[Example]:
    """As many examples as have so many tokens together, and no fewer than `fewest`."""
    if token_count(examples) <= tokens:
        return list(examples)
    chosen: list[Example] = []
    used = 0
    for example in by_chance(examples):
        used += len(example.input_ids)
        if used > tokens and len(chosen) >= fewest:
            break
        chosen.append(example)
    return chosen
