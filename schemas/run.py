"""One training: its settings, its state and its result."""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator

from schemas.base import Schema
from schemas.version import FileHash, Split


class TrainConfig(Schema):
    """Settings of a fine-tune. Every default is what an expert would start with."""

    model_config = ConfigDict(use_attribute_docstrings=True)  # pages and commands show these lines as help

    base: str = Field(title="Base model")
    """Folder of a causal language model that transformers loads (a hub name only with `allow_download`)."""
    method: Literal["full", "lora", "qlora"] = "full"
    """`full` updates every weight; `lora` trains low-rank adapters on all linear layers except the head; `qlora` does
    so over a base in 4 bits, which needs a GPU and bitsandbytes."""

    epochs: int = Field(default=3, ge=1, json_schema_extra={"group": "Length"})
    """Passes over the training records."""
    max_steps: int | None = Field(default=None, ge=1, json_schema_extra={"group": "Length"})
    """Stop after this many optimiser steps, whatever the epochs say."""
    early_stopping: int | None = Field(default=3, ge=1, json_schema_extra={"group": "Length"})
    """Stop after this many evaluations in a row without a better validation loss; the best weights are kept either way.
    Empty: never stop early."""
    evaluate_every: int | None = Field(default=None, ge=1, json_schema_extra={"group": "Length"})
    """Optimiser steps between evaluations on the validation split; by default ten evaluations in a run."""
    evaluation_records: int = Field(default=1024, ge=1, json_schema_extra={"group": "Length"})
    """Most records of a split that an evaluation looks at, always the same ones."""
    answers_per_evaluation: int = Field(default=0, ge=0, json_schema_extra={"group": "Length"})
    """Validation prompts that the model answers at each evaluation, for exact match and token F1 while it learns. Fewer
    where they would cost more than 15 % of the training; 0 asks none."""
    answer_tokens: int = Field(default=64, ge=1, json_schema_extra={"group": "Length"})
    """Longest of these answers."""
    keep_checkpoints: int = Field(default=0, ge=0, json_schema_extra={"group": "Length"})
    """Checkpoints to keep beside the best one: the newest evaluated ones, the last among them."""

    learning_rate: float | None = Field(default=None, gt=0, json_schema_extra={"group": "Optimiser"})
    """Peak of the schedule; by default 2e-5 for `full` and 2e-4 for adapters."""
    schedule: Literal["cosine", "linear", "constant"] = Field(
        default="cosine", json_schema_extra={"group": "Optimiser"}
    )
    """How the learning rate goes on after the warm-up: down to 0 as half a cosine or a straight line, or as it is."""
    warmup_share: float = Field(default=0.03, ge=0, lt=1, json_schema_extra={"group": "Optimiser"})
    """Share of the steps in which the learning rate rises linearly from 0."""
    records_per_step: int = Field(default=16, ge=1, json_schema_extra={"group": "Optimiser"})
    """Records whose gradients one optimiser step sums up."""
    clip_norm: float = Field(default=1.0, gt=0, json_schema_extra={"group": "Optimiser"})
    """Largest norm of the gradient."""
    weight_decay: float = Field(default=0.0, ge=0, json_schema_extra={"group": "Optimiser"})
    """Of AdamW."""
    seed: int = Field(default=0, ge=0, json_schema_extra={"group": "Optimiser"})
    """Order of the records and start of the adapters."""
    lora_rank: int = Field(default=16, ge=1, json_schema_extra={"group": "Optimiser"})
    """Rank of the adapters."""
    lora_alpha: int = Field(default=32, ge=1, json_schema_extra={"group": "Optimiser"})
    """Their scale is alpha / rank."""

    normalisation: Literal["token", "record"] = Field(default="token", json_schema_extra={"group": "Objective"})
    """What the loss of a step is averaged over: `token` lets every response token count alike, `record` every
    record."""
    prompt_loss_weight: float = Field(default=0.0, ge=0, le=1, json_schema_extra={"group": "Objective"})
    """Weight of prompt tokens in the loss: 0 is log p(response | instruction), 1 the joint log p. For comparisons."""
    weight_label: str | None = Field(default=None, json_schema_extra={"group": "Objective"})
    """Label of the records whose number weighs their loss; records without it weigh 1."""
    weights: tuple[str, ...] = Field(default=(), json_schema_extra={"group": "Objective"})
    """Training records that count more or less in the loss: `source=FILE:2` or `label:KEY=VALUE:0.5`. A record to which
    several apply has their product."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, json_schema_extra={"group": "Objective"})
    """Share of the target probability that is spread over the vocabulary."""
    noise_alpha: float = Field(default=0.0, ge=0, json_schema_extra={"group": "Objective"})
    """Noise on the embeddings while training (NEFTune); 5 is usual, 0 is none."""

    max_tokens: int = Field(default=1024, ge=8, json_schema_extra={"group": "Machine"})
    """Longest record; a longer one is refused by name, never cut."""
    tokens_per_batch: int | None = Field(default=None, ge=8, json_schema_extra={"group": "Machine"})
    """Tokens that go through the model at once; lower it when memory runs out. The gradient does not change. By default
    2,048 on a CPU and 16,384 on a GPU."""
    precision: Literal["auto", "fp32", "bf16"] = Field(default="auto", json_schema_extra={"group": "Machine"})
    """Arithmetic: `bf16` computes in bfloat16 over fp32 master weights, `auto` does so where the machine is fast at
    it."""
    batches: Literal["auto", "padded"] = Field(default="auto", json_schema_extra={"group": "Machine"})
    """`auto` lays records end to end without padding where the architecture can take it; the loss is the same."""
    fold_prompts: bool = Field(default=True, json_schema_extra={"group": "Machine"})
    """Compute a prompt that several records share once, where that saves at least 15 % of the tokens."""
    compile: Literal["auto", "on", "off"] = Field(default="auto", json_schema_extra={"group": "Machine"})
    """Compile the layers with torch.compile: faster steps after a start of some twenty seconds. `auto` does so in long
    runs on a machine with a C++ compiler."""
    checkpoint_activations: bool = Field(default=False, json_schema_extra={"group": "Machine"})
    """Compute activations twice instead of keeping them: less memory, about a third slower."""
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", json_schema_extra={"group": "Machine"})
    """Where the run works; runs on one device queue up."""
    processes: int = Field(default=1, ge=1, json_schema_extra={"group": "Machine"})
    """Processes that train together, one per GPU (or on one CPU); each step is shared out among them."""
    accelerate_config: str | None = Field(default=None, json_schema_extra={"group": "Machine"})
    """File that `accelerate config` wrote, for FSDP or several machines."""

    @property
    def is_distributed(self) -> bool:
        """Whether `accelerate launch` starts the run."""
        return self.processes > 1 or self.accelerate_config is not None

    train_share: float = Field(default=1.0, gt=0, le=1, json_schema_extra={"group": "Controls"})
    """Share of the training records to use, for a learning curve; smaller shares are contained in larger ones."""
    leave_out: tuple[str, ...] = Field(default=(), json_schema_extra={"group": "Controls"})
    """Training records to leave out, to see what they are worth: `source=FILE`, `person=NAME` or `label:KEY=VALUE`."""
    shuffle_responses: bool = Field(default=False, json_schema_extra={"group": "Controls"})
    """Give every training prompt the response of another: a control that must not improve the held-out loss."""

    chat_template: Literal["auto", "chatml", "llama", "alpaca", "plain"] = Field(
        default="auto", json_schema_extra={"group": "Model"}
    )
    """Template for a base whose tokenizer has none; `auto` takes the tokenizer's own, or `plain`."""
    chat_template_kwargs: dict[str, bool | int | float | str] = Field(default={}, json_schema_extra={"group": "Model"})
    """Arguments of the chat template, as JSON: `{"enable_thinking": false}`. They become defaults of the template that
    is saved with the weights."""
    record_losses: bool = Field(default=True, json_schema_extra={"group": "Model"})
    """Also measure training records before and after, for the page that finds doubtful records."""
    measure: Literal["sample", "all"] = Field(default="sample", json_schema_extra={"group": "Model"})
    """What is measured before and after: `sample` keeps it within 15 % of the training's cost, `all` measures every
    record."""
    trackers: tuple[Literal["tensorboard", "mlflow", "wandb"], ...] = Field(
        default=(), json_schema_extra={"group": "Model"}
    )
    """Experiment trackers that get the metrics as well; each must be installed, and some send them elsewhere."""
    allow_download: bool = Field(default=False, json_schema_extra={"group": "Model"})
    """Lets transformers fetch the base from a model hub."""

    @field_validator("chat_template_kwargs", mode="before")
    @classmethod
    def _parse_object(cls, value: Any) -> Any:
        """A command and a page give one text."""
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            raise ValueError('write a JSON object, as in {"enable_thinking": false}') from error

    @property
    def peak_learning_rate(self) -> float:
        """The learning rate in force."""
        if self.learning_rate is not None:
            return self.learning_rate
        return 2e-5 if self.method == "full" else 2e-4


