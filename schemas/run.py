"""One training: its settings, its state and its result."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from schemas.base import Schema
from schemas.version import Split


class TrainConfig(Schema):
    """Settings of a fine-tune. Every default is what an expert would start with."""

    base: str
    """Folder of a causal language model that transformers loads (a hub name only with `allow_download`)."""
    method: Literal["full", "lora"] = "full"
    """`full` updates every weight; `lora` trains low-rank adapters on all linear layers except the head."""
    epochs: int = Field(default=3, ge=1)
    max_steps: int | None = Field(default=None, ge=1)
    """Stop after this many optimiser steps, whatever the epochs say."""
    learning_rate: float | None = Field(default=None, gt=0)
    """Peak of the cosine schedule; by default 2e-5 for `full` and 2e-4 for `lora`."""
    warmup_share: float = Field(default=0.03, ge=0, lt=1)
    """Share of the steps in which the learning rate rises linearly from 0."""
    records_per_step: int = Field(default=16, ge=1)
    """Records whose gradients one optimiser step sums up."""
    records_per_batch: int = Field(default=8, ge=1)
    """Records that go through the model at once; lower it when memory runs out. The gradient does not change."""
    max_tokens: int = Field(default=1024, ge=8)
    """Longest record; a longer one is refused by name, never cut."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Largest norm of the gradient."""
    weight_decay: float = Field(default=0.0, ge=0)
    seed: int = 0
    lora_rank: int = Field(default=16, ge=1)
    lora_alpha: int = Field(default=32, ge=1)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Arithmetic of the forward pass; weights stay fp32. `auto` takes bf16 where the processor is fast at it."""
    evaluate_every: int = Field(default=20, ge=1)
    """Optimiser steps between evaluations on the validation split."""
    allow_download: bool = False
    """Lets transformers fetch the base from a model hub."""

    @property
    def peak_learning_rate(self) -> float:
        """The learning rate in force."""
        if self.learning_rate is not None:
            return self.learning_rate
        return 2e-4 if self.method == "lora" else 2e-5


class RunState(StrEnum):
    """State of a run. `stopping` is asked for; the process answers with `stopped`."""

    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"


class HeldOutLoss(Schema):
    """Negative log-likelihood of the held-out responses."""

    split: str
    """Split that was held out: `test`, or `validation` when the version has no test rows."""
    records: int
    response_tokens: int
    nll: float
    """Nats per response token: summed over all tokens, divided by their number."""


class RunResult(Schema):
    """What a finished (or stopped) run achieved."""

    steps: int
    """Optimiser steps taken."""
    response_tokens: int
    """Response tokens of the training split, counted once."""
    heldout_base: HeldOutLoss | None
    heldout_tuned: HeldOutLoss | None
    seconds: float
    refused: tuple[str, ...] = ()
    """Row ids left out before training, with reason, as `id: reason`."""


class MetricRow(Schema):
    """One line of `metrics.jsonl`, appended while a run goes on."""

    step: int
    """Optimiser step, 0 before the first."""
    at: datetime
    """UTC."""
    loss: float | None = None
    """Training loss of this step, nats per response token."""
    validation_nll: float | None = None
    """Nats per response token on the validation split."""
    learning_rate: float | None = None
    gradient_norm: float | None = None
    """Before clipping."""
    response_tokens: int | None = None
    """Response tokens in this step."""
    seconds: float | None = None
    """Since the run began."""


class Run(Schema):
    """A run as the workspace lists it."""

    id: str
    version_id: str
    config: TrainConfig
    state: RunState
    steps_planned: int | None = None
    reason: str | None = None
    """Why it stopped or failed."""
    result: RunResult | None = None
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    process_id: int | None = None
    created_by: str


class TokenRow(Schema):
    """One frozen record as the trainer sees it; the three lists have one entry per token."""

    row_id: str
    split: Split
    input_ids: tuple[int, ...]
    labels: tuple[int, ...]
    """The token itself where it carries loss, -100 elsewhere."""
    text: tuple[str, ...]
    """Each token decoded by itself."""
