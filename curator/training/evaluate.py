"""Losses record by record: summed over all response tokens and divided once, so no batch size can change them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence

import torch

from curator.errors import TrainingError
from curator.training.labels import Example
from curator.training.objective import ResponseLoss
from schemas.run import HeldOutLoss, RecordLoss

GoOn = Callable[[int, int], bool]
"""Is told how many records are measured, of how many; False ends the measuring."""


class MeasuringStopped(Exception):  # noqa: N818  it is not an error
    """The caller's `GoOn` said no."""


@torch.inference_mode()
def record_losses(
    objective: ResponseLoss,
    examples: Sequence[Example],
    *,
    split: str,
    pad_id: int,
    tokens_per_batch: int = 4096,
    go_on: GoOn | None = None,
) -> list[RecordLoss]:
    """Summed negative log-likelihood of the response of each example, in the order given.

    Args:
        objective: The model with its loss, in the arithmetic in which it is to be measured.
        examples: Records to measure.
        split: Where they are from, for messages.
        pad_id: Token that fills up a padded batch.
        tokens_per_batch: Tokens that go through the model at once.
        go_on: Is told after each batch.

    Raises:
        TrainingError: A loss is not finite; leaving it out would make a broken model look good.
        MeasuringStopped: `go_on` returned False.
    """
    was_training = objective.training
    objective.eval()
    try:
        losses: dict[int, RecordLoss] = {}
        for part in _batches(examples, tokens_per_batch):
            responses = [_response_only(examples[n]) for n in part]
            batch = objective.collate(responses, pad_id=pad_id)
            sums = torch.zeros(len(part), dtype=torch.float64, device=batch.owners.device)
            sums.index_add_(0, batch.owners, objective(batch).nll.double())
            for n, nll in zip(part, sums.tolist(), strict=True):
                if not math.isfinite(nll):
                    raise TrainingError(
                        f"The loss of record {examples[n].row_id} ({split} split) is not finite.",
                        hint="Lower the learning rate, or check the weights of the model.",
                    )
                losses[n] = RecordLoss(row_id=examples[n].row_id, tokens=examples[n].response_tokens, nll=nll)
            if go_on is not None and not go_on(len(losses), len(examples)):
                raise MeasuringStopped
        return [losses[n] for n in range(len(examples))]
    finally:
        objective.train(was_training)


def summary(losses: Sequence[RecordLoss], *, split: str) -> HeldOutLoss:
    """Nats per response token over all records together."""
    tokens = sum(loss.tokens for loss in losses)
    total = math.fsum(loss.nll for loss in losses)
    return HeldOutLoss(split=split, records=len(losses), response_tokens=tokens, nll=total / tokens)


def looked_at(examples: Sequence[Example], most: int) -> list[Example]:
    """At most so many examples, always the same ones: those that come first by chance."""
    return list(examples) if len(examples) <= most else by_chance(examples)[:most]


def by_chance(examples: Sequence[Example]) -> list[Example]:
    """Examples in an order by chance that is always the same, so that a small sample is contained in a larger one."""
    return sorted(examples, key=lambda example: hashlib.sha256(example.row_id.encode()).digest())


def _response_only(example: Example) -> Example:
    """The example with a weight of 1 on its response and none elsewhere, whatever the training weighs."""
    return example._replace(weights=example.is_response.float())


def _batches(examples: Sequence[Example], tokens_per_batch: int) -> list[list[int]]:
    batches: list[list[int]] = []
    tokens = 0
    for n in sorted(range(len(examples)), key=lambda n: -len(examples[n].input_ids)):
        length = len(examples[n].input_ids)
        if not batches or tokens + length > tokens_per_batch:
            batches.append([])
            tokens = 0
        batches[-1].append(n)
        tokens += length
    return batches
