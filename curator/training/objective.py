"""The objective: negative log-likelihood of the response given everything before it.

    L = sum over records i and targets t of w_it * -log p(y_it | x_i, y_i<t)

with the weights of `labels` divided by their sum over the whole optimiser step, so the gradient does not depend on how
a step is divided into batches. The hidden state at position p predicts the token at p + 1, so the vocabulary projection
runs only at the N positions before a target, a chunk of them at a time, with its gradient made on the way: the logits
of a whole batch never exist. T tokens, N targets, V vocabulary, d hidden size.

How a model is run (flat or padded, own head or not) is found out by trying: `choose_route` compares with the plain
model.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple, cast

import torch
from peft import PeftModel
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from curator.training.attention import FLAT, lay_out, use
from curator.training.batch import Batch, flat, padded
from curator.training.labels import Example

_CHUNK_BYTES = {"cpu": 2**26, "cuda": 2**30}
"""Of float32 logits held at once."""


class Route(StrEnum):
    """How records go through a model. All give the same loss; the first that a model can take is used."""

    FLAT = "flat"
    FLAT_OWN_HEAD = "flat, the model's own head"
    PADDED = "padded"


class Loss(NamedTuple):
    """Of one batch."""

    total: Tensor
    """Scalar float32 with gradient: weighted sum, label smoothing included."""
    nll: Tensor
    """(N,) float32 without gradient: unweighted, unsmoothed, in nats."""


class ResponseLoss(nn.Module):
    """A model with its loss as one module, so that wrappers for several processes see one forward pass."""

    def __init__(
        self, model: PreTrainedModel, *, route: Route, label_smoothing: float = 0.0, noise_alpha: float = 0.0
    ) -> None:
        super().__init__()
        self.model = model
        self.route = route
        self.label_smoothing = label_smoothing
        self.noise_alpha = noise_alpha
        self.window = attention_window(model)
        self.explicit: bool | None = None
        """Which attention kernel flat batches take; see `attention.lay_out`."""
        set_attention(model, route)

    def collate(self, examples: Sequence[Example], *, pad_id: int, fold: bool = False) -> Batch:
        """The batch that this model takes, on its device; padded when a record is longer than the attention window."""
        fits = self.window is None or max(len(example.input_ids) for example in examples) <= self.window
        is_flat = self.route is not Route.PADDED and fits
        batch = flat(examples, fold=fold) if is_flat else padded(examples, pad_id=pad_id)
        return batch.to(self.model.device)

    def forward(self, batch: Batch, scale: float = 1.0) -> Loss:
        """Loss of a batch with its weights times `scale`."""
        causal = causal_of(self.model)
        route = self.route if batch.attention_mask is None else Route.PADDED
        if _attends_flat(causal) != (route is not Route.PADDED):
            set_attention(self.model, route)
        inputs: dict[str, Any] = {"input_ids": batch.input_ids, "use_cache": False}
        if self.noise_alpha and self.training:
            inputs["inputs_embeds"] = self._noisy(causal, inputs.pop("input_ids"), batch.lengths)
        if batch.attention_mask is not None:
            inputs["attention_mask"] = batch.attention_mask
        if batch.position_ids is not None:
            inputs["position_ids"] = batch.position_ids
        dtype = _compute_dtype(causal)
        use(
            lay_out(batch.segments, device=batch.input_ids.device, dtype=dtype, explicit=self.explicit)
            if batch.segments
            else None
        )
        if route is Route.FLAT:
            hidden = causal.base_model(**inputs).last_hidden_state.flatten(0, 1)
            total, nll = _ChunkedHead.apply(
                hidden.index_select(0, batch.predicts),
                batch.targets,
                batch.weights * scale,
                _Head(causal, self.label_smoothing),
                *_head_parameters(causal),
            )
            return Loss(total, nll)
        logits = _logits(causal, inputs, batch)
        smoothed = _nll(logits, batch.targets, self.label_smoothing)
        return Loss((smoothed * batch.weights * scale).sum(), _nll(logits.detach(), batch.targets, 0.0))

    def _noisy(self, causal: PreTrainedModel, input_ids: Tensor, lengths: Tensor) -> Tensor:
        """Embeddings with uniform noise of size alpha / sqrt(length * d) (Jain et al. 2023, NEFTune)."""
        embeds = cast(Tensor, _embeddings(causal)(input_ids))
        size = self.noise_alpha / (lengths * embeds.shape[-1]).sqrt()
        noise = torch.rand(embeds.shape, device=embeds.device) * 2 - 1
        return embeds + (noise * size[..., None]).to(embeds.dtype)


def causal_of(model: PreTrainedModel | PeftModel) -> PreTrainedModel:
    """The causal language model inside an adapter, or the model itself."""
    return cast(PreTrainedModel, model.get_base_model() if isinstance(model, PeftModel) else model)


def set_attention(model: PreTrainedModel, route: Route) -> None:
    """Set the attention of a model to what a route needs."""
    causal = causal_of(model)
    plain = "sdpa" if causal._supports_sdpa else "eager"
    causal.set_attn_implementation(plain if route is Route.PADDED else FLAT)


def _attends_flat(causal: PreTrainedModel) -> bool:
    return bool(causal.config._attn_implementation == FLAT)


def attention_window(model: PreTrainedModel | PeftModel) -> int | None:
    """Tokens of a record that a model attends to at most; None where it attends to all."""
    config = causal_of(model).config.get_text_config()
    windows = (getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size"))
    return min((window for window in windows if window), default=None)  # some architectures write 0 for none


_LEAK = 1e-5
"""Nats by which a record's loss may change with the other records of a batch: sums that round apart, no more."""
_BF16_TOLERANCE = 0.05
"""Share of a token's loss that rounding to bf16 may move."""