class RunState(StrEnum):
    """State of a run. `stopping` is asked for; the process answers with `stopped`."""

    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"


class RecordLoss(Schema):
    """Loss of one record's response under one set of weights."""

    row_id: str
    tokens: int
    """Response tokens."""
    nll: float
    """Summed over them, in nats."""


class TaskMetrics(Schema):
    """How well a model answered a few validation prompts, greedily."""

    answers: int
    """Prompts that it answered."""
    exact_match: float
    """Share of the answers that are the reference but for case and white space."""
    token_f1: float
    """Mean over the answers of F1 over words."""


class Activity(Schema):
    """What a run is measuring now, outside its steps."""

    doing: str
    """In words: `measuring the base`."""
    done: int
    """Records measured."""
    total: int


class TrainingProgress(Schema):
    """Where a training stands; with the state of model and optimiser enough to go on exactly."""

    step: int
    """Optimiser steps taken."""
    best_step: int = 0
    """Evaluated step with the smallest validation loss; 0 when no step was evaluated."""
    best_nll: float | None = None
    """Its validation loss, nats per response token."""
    worse_in_a_row: int = 0
    """Evaluations since then."""
    stopped_early: str | None = None
    """Why the training ended before its last step by itself."""
    interrupted: bool = False
    """Whether it was stopped from outside."""

    def after(self, step: int, nll: float | None) -> TrainingProgress:
        """The progress after a further step, with its validation loss if it was evaluated."""
        if nll is None:
            return self.model_copy(update={"step": step})
        if self.best_nll is None or nll < self.best_nll:
            return self.model_copy(update={"step": step, "best_step": step, "best_nll": nll, "worse_in_a_row": 0})
        return self.model_copy(update={"step": step, "worse_in_a_row": self.worse_in_a_row + 1})


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
    measuring_seconds: float | None = None
    """Of these, spent on measuring before and after."""
    refused: tuple[str, ...] = ()
    """Row ids left out before training, with reason, as `id: reason`."""
    best_step: int | None = None
    """Step whose weights were kept: the best by the validation loss, or the last one."""
    stopped_early: str | None = None
    """Why it ended before its last planned step by itself."""
    notes: tuple[str, ...] = ()
    """How the records went through the model, in which arithmetic."""


