"""The token view: a record exactly as the trainer sees it, frozen or still being annotated."""

from __future__ import annotations

import itertools
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

from curator.training.labels import Example, label_responses
from curator.training.template import end_tokens, render_turns
from schemas.record import Record
from schemas.run import TokenRow, TrainConfig
from schemas.version import FrozenRow


def token_row(row: FrozenRow, tokenizer: PreTrainedTokenizerBase, *, max_tokens: int) -> TokenRow:
    """The tokens and labels of a frozen record.

    Raises:
        TrainingError: The record cannot be trained on.
    """
    example = Example(row.row_id, *label_responses(render_turns(row.record, tokenizer), max_tokens=max_tokens))
    ids = example.input_ids.tolist()
    return TokenRow(
        row_id=row.row_id,
        split=row.split,
        input_ids=tuple(ids),
        labels=tuple(example.labels.tolist()),
        text=tuple(tokenizer.decode([token]) for token in ids),
    )


class TokenView(NamedTuple):
    """One record as the trainer would see it."""

    pieces: list[tuple[bool, str]]
    """Text of consecutive tokens, and whether they carry loss."""
    tokens: int
    loss: int
    """Tokens that carry loss."""
    most: int
    """A record with more tokens than this is refused, never cut."""
    ends: bool
    """The last token that carries loss ends a response, so the model learns to stop."""


def view_of(record: Record, tokenizer: PreTrainedTokenizerBase, *, max_tokens: int | None = None) -> TokenView:
    """A record that is not frozen yet, as the trainer would see it.

    Raises:
        TrainingError: The template cannot say it, or it would train nothing.
    """
    most = max_tokens or TrainConfig.model_fields["max_tokens"].default
    labelled = label_responses(render_turns(record, tokenizer), max_tokens=10**9)
    ids, carries = labelled.input_ids.tolist(), labelled.is_response.tolist()
    pieces: list[tuple[bool, str]] = []
    for is_response, run in itertools.groupby(zip(ids, carries, strict=True), key=lambda pair: pair[1]):
        pieces.append((is_response, str(tokenizer.decode([token for token, _ in run]))))
    last = next(token for token, is_response in zip(reversed(ids), reversed(carries), strict=True) if is_response)
    return TokenView(pieces, len(ids), sum(carries), most, last in end_tokens(tokenizer))
