"""The token view: a record exactly as the trainer sees it, frozen or still being annotated."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

from curator import versions
from curator.errors import NotFoundError
from curator.training import checkpoint
from curator.training.labels import Example, label_responses
from curator.training.template import end_tokens, render_turns
from curator.workspace import Workspace
from schemas.record import Record
from schemas.run import TokenRow, TrainConfig


def token_rows(
    workspace: Workspace, version: str, *, base: str, row_id: str | None = None, max_tokens: int = 1024
) -> Iterator[TokenRow]:
    """Tokens and labels of every row of a version, or of the row with this id.

    Raises:
        NotFoundError: The version has no such row.
        TrainingError: The base cannot be loaded, or a row cannot be trained on.
    """
    tokenizer = checkpoint.load_tokenizer(base)
    found = False
    for row in versions.rows(workspace, version):
        if row_id not in (None, row.row_id):
            continue
        found = True
        example = Example(row.row_id, *label_responses(render_turns(row.record, tokenizer), max_tokens=max_tokens))
        ids = example.input_ids.tolist()
        yield TokenRow(
            row_id=row.row_id,
            split=row.split,
            input_ids=tuple(ids),
            labels=tuple(example.labels.tolist()),
            text=tuple(tokenizer.decode([token]) for token in ids),
        )
    if row_id is not None and not found:
        raise NotFoundError(f"Version {version} has no row {row_id}.", hint="Row ids stand on the versions page.")


class Seen(NamedTuple):
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


def tokens_of(record: Record, tokenizer: PreTrainedTokenizerBase, *, max_tokens: int | None = None) -> Seen:
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
    return Seen(pieces, len(ids), sum(carries), most, last in end_tokens(tokenizer))
