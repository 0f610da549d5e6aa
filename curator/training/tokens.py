"""The token view: a frozen record exactly as the trainer sees it."""

from __future__ import annotations

from collections.abc import Iterator

from curator import versions
from curator.errors import NotFoundError
from curator.training import checkpoint
from curator.training.labels import Example, label_responses
from curator.training.template import render_turns
from curator.workspace import Workspace
from schemas.run import TokenRow


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
