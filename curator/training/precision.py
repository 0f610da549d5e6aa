"""Arithmetic: bf16 working weights over fp32 masters, where the machine is fast at bf16.

The forward and backward passes read bf16 weights; gradients are summed and the optimiser steps in fp32, and each step
rounds the masters into the working weights again. A small update is therefore never lost to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from schemas.run import TrainConfig


def uses_bf16(config: TrainConfig) -> bool:
    """Whether a run computes in bfloat16 on this machine."""
    if config.precision == "auto":
        if torch.cuda.is_available():
            return bool(torch.cuda.is_bf16_supported())
        return bool(torch.cpu._is_avx512_bf16_supported())  # elsewhere bf16 is emulated and slower than fp32
    return config.precision == "bf16"


def round_to_bf16(model: nn.Module, *, keep_fp32: Iterable[str] = ()) -> None:
    """Round every floating-point parameter of `model` to bf16, in place; arguments as for `round_to`."""
    round_to(torch.bfloat16, model, keep_fp32=keep_fp32)


def round_to(dtype: torch.dtype, model: nn.Module, *, keep_fp32: Iterable[str] = ()) -> None:
    """Round every floating-point parameter of `model`, in place.

    Args:
        dtype: To what.
        model: With fp32 parameters. Buffers stay as they are: rotary frequencies must.
        keep_fp32: Parts of names of parameters that the architecture computes in fp32.
    """
    kept = tuple(keep_fp32)
    for name, parameter in model.named_parameters():
        if parameter.is_floating_point() and not any(part in name for part in kept):
            parameter.data = parameter.data.to(dtype)


class MasterWeights:
    """fp32 masters of a model's trainable parameters, whose own copies become bf16.

    A gradient moves into its master as soon as the backward pass has made it, and the bf16 one is freed.
    """

    def __init__(self, model: nn.Module, *, keep_fp32: Iterable[str] = ()) -> None:
        """Round the model and keep masters of what it trains; arguments as for `round_to_bf16`."""
        self.working = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.masters = [parameter.detach().float().clone() for parameter in self.working]
        round_to_bf16(model, keep_fp32=keep_fp32)
        self._rounded = [parameter.data for parameter in self.working]
        for parameter, master in zip(self.working, self.masters, strict=True):
            parameter.register_post_accumulate_grad_hook(_moves_gradient_to(master))

    def round(self) -> None:
        """Let the working weights be the masters, rounded."""
        torch._foreach_copy_(self._rounded, self.masters)
        for parameter, rounded in zip(self.working, self._rounded, strict=True):
            parameter.data = rounded

    def restore(self) -> None:
        """Let the trainable parameters be the fp32 masters themselves, until the next `round`."""
        for parameter, master in zip(self.working, self.masters, strict=True):
            parameter.data = master


def _moves_gradient_to(master: Tensor) -> Callable[[Tensor], None]:
    def move(parameter: Tensor) -> None:
        gradient = parameter.grad
        assert gradient is not None
        if master.grad is None:
            master.grad = gradient.float() if gradient.dtype != torch.float32 else gradient
        else:
            master.grad += gradient
        parameter.grad = None

    return move
