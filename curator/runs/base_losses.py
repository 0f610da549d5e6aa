"""Losses of the base, kept between runs: a sweep over settings or data measures each record on the base once.

A file holds the losses of one base in one arithmetic; each line is named by the tokens that it was measured on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from curator.runs.folder import append, whole_lines
from curator.training.labels import Example
from curator.training.objective import ResponseLoss
from schemas.base import Schema
from schemas.run import RecordLoss


class _Line(Schema):
    key: str
    """sha256 over token ids and what of them is response."""
    tokens: int
    nll: float


class BaseLosses:
    """What is known of one base."""

    def __init__(self, folder: Path, base: Path, objective: ResponseLoss) -> None:
        """Read what earlier runs measured. The weights of a base that is not a folder have no stable name here, so
        nothing is kept of it."""
        self._file = folder / f"{_name(base, objective)}.jsonl" if base.is_dir() else None
        self._known: dict[str, _Line] = {}
        for line in whole_lines(self._file) if self._file is not None else []:
            try:
                loss = _Line.model_validate_json(line)
            except ValidationError:
                continue  # a line that a crash cut: it is measured again
            self._known[loss.key] = loss

    def of(self, example: Example) -> RecordLoss | None:
        """The loss of an example; None if it was not measured yet."""
        line = self._known.get(_key(example))
        return None if line is None else RecordLoss(row_id=example.row_id, tokens=line.tokens, nll=line.nll)

    def add(self, examples: Sequence[Example], losses: Sequence[RecordLoss]) -> None:
        """Keep the losses of examples for the next run."""
        if self._file is None:
            return
        lines = [
            _Line(key=_key(example), tokens=loss.tokens, nll=loss.nll)
            for example, loss in zip(examples, losses, strict=True)
        ]
        self._known.update({line.key: line for line in lines})
        self._file.parent.mkdir(parents=True, exist_ok=True)
        append(self._file, lines)


def _name(base: Path, objective: ResponseLoss) -> str:
    digest = hashlib.sha256()
    for file in sorted(base.glob("*.safetensors")):
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    dtype = next(objective.model.parameters()).dtype
    return hashlib.sha256(f"{digest.hexdigest()} {dtype} {objective.route}".encode()).hexdigest()


def _key(example: Example) -> str:
    digest = hashlib.sha256(example.input_ids.numpy().tobytes() + b"\x1f")
    digest.update(example.is_response.numpy().tobytes())
    return digest.hexdigest()
