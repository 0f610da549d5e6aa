"""The objective: negative log-likelihood of the response given everything before it.

    L = - sum over records i and response positions t of log p(y_it | x_i, y_i<t) / number of response tokens

The denominator is that of the whole optimiser step, so the gradient does not depend on how a step is divided into
batches. B batch, T tokens, V vocabulary, N response tokens in the batch.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import NamedTuple

import torch
from peft import PeftModel
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from curator.training.labels import IGNORE_INDEX, Example


class Batch(NamedTuple):
    """Records padded on the right to one length."""

    input_ids: Tensor
    """(B, T) int64."""
    attention_mask: Tensor
    """(B, T) int64, 0 at padding."""
    labels: Tensor
    """(B, T) int64, not shifted, `IGNORE_INDEX` where there is no loss."""


def collate(examples: Sequence[Example], *, pad_id: int, device: torch.device | str = "cpu") -> Batch:
    """One batch of records; padding never carries loss, whatever its id."""
    longest = max(len(example.input_ids) for example in examples)
    input_ids = torch.full((len(examples), longest), pad_id)
    attention_mask = torch.zeros((len(examples), longest), dtype=torch.int64)
    labels = torch.full((len(examples), longest), IGNORE_INDEX)
    for n, example in enumerate(examples):
        length = len(example.input_ids)
        input_ids[n, :length] = example.input_ids
        attention_mask[n, :length] = 1
        labels[n, :length] = example.labels
    return Batch(input_ids.to(device), attention_mask.to(device), labels.to(device))


def response_nll(model: PreTrainedModel, batch: Batch) -> Tensor:
    """Negative log-likelihood of every response token of a batch, (N,) float32, in nats.

    The hidden state at position p predicts the token at p + 1, so the vocabulary projection runs only at the N
    positions before a response token; a model whose forward cannot be told so projects all of them first.
    """
    targets = batch.labels[:, 1:]  # (B, T-1)
    predicts = torch.zeros_like(batch.labels, dtype=torch.bool)
    predicts[:, :-1] = targets != IGNORE_INDEX
    inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask, "use_cache": False}
    if _projects_chosen_positions(model):
        logits = model(**inputs, logits_to_keep=predicts).logits  # (N, V)
    else:
        logits = model(**inputs).logits[predicts]
    return cross_entropy(logits.float(), targets[targets != IGNORE_INDEX], reduction="none")


def _projects_chosen_positions(model: PreTrainedModel) -> bool:
    """Whether a model's forward takes the positions to project; an adapter hides the signature of what it wraps."""
    inner = model.get_base_model() if isinstance(model, PeftModel) else model
    return "logits_to_keep" in inspect.signature(type(inner).forward).parameters
