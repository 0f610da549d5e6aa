"""Prompt ids -> what a model says: batched decoding that ends where a response of the training ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

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
) -> Iterator[tuple[int, Completion]]:
    """Place of a prompt and its completion, as they are made: short prompts first.

    Sampling goes prompt by prompt, so that a seed leads to the same text in any batch.

    Args:
        model: On any device.
        tokenizer: Prepared for training.
        prompts: Token ids as `template.prompt_ids` returns them.
        decoding: How to choose tokens.
        seeds: One per prompt; by default that of `decoding` for all.
    """
    model.eval()
    ends = end_tokens(tokenizer)
    pad = int(tokenizer.pad_token_id)
    sampled = decoding.temperature > 0
    size = 1 if sampled else _BATCH
    by_length = sorted(range(len(prompts)), key=lambda n: len(prompts[n]))
    for start in range(0, len(by_length), size):
        part = by_length[start : start + size]
        longest = max(len(prompts[n]) for n in part)
        padded = [[pad] * (longest - len(prompts[n])) + list(prompts[n]) for n in part]
        mask = [[0] * (longest - len(prompts[n])) + [1] * len(prompts[n]) for n in part]
        if sampled:
            torch.manual_seed(decoding.seed if seeds is None else seeds[part[0]])
        sampling = {"temperature": decoding.temperature, "top_p": decoding.top_p} if sampled else {}
        answered = model.generate(  # type: ignore[operator]
            input_ids=torch.tensor(padded, device=model.device),
            attention_mask=torch.tensor(mask, device=model.device),
            max_new_tokens=decoding.max_new_tokens,
            do_sample=sampled,
            eos_token_id=ends,
            pad_token_id=pad,
            **sampling,
        )
        for n, row in zip(part, answered, strict=True):
            yield n, _completion(row[longest:].tolist(), tokenizer, ends)


def _completion(ids: list[int], tokenizer: PreTrainedTokenizerBase, ends: Sequence[int]) -> Completion:
    """What stands before the end token; what follows is padding of the batch."""
    end = next((n for n, token in enumerate(ids) if token in ends), None)
    kept = ids if end is None else ids[:end]
    text = str(tokenizer.decode(kept, skip_special_tokens=True))
    return Completion(text, len(kept) + (end is not None), end is not None, kept)
