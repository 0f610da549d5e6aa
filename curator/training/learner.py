"""A model made ready to learn: its device, the way records go through it, its arithmetic and its optimiser.

One process keeps fp32 masters beside bf16 working weights. Several processes (`accelerate launch`) leave mixed
precision, gradient exchange and sharding to accelerate.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, cast

import torch
from accelerate import Accelerator, DistributedType
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from transformers import PreTrainedModel

from curator.errors import TrainingError
from curator.training.objective import ResponseLoss, Route, causal_of, choose_route
from curator.training.precision import MasterWeights, round_to_bf16, uses_bf16
from schemas.run import TrainConfig

_TOKENS_PER_BATCH = {"cpu": 2048, "cuda": 16384}
_COMPILE_PAYS_SECONDS = 240
_RATES = {"cpu": 5e11, "cuda": 2e14}
"""Floating-point operations per second that a training reaches, roughly; only to tell a long run from a short one."""


@dataclass
class Learner:
    """What the loop moves: see the module."""

    model: PreTrainedModel
    """The bare model."""
    objective: ResponseLoss
    """The bare loss module around it, for evaluation and for making batches."""
    wrapped: nn.Module
    """What a training step calls: `objective`, or accelerate's wrapper around it."""
    optimizer: Optimizer
    accelerator: Accelerator
    parameters: dict[str, Tensor]
    """What the optimiser steps, by name: masters where there are any, else the parameters themselves. fp32."""
    masters: MasterWeights | None
    tokens_per_batch: int
    notes: list[str]
    """What was chosen and why, for the log."""

    def round_masters(self) -> None:
        """Carry a change of `parameters` over to the weights that compute."""
        if self.masters is not None:
            self.masters.round()

    @property
    def is_main(self) -> bool:
        """Whether this is the one process that writes."""
        return bool(self.accelerator.is_main_process)

    def full_weights(self) -> dict[str, Tensor] | None:
        """All weights by name, gathered where processes hold shards; None where the model itself has them."""
        if self.accelerator.num_processes == 1:
            return None
        state = self.accelerator.get_state_dict(self.wrapped)
        return {name.removeprefix("module.").removeprefix("model."): value for name, value in state.items()}

    @property
    def has_whole_weights(self) -> bool:
        """Whether this process holds every weight itself, so that a state to resume from can be saved."""
        return self.accelerator.distributed_type is not DistributedType.FSDP

    @contextmanager
    def in_fp32(self) -> Iterator[PreTrainedModel]:
        """The model with its trainable parameters in fp32, for saving."""
        if self.masters is None:
            yield self.model
            return
        self.masters.restore()
        try:
            yield self.model
        finally:
            self.masters.round()

    def free(self) -> None:
        """Let go of the weights, so that a model loaded next finds their memory."""
        self.parameters.clear()
        self.optimizer.state.clear()
        self.optimizer.param_groups.clear()
        self.masters = None
        for parameter in self.model.parameters():
            parameter.data = torch.empty(0)


def add_adapters(model: PreTrainedModel, config: TrainConfig) -> PreTrainedModel:
    """Add trainable low-rank adapters to every linear layer except the head; the rest is frozen. Returns the model.

    Raises:
        TrainingError: The architecture takes no adapters.
    """
    adapters = LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=0.0,
        target_modules="all-linear",  # peft leaves the head out
        exclude_modules=sorted(_without_adapters(model)) or None,
        task_type="CAUSAL_LM",
    )
    try:
        return cast(PreTrainedModel, get_peft_model(model, adapters))
    except ValueError as error:
        raise TrainingError(
            f"Low-rank adapters cannot be added to this model ({model.config.model_type}): {error}.",
            hint="Choose method full.",
        ) from error


def _without_adapters(model: PreTrainedModel) -> set[str]:
    """Names of linear layers that an adapter would break or never train."""
    own = {  # an architecture's own kind of linear layer, such as Llama 4's router, returns more than a product
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and type(module).__module__.startswith("transformers.models.")
    }
    # state-space layers read these weights past the layer itself, so an adapter on it would have no effect
    past = {"conv1d", "dt_proj", "out_proj"} if "mamba" in model.config.model_type else {"dt_proj"}
    names = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    return own | (past & names)


def device_of(config: TrainConfig) -> str:
    """`cuda` or `cpu`: where a run with these settings works on this machine.

    Raises:
        TrainingError: A GPU is asked for and there is none.
    """
    if config.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if config.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("PyTorch finds no GPU on this machine.", hint="Choose device auto or cpu.")
    return config.device


