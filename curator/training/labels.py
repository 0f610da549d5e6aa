"""Which tokens carry loss: the single place that decides it, for token view, trainer and evaluation alike.

T is the number of tokens of one record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from curator.errors import EmptyResponseError, TrainingError
from curator.training.template import Turn, render_turns
from schemas.version import FrozenRow

IGNORE_INDEX = -100
"""Label of a token that carries no loss."""


class Example(NamedTuple):
    """One record as the model sees it."""

    row_id: str
    input_ids: Tensor
    """(T,) int64."""
    labels: Tensor
    """(T,) int64, not shifted: the token itself where it carries loss, `IGNORE_INDEX` elsewhere."""

    @property
    def response_tokens(self) -> int:
        """Number of tokens that carry loss."""
        return int((self.labels != IGNORE_INDEX).sum())


class Prepared(NamedTuple):
    """The records of a split that can be trained on, and why the others cannot."""

    examples: list[Example]
    refused: list[str]
    """`row id: reason` for each record left out."""


def label_responses(turns: Sequence[Turn], *, max_tokens: int) -> tuple[Tensor, Tensor]:
    """Token ids of one record and the labels that put loss on its responses.

    A record is never cut: a response without its end would teach the model to stop in mid-sentence.

    Returns:
        `input_ids` and `labels`, both (T,) int64. Not shifted: `loss.response_nll` shifts, once.

    Raises:
        EmptyResponseError: No token carries loss, so the record would train nothing.
        TrainingError: The record has more than `max_tokens` tokens.
    """
    tokens = [(token, turn.is_response) for turn in turns for token in turn.token_ids]
    if not any(is_response for _, is_response in tokens):
        raise EmptyResponseError(
            "No token of the record carries loss.", hint="Let one of its assistant messages train."
        )
    if len(tokens) > max_tokens:
        raise TrainingError(
            f"The record has {len(tokens)} tokens, more than {max_tokens}.",
            hint="Raise max_tokens, or shorten the record.",
        )
    input_ids = torch.tensor([token for token, _ in tokens])
    is_response = torch.tensor([flag for _, flag in tokens])
    if is_response[0]:
        raise TrainingError("The response stands at the very beginning.", hint="Give the record an instruction.")
    return input_ids, input_ids.masked_fill(~is_response, IGNORE_INDEX)


def prepare(rows: Iterable[FrozenRow], tokenizer: PreTrainedTokenizerBase, *, max_tokens: int) -> Prepared:
    """Every row as the model sees it; a row that cannot be trained on is listed with its reason."""
    examples: list[Example] = []
    refused: list[str] = []
    for row in rows:
        try:
            input_ids, labels = label_responses(render_turns(row.record, tokenizer), max_tokens=max_tokens)
        except TrainingError as error:
            refused.append(f"{row.row_id}: {error.problem}")
        else:
            examples.append(Example(row.row_id, input_ids, labels))
    return Prepared(examples, refused)
