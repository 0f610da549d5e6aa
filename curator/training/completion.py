"""Prompt ids -> what a model says: batched decoding that ends where a response of the training ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    StoppingCriteria,
    StoppingCriteriaList,
    TemperatureLogitsWarper,
    TopPLogitsWarper,
)

from curator.training.template import end_tokens
from schemas.review import Decoding

_BATCH = 16
"""Prompts that are answered at once."""


class Completion(NamedTuple):
    """What a model said to one prompt, up to its end token."""

    text: str
    tokens: int
    """Generated, the end token included."""
    stopped: bool
    """Whether it ended by itself."""
    ids: list[int]
    """Without the end token."""


@torch.inference_mode()
def complete(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    *,
    decoding: Decoding,
    seeds: Sequence[int] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Iterator[tuple[int, Completion]]:
    """Place of a prompt and its completion, as they are made: short prompts first.

    Each prompt draws from a generator of its own, so a seed gives the same text in any batch, but for a draw that
    falls within rounding of the border between two tokens.

    Args:
        model: On any device.
        tokenizer: Prepared for training.
        prompts: Token ids as `template.prompt_ids` returns them.
        decoding: How to choose tokens.
        seeds: One per prompt; by default that of `decoding` for all.
        should_stop: Asked now and then.

    Raises:
        CompletionStopped: `should_stop` said yes.
    """
    model.eval()
    ends = end_tokens(tokenizer)
    pad = int(tokenizer.pad_token_id)
    stop = _Stop(should_stop) if should_stop is not None else None
    by_length = sorted(range(len(prompts)), key=lambda n: len(prompts[n]))
    for start in range(0, len(by_length), _BATCH):
        part = by_length[start : start + _BATCH]
        longest = max(len(prompts[n]) for n in part)
        padded = [[pad] * (longest - len(prompts[n])) + list(prompts[n]) for n in part]
        mask = [[0] * (longest - len(prompts[n])) + [1] * len(prompts[n]) for n in part]
        draws = _draws(decoding, [decoding.seed if seeds is None else seeds[n] for n in part])
        answered = model.generate(  # type: ignore[operator]
            input_ids=torch.tensor(padded, device=model.device),
            attention_mask=torch.tensor(mask, device=model.device),
            max_new_tokens=decoding.max_new_tokens,
            do_sample=False,
            eos_token_id=ends,
            pad_token_id=pad,
            logits_processor=draws,
            stopping_criteria=StoppingCriteriaList([stop] if stop is not None else []),
        )
        if stop is not None and stop.said_yes:
            raise CompletionStopped
        for n, row in zip(part, answered, strict=True):
            yield n, _completion(row[longest:].tolist(), tokenizer, ends)


class CompletionStopped(Exception):  # noqa: N818  it is not an error
    """The caller wanted no more answers."""


class _Stop(StoppingCriteria):
    """Ends all answers of a batch when the caller says so, who is asked every so many tokens."""

    _EVERY = 8

    def __init__(self, should_stop: Callable[[], bool]) -> None:
        self._should_stop = should_stop
        self._tokens = 0
        self.said_yes = False

    def __call__(self, input_ids: Tensor, scores: Tensor, **_: Any) -> Tensor:
        """(B,) bool: whether each answer is done."""
        self._tokens += 1
        if self._tokens % self._EVERY == 1:
            self.said_yes = self.said_yes or self._should_stop()
        return torch.full((len(input_ids),), self.said_yes, device=input_ids.device)


class _OwnNoise(LogitsProcessor):
    """Adds Gumbel noise to the logits of each prompt from its own generator.

    The largest sum is then a draw from the softmax (Gumbel 1954; Maddison, Tarlow and Minka 2014, "A* sampling").
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Noisy logits, (B, V) as given."""
        uniform = torch.stack([torch.rand(scores.shape[1], generator=each) for each in self._generators])
        noise = -torch.log(-torch.log(uniform.clamp_min(torch.finfo(uniform.dtype).tiny)))
        return scores.float() + noise.to(scores.device)


def _draws(decoding: Decoding, seeds: Sequence[int]) -> LogitsProcessorList:
    """What turns greedy choice into a draw at this temperature; nothing at temperature 0."""
    if decoding.temperature == 0:
        return LogitsProcessorList()
    steps: list[LogitsProcessor] = [TemperatureLogitsWarper(decoding.temperature)]
    if decoding.top_p < 1:
        steps.append(TopPLogitsWarper(decoding.top_p))
    return LogitsProcessorList([*steps, _OwnNoise(seeds)])


def _completion(ids: list[int], tokenizer: PreTrainedTokenizerBase, ends: Sequence[int]) -> Completion:
    """What stands before the end token; what follows is padding of the batch."""
    end = next((n for n, token in enumerate(ids) if token in ends), None)
    kept = ids if end is None else ids[:end]
    text = str(tokenizer.decode(kept, skip_special_tokens=True))
    return Completion(text, len(kept) + (end is not None), end is not None, kept)
