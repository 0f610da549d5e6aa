"""Losses of the base, kept between runs: a sweep over settings or data measures each record on the base once.

A file is named by everything that the losses depend on: the weights of the base, the arithmetic, and the tokens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from curator import whole
from curator.runs.folder import as_lines, whole_lines
from curator.training.labels import Example
from curator.training.objective import ResponseLoss
from schemas.run import RecordLoss


class BaseCache:
    """Where the losses of one base are kept."""

    def __init__(self, folder: Path, base: Path) -> None:
        self.folder = folder
        self.base = base
        self._weights: str | None = None

    def file(self, objective: ResponseLoss, examples: Sequence[Example]) -> Path | None:
        """The file for these examples; None for a base that is no folder, whose weights have no stable name here."""
        if not self.base.is_dir():
            return None
        if self._weights is None:
            digest = hashlib.sha256()
            for file in sorted(self.base.glob("*.safetensors")):
                with file.open("rb") as stream:
                    digest.update(hashlib.file_digest(stream, "sha256").digest())
            self._weights = digest.hexdigest()
        dtype = next(objective.model.parameters()).dtype
        name = hashlib.sha256(f"{self._weights} {dtype} {objective.path}".encode())
        for example in examples:
            name.update(example.row_id.encode() + b"\x1f" + example.input_ids.numpy().tobytes())
            name.update(example.is_response.numpy().tobytes())
        return self.folder / f"{name.hexdigest()}.jsonl"


def read(file: Path, examples: Sequence[Example]) -> list[RecordLoss] | None:
    """The stored losses of these examples, in their order; None if they were not measured, or not all."""
    try:
        found = [RecordLoss.model_validate_json(line) for line in whole_lines(file)]
    except ValidationError:
        return None
    return found if [loss.row_id for loss in found] == [example.row_id for example in examples] else None


def write(file: Path, losses: Sequence[RecordLoss]) -> None:
    """Store losses for the next run."""
    file.parent.mkdir(parents=True, exist_ok=True)
    whole.write(file, as_lines(losses))