@torch.no_grad()
def choose_route(model: PreTrainedModel, *, tolerance: float = 1e-3, bf16: bool = False) -> tuple[Route, str]:
    """The fastest route with a model's own loss, and why not a faster one ("" for the fastest).

    Three made-up records of different length go through the model alone and together. A route is not taken when the
    losses differ, when those of one record change with the tokens of the others, or when the architecture refuses it.
    Call it on fp32 weights (or allow for rounding).

    Args:
        model: Any causal language model.
        tolerance: Largest difference of a token's loss in nats, and its share of the loss.
        bf16: Try each route in bf16 as well, which has an attention kernel of its own.
    """
    was_training = model.training
    model.eval()
    reason = ""
    try:
        for route in (Route.FLAT, Route.FLAT_OWN_HEAD):
            why_not = _why_not(model, route, tolerance=tolerance)
            if bf16 and not why_not:
                why_not = _why_not(model, route, tolerance=tolerance, explicit=True)
            if bf16 and not why_not:
                with torch.autocast(model.device.type, dtype=torch.bfloat16):
                    why_not = _why_not(model, route, tolerance=_BF16_TOLERANCE, leak=_BF16_TOLERANCE)
            if not why_not:
                return route, reason
            reason = reason or f"{route}: {why_not}"
        set_attention(model, Route.PADDED)
        return Route.PADDED, reason
    finally:
        model.train(was_training)


def _why_not(
    model: PreTrainedModel, route: Route, *, tolerance: float, leak: float = _LEAK, explicit: bool | None = None
) -> str:
    """What speaks against a route; "" for nothing."""
    vocabulary = _embeddings(causal_of(model)).num_embeddings
    probes, others = _probes(vocabulary, seed=0), _probes(vocabulary, seed=1)
    single = ResponseLoss(model, route=Route.PADDED).eval()
    alone = torch.cat([single(single.collate([probe], pad_id=0)).nll for probe in probes])
    tried = ResponseLoss(model, route=route).eval()
    tried.explicit = explicit
    tried.window = None  # probes are short; what their route cannot take shall be refused, not padded
    try:
        batch = tried.collate(probes, pad_id=0)
        together = tried(batch).nll
        tried.train()(batch)  # dropout is only there in training
        tried.eval()
        if len(together) != len(alone) or not torch.allclose(together, alone, rtol=tolerance, atol=tolerance):
            return "its losses are not those of the records alone"
        for n in range(len(probes)):
            changed = [probe if m == n else others[m] for m, probe in enumerate(probes)]
            again = tried(tried.collate(changed, pad_id=0)).nll
            difference = float((again - together)[batch.owners == n].abs().max())
            if not difference <= leak:
                return f"the loss of a record changes by {difference:.2g} with the records beside it"
    except (NotImplementedError, TypeError, AttributeError, RuntimeError, ValueError) as error:
        return str(error).splitlines()[0] if str(error) else type(error).__name__
    return ""


def _probes(vocabulary: int, *, seed: int) -> list[Example]:
    draw = torch.Generator().manual_seed(seed)
    probes = []
    for length in (9, 5, 7):
        is_response = torch.arange(length) >= 2
        ids = torch.randint(0, vocabulary, (length,), generator=draw)
        probes.append(Example("probe", ids, is_response, is_response.float()))
    return probes