Phase = Literal["base", "train", "tuned"]
"""When a record's loss was measured: before, during a training step, after."""


class LedgerRow(Schema):
    """One line of `ledger.jsonl`: the loss of one record's response at one moment of a run."""

    row_id: str
    split: Split
    phase: Phase
    step: int
    """Optimiser step in whose forward pass it was measured; 0 for the base, the kept step for the tuned model."""
    epoch: int
    """From 1; 0 before the first."""
    tokens: int
    """Response tokens."""
    nll: float
    """Summed over them, in nats."""


class MetricRow(Schema):
    """One line of `metrics.jsonl`, appended while a run goes on."""

    step: int
    """Optimiser step, 0 before the first."""
    epoch: int | None = None
    """From 1."""
    at: datetime
    """UTC."""
    loss: float | None = None
    """Training loss of this step, nats per response token."""
    validation_nll: float | None = None
    """Nats per response token on the validation split."""
    task: TaskMetrics | None = None
    """Where this step was evaluated and prompts were asked."""
    learning_rate: float | None = None
    gradient_norm: float | None = None
    """Before clipping."""
    tokens: int | None = None
    """Tokens that went through the model in this step."""
    response_tokens: int | None = None
    """Response tokens in this step."""
    seconds: float | None = None
    """Since the run began."""


class BaseModel(Schema):
    """A base model that a lead put on the list."""

    name: str
    folder: str
    """Absolute path on the server."""
    added_by: str | None = None
    """None for the sample model, which comes with Curator."""


class Run(Schema):
    """A run as the workspace lists it."""

    id: str
    name: str
    """How people call it: by default version, base and method."""
    note: str = ""
    """What its lead wants to remember about it."""
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
    promoted_at: datetime | None = None
    """When it was promoted; None if it was not."""
    created_by: str

    @property
    def is_alive(self) -> bool:
        """Whether it waits or works."""
        return self.state in (RunState.QUEUED, RunState.RUNNING, RunState.STOPPING)


class TokenRow(Schema):
    """One frozen record as the trainer sees it; the three lists have one entry per token."""

    row_id: str
    split: Split
    input_ids: tuple[int, ...]
    labels: tuple[int, ...]
    """The token itself where it carries loss, -100 elsewhere."""
    text: tuple[str, ...]
    """Each token decoded by itself."""


class RunManifest(Schema):
    """What a checkpoint was made of. Hashes are sha256 in hex."""

    run: str
    version: str
    config: TrainConfig
    chat_template: str
    tokenizer: str
    """Over vocabulary, special tokens and template."""
    base: tuple[FileHash, ...]
    """Files of the base model; empty for one from a hub."""
    records: dict[Split, tuple[str, ...]]
    """Row ids that were used."""
    refused: dict[Split, tuple[str, ...]]
    """`id: reason` of those that were not."""
    response_tokens: dict[Split, int]
    tokens: dict[Split, int]
    labels: str
    """Over ids and loss weights of every token."""
    order: str
    """Over the row ids in the order in which they train."""
    notes: tuple[str, ...]
    environment: dict[str, str]
    checkpoint: tuple[FileHash, ...] = ()
    """Files of the best weights; empty until they are written."""
    kept: tuple[FileHash, ...] = ()
    """Files of the checkpoints kept beside them."""


class RunVerification(Schema):
    """Whether a run is still what its manifest says."""

    run: str
    ok: bool
    problems: tuple[str, ...]
