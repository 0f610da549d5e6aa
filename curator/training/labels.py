"""Which tokens carry loss: the single place that decides it, for token view, trainer and evaluation alike.

T is the number of tokens of one record.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from curator.errors import EmptyResponseError, OverlongRecordError, TrainingError
from curator.training.template import Turn, render_turns
from schemas.record import Record
from schemas.run import TrainConfig
from schemas.version import FrozenRow

IGNORE_INDEX = -100
"""Label of a token that carries no loss."""


class Labelled(NamedTuple):
    """Tokens of one record with what the loss makes of them; three tensors of shape (T,)."""

    input_ids: Tensor
    """int64."""
    is_response: Tensor
    """bool: the token belongs to a response that trains, its end-of-turn token included."""
    weights: Tensor
    """float32: weight of the token in the loss, 0 where it carries none."""


class Example(NamedTuple):
    """One record as the model sees it; tensors as in `Labelled`."""

    row_id: str
    input_ids: Tensor
    is_response: Tensor
    weights: Tensor

    @property
    def labels(self) -> Tensor:
        """(T,) int64, not shifted: the token itself where it carries loss, `IGNORE_INDEX` elsewhere."""
        return self.input_ids.masked_fill(self.weights == 0, IGNORE_INDEX)

    @property
    def response_tokens(self) -> int:
        """Number of response tokens."""
        return int(self.is_response.sum())

    @property
    def prompt_tokens(self) -> int:
        """Tokens before the first response."""
        return int(self.is_response.nonzero()[0])


class Weighed(NamedTuple):
    """What one weight of the settings makes of the records of a split."""

    rule: str
    """As it was written: `source=FILE:2`."""
    records: int
    """To which it applies."""
    share: float
    """Their share of the loss, between 0 and 1."""

    def __str__(self) -> str:
        return f"{self.rule} applies to {self.records:,} records, {self.share:.0%} of the loss"


class Prepared(NamedTuple):
    """The records of a split that can be trained on, and why the others cannot."""

    examples: list[Example]
    refused: list[str]
    """`row id: reason` for each record left out."""
    weighed: tuple[Weighed, ...] = ()
    """What each of the settings' weights makes of them, in their order."""


def label_responses(
    turns: Sequence[Turn],
    *,
    max_tokens: int,
    prompt_loss_weight: float = 0.0,
    record_weight: float = 1.0,
    per_record: bool = False,
) -> Labelled:
    """Token ids of one record and the loss weights that put loss on its responses.

    A record is never cut: a response without its end would teach the model to stop in mid-sentence.

    Args:
        turns: Of one record, in order.
        max_tokens: Longest record.
        prompt_loss_weight: Weight of every other token: 0 for log p(response | prompt), 1 for the joint log p.
        record_weight: Factor on all weights of this record.
        per_record: Let the weights of the record add up to `record_weight`, however long it is.

    Raises:
        EmptyResponseError: No token carries loss, so the record would train nothing.
        OverlongRecordError: The record has more than `max_tokens` tokens.
        TrainingError: Its weight is not a positive number, or it begins with a response.
    """
    tokens = [(token, turn.is_response) for turn in turns for token in turn.token_ids]
    if not any(is_response for _, is_response in tokens):
        raise EmptyResponseError(
            "No token of the record carries loss.", hint="Let one of its assistant messages train."
        )
    if len(tokens) > max_tokens:
        raise OverlongRecordError(
            f"The record has {len(tokens)} tokens, more than {max_tokens}.",
            hint="Raise max_tokens, or shorten the record.",
        )
    if not 0 < record_weight < float("inf"):
        raise TrainingError(f"The weight {record_weight} of the record is not a positive number.", hint="Correct it.")
    input_ids = torch.tensor([token for token, _ in tokens])
    is_response = torch.tensor([flag for _, flag in tokens])
    if is_response[0]:
        raise TrainingError("The response stands at the very beginning.", hint="Give the record an instruction.")
    weights = is_response.float().masked_fill(~is_response, prompt_loss_weight)
    weights[0] = 0  # nothing predicts the first token
    return Labelled(input_ids, is_response, weights * (record_weight / (float(weights.sum()) if per_record else 1.0)))


def prepare(rows: Iterable[FrozenRow], tokenizer: PreTrainedTokenizerBase, config: TrainConfig) -> Prepared:
    """Every row as the model sees it; a row that cannot be trained on is listed with its reason.

    Raises:
        TrainingError: One of the weights of the settings cannot be understood.
    """
    rules = [_rule(text) for text in config.weights]
    theirs: list[list[Example]] = [[] for _ in rules]  # the examples to which each applies
    examples: list[Example] = []
    refused: list[str] = []
    for row in rows:
        try:
            labelled = label_responses(
                render_turns(row.record, tokenizer),
                max_tokens=config.max_tokens,
                prompt_loss_weight=config.prompt_loss_weight,
                record_weight=_weight(row.record, config.weight_label, rules),
                per_record=config.normalisation == "record",
            )
        except TrainingError as error:
            refused.append(f"{row.row_id}: {error.problem}")
        else:
            example = Example(row.row_id, *labelled)
            examples.append(example)
            for rule, covered in zip(rules, theirs, strict=True):
                if rule.applies(row.record):
                    covered.append(example)
    everything = _loss_weight(examples)
    weighed = tuple(
        Weighed(rule.text, len(covered), _loss_weight(covered) / everything if covered else 0.0)
        for rule, covered in zip(rules, theirs, strict=True)
    )
    return Prepared(examples, refused, weighed)


def _loss_weight(examples: Sequence[Example]) -> float:
    return math.fsum(float(example.weights.sum()) for example in examples)


class _WeightRule(NamedTuple):
    """Records that count more or less in the loss."""

    text: str
    applies: Callable[[Record], bool]
    weight: float


def _rule(text: str) -> _WeightRule:
    """The rule that a text says.

    Raises:
        TrainingError: It says none.
    """
    condition, colon, number = text.rpartition(":")
    name, sign, value = condition.partition("=")
    try:
        weight = float(number)
    except ValueError:
        weight = 0.0
    if colon and sign and 0 < weight < float("inf"):
        if name == "source":
            return _WeightRule(
                text, lambda record: any(each.origin.source == value for each in record.arrivals), weight
            )
        if name.startswith("label:"):
            label = name.removeprefix("label:")
            return _WeightRule(text, lambda record: record.labels.get(label) == value, weight)
    raise TrainingError(
        f"{text} does not say which records weigh how much.",
        hint="Write source=FILE:WEIGHT or label:KEY=VALUE:WEIGHT with a positive number.",
    )


def _weight(record: Record, label: str | None, rules: Sequence[_WeightRule] = ()) -> float:
    """The number in a record's label of this name, 1 without one, times the weights of the rules that apply.

    Raises:
        TrainingError: The label does not hold a number.
    """
    text = record.labels.get(label, "1") if label is not None else "1"
    try:
        weight = float(text)
    except ValueError as error:
        raise TrainingError(f"The label {label} holds {text!r}, not a weight.", hint="Write a number.") from error
    return weight * math.prod(rule.weight for rule in rules if rule.applies(record))