def place_model(model: PreTrainedModel, config: TrainConfig) -> tuple[ResponseLoss, str]:
    """Move a model to its device. Returns it with its loss, in fp32, and in words how records go through it.

    Args:
        model: In fp32 (or quantised), adapters added.
        config: Settings of the run.
    """
    if config.method != "qlora":
        model.to(torch.device(device_of(config)))  # type: ignore[arg-type]
    if config.batches == "padded":
        route, why = Route.PADDED, "asked for"
    else:
        route, why = choose_route(model, tolerance=0.05 if config.method == "qlora" else 1e-3, bf16=uses_bf16(config))
    objective = ResponseLoss(model, route=route, label_smoothing=config.label_smoothing, noise_alpha=config.noise_alpha)
    if objective.window is not None:
        why = why or f"those of more than {objective.window} tokens, its attention window, padded"
    return objective, f"records go through the model {route}" + (f" ({why})" if why else "")


def tokens_per_batch(config: TrainConfig) -> int:
    """Tokens that go through the model at once."""
    return config.tokens_per_batch or _TOKENS_PER_BATCH[device_of(config)]


def make_accelerator(config: TrainConfig) -> Accelerator:
    """What places and exchanges for the processes of a run."""
    with_autocast = uses_bf16(config) and config.is_distributed
    return Accelerator(
        mixed_precision="bf16" if with_autocast else "no",
        cpu=device_of(config) == "cpu",
        log_with=list(config.trackers) or None,
        project_dir=".",
    )


def make_learner(objective: ResponseLoss, config: TrainConfig, accelerator: Accelerator, *, tokens: int) -> Learner:
    """Make a placed model ready to learn; its weights become the working weights. Returns the learner.

    Args:
        objective: From `place_model`.
        config: Settings of the run.
        accelerator: From `make_accelerator`.
        tokens: Tokens that the whole training sees, to judge whether compiling pays.
    """
    model, device = objective.model, device_of(config)
    bf16 = uses_bf16(config)
    alone = not config.is_distributed
    masters = MasterWeights(model, keep_fp32=kept_in_fp32(model)) if bf16 and alone else None
    notes = ["bf16 over fp32 masters" if masters else "bf16 autocast" if bf16 else "fp32"]
    parameters = _optimised(model, masters)
    optimizer = AdamW(
        list(parameters.values()), lr=config.peak_learning_rate, weight_decay=config.weight_decay, fused=alone or None
    )
    if config.checkpoint_activations:
        _checkpoint_activations(model)
    seconds = 6 * sum(parameter.numel() for parameter in model.parameters()) * tokens / _RATES[device]
    if config.compile == "on" or (
        config.compile == "auto" and seconds > _COMPILE_PAYS_SECONDS and _can_compile(device)
    ):
        _compile_layers(model)
        notes.append("layers compiled")
    wrapped, optimizer = accelerator.prepare(objective, optimizer)
    if not alone:  # sharding puts other parameters in the place of those it was given
        parameters = _optimised(wrapped, None)
    return Learner(
        model=model,
        objective=objective,
        wrapped=wrapped,
        optimizer=optimizer,
        accelerator=accelerator,
        parameters=parameters,
        masters=masters,
        tokens_per_batch=tokens_per_batch(config),
        notes=notes,
    )


def _optimised(model: nn.Module, masters: MasterWeights | None) -> dict[str, Tensor]:
    trainable = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    if masters is None:
        return cast(dict[str, Tensor], trainable)
    return dict(zip(trainable, masters.masters, strict=True))


def _checkpoint_activations(model: PreTrainedModel) -> None:
    causal: Any = causal_of(model)
    if hasattr(causal, "activation_checkpointing_enable"):  # the name since transformers 5
        causal.activation_checkpointing_enable()
    else:
        causal.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})


def as_trained(model: PreTrainedModel, config: TrainConfig) -> AbstractContextManager[None]:
    """Put a placed model into the arithmetic of the training. Returns the context in which to measure it."""
    if not uses_bf16(config):
        return nullcontext()
    if config.is_distributed:
        return cast(AbstractContextManager[None], torch.autocast(device_of(config), dtype=torch.bfloat16))
    round_to_bf16(model, keep_fp32=kept_in_fp32(model))
    return nullcontext()


def kept_in_fp32(model: PreTrainedModel) -> Iterable[str]:
    """Parts of names that the architecture says must compute in fp32, such as a router."""
    causal: Any = causal_of(model)
    return {*(causal._keep_in_fp32_modules or ()), *(getattr(causal, "_keep_in_fp32_modules_strict", None) or ())}


def _can_compile(device: str) -> bool:
    if device == "cuda":
        return True
    return any(shutil.which(compiler) for compiler in ("g++", "clang++"))


def _compile_layers(model: PreTrainedModel) -> None:
    """Compile each repeated block once for any length; what cannot be compiled runs as it is."""
    torch._dynamo.config.suppress_errors = True
    causal = causal_of(model)
    blocks = set(causal._no_split_modules or ())
    for module in causal.modules():
        if type(module).__name__ in blocks:
            module.compile(dynamic=True)
