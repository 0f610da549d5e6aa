"""Held-out loss: summed over all response tokens and divided once, so the batch size cannot change it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from curator.errors import TrainingError
from curator.training.labels import Example
from curator.training.loss import collate, response_nll
from schemas.run import HeldOutLoss


@torch.inference_mode()
def held_out_loss(
    model: PreTrainedModel, examples: Sequence[Example], *, split: str, pad_id: int, records_per_batch: int = 16
) -> HeldOutLoss:
    """Negative log-likelihood per response token of `examples`, in nats.

    Raises:
        TrainingError: A loss is not finite; leaving it out would make a broken model look good.
    """
    was_training = model.training
    model.eval()
    total, tokens = 0.0, 0
    by_length = sorted(examples, key=lambda example: len(example.input_ids))  # little padding
    for start in range(0, len(by_length), records_per_batch):
        batch = collate(by_length[start : start + records_per_batch], pad_id=pad_id, device=model.device)
        losses = response_nll(model, batch)
        total += float(losses.double().sum())
        tokens += losses.numel()
    model.train(was_training)
    if not torch.isfinite(torch.tensor(total)):
        raise TrainingError(f"The loss on the {split} split is not finite.", hint="Lower the learning rate.")
    return HeldOutLoss(split=split, records=len(examples), response_tokens=tokens, nll=total / tokens)
