"""The loss of single records over a run, and why some of them deserve a second look."""

from __future__ import annotations

from typing import Literal

from schemas.base import Schema
from schemas.version import Split

LossDoubt = Literal["worse", "not learnt", "forgotten again", "contradicted"]
"""Why a record deserves a second look: its loss rose; stayed among the largest; rose again between epochs at least
twice; or the same prompt has another response elsewhere."""


class RecordHistory(Schema):
    """Loss of one record's response over a run, in nats per response token."""

    row_id: str
    split: Split
    tokens: int
    """Response tokens."""
    base: float | None
    """Before the training; None where it was not measured."""
    epochs: tuple[float, ...]
    """In the training step of each epoch; empty for a held-out record."""
    tuned: float | None
    """After the training; None where it was not measured."""
    source: str
    record_ids: tuple[str, ...]
    """Records of the project that the row was made of; none when they were deleted since."""
    people: tuple[str, ...]
    """Who answered them."""
    labels: dict[str, str]
    instruction: str
    response: str
    doubts: tuple[LossDoubt, ...] = ()

    @property
    def before(self) -> float | None:
        """Of the base; where that was not measured, in the training step of the first of several epochs."""
        return self.base if self.base is not None or len(self.epochs) < 2 else self.epochs[0]

    @property
    def after(self) -> float | None:
        """Of the tuned model; where that was not measured, in the training step of the last of several epochs."""
        return self.tuned if self.tuned is not None or len(self.epochs) < 2 else self.epochs[-1]

    @property
    def last(self) -> float | None:
        """In the last epoch."""
        return self.epochs[-1] if self.epochs else None
