"""The token view of a version: every frozen row as the trainer sees it."""

from __future__ import annotations

from collections.abc import Iterator

from curator import versions
from curator.errors import NotFoundError
from curator.training import checkpoint
from curator.training.tokens import token_row
from curator.workspace import Workspace
from schemas.run import TokenRow, TrainConfig


def token_rows(
    workspace: Workspace, version: str, config: TrainConfig, *, row_id: str | None = None
) -> Iterator[TokenRow]:
    """Tokens and labels of every row of a version, or of the row with this id, under the settings of a run.

    Raises:
        NotFoundError: The version has no such row.
        TrainingError: The base cannot be loaded, or a row cannot be trained on.
    """
    tokenizer = checkpoint.tokenizer_of(config)
    has_row = False
    for row in versions.rows(workspace, version):
        if row_id in (None, row.row_id):
            has_row = True
            yield token_row(row, tokenizer, max_tokens=config.max_tokens)
    if row_id is not None and not has_row:
        raise NotFoundError(f"Version {version} has no row {row_id}.", hint="Row ids stand on the versions page.")