class _Head:
    """Hidden states to losses through a model's own output layer and what its architecture does to the logits."""

    def __init__(self, causal: PreTrainedModel, label_smoothing: float) -> None:
        config = causal.config.get_text_config()
        self.layer = causal.get_output_embeddings()
        self.softcap = getattr(config, "final_logit_softcapping", None)  # Gemma
        self.factor = getattr(config, "logit_scale", None) or 1 / (getattr(config, "logits_scaling", None) or 1.0)
        self.label_smoothing = label_smoothing
        self.differentiate = torch.is_grad_enabled()  # inside an autograd function it always says no

    def logits(self, hidden: Tensor) -> Tensor:
        logits = cast(Tensor, self.layer(hidden))
        if self.factor != 1:
            logits = logits * self.factor
        if self.softcap is not None:
            logits = torch.tanh(logits / self.softcap) * self.softcap
        return logits


class _ChunkedHead(torch.autograd.Function):
    """Weighted loss of hidden states, chunk by chunk; gradients are made in the forward pass and kept."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, targets: Tensor, weights: Tensor, head: _Head, *parameters: Tensor
    ) -> tuple[Tensor, Tensor]:
        wanted = [parameter for parameter in parameters if parameter.requires_grad and head.differentiate]
        needs_hidden = ctx.needs_input_grad[0] and head.differentiate
        differentiate = needs_hidden or bool(wanted)
        vocabulary = parameters[0].shape[0]
        rows = max(64, _CHUNK_BYTES.get(hidden.device.type, 2**28) // (4 * vocabulary))
        grad_hidden = torch.empty_like(hidden) if needs_hidden else None
        sums: list[Tensor] | None = None
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        nll = torch.empty(len(targets), dtype=torch.float32, device=hidden.device)
        for start in range(0, len(targets), rows):
            part = slice(start, start + rows)
            with torch.set_grad_enabled(differentiate):
                chunk = hidden[part].detach().requires_grad_(needs_hidden)
                logits = head.logits(chunk)
                plain = _nll(logits, targets[part], 0.0)
                used = _nll(logits, targets[part], head.label_smoothing) if head.label_smoothing else plain
                loss = (used * weights[part]).sum()
            if differentiate:
                inputs = ([chunk] if needs_hidden else []) + wanted
                gradients = list(torch.autograd.grad(loss, inputs))
                if grad_hidden is not None:
                    grad_hidden[part] = gradients.pop(0)
                if sums is None:
                    sums = gradients
                elif gradients:
                    torch._foreach_add_(sums, gradients)
            total += loss.detach()
            nll[part] = plain.detach()
        summed = iter(sums or [])
        ctx.gradients = [next(summed) if wanted and parameter.requires_grad else None for parameter in parameters]
        ctx.grad_hidden = grad_hidden
        ctx.mark_non_differentiable(nll)
        return total, nll

    @staticmethod
    def backward(ctx: Any, grad_total: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        def scaled(gradient: Tensor | None) -> Tensor | None:
            return None if gradient is None else gradient.mul_(grad_total.to(gradient.dtype))

        return (scaled(ctx.grad_hidden), None, None, None, *(scaled(gradient) for gradient in ctx.gradients))


def _nll(logits: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
    """(N, V) and (N,) to (N,) float32."""
    return cross_entropy(logits.float(), targets, reduction="none", label_smoothing=label_smoothing)


def _logits(causal: PreTrainedModel, inputs: dict[str, Any], batch: Batch) -> Tensor:
    """(N, V) logits by the model's own forward pass, projected at the wanted positions only where it can be told so."""
    if "logits_to_keep" not in inspect.signature(type(causal).forward).parameters:
        return cast(Tensor, causal(**inputs).logits.flatten(0, 1)[batch.predicts])
    if len(batch.input_ids) == 1:
        return cast(Tensor, causal(**inputs, logits_to_keep=batch.predicts).logits[0])
    keep = torch.zeros(batch.input_ids.numel(), dtype=torch.bool, device=batch.input_ids.device)
    keep[batch.predicts] = True  # places of a padded batch ascend and never repeat
    return cast(Tensor, causal(**inputs, logits_to_keep=keep.view(batch.input_ids.shape)).logits)


def _head_parameters(causal: PreTrainedModel) -> Sequence[nn.Parameter]:
    return tuple(causal.get_output_embeddings().parameters())


def _compute_dtype(causal: PreTrainedModel) -> torch.dtype:
    device = causal.device.type
    if torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return _embeddings(causal).weight.dtype


def _embeddings(causal: PreTrainedModel) -> nn.Embedding:
    return cast(nn.Embedding, causal.get_input_embeddings())
