"""Completions: the same in any company, drawn as the decoding says, and ended where a response ends."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch
from scipy.stats import chisquare
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from curator.training import checkpoint
from curator.training.completion import complete
from schemas.review import Decoding


@pytest.fixture(scope="module")
def model(base_folder: Path) -> PreTrainedModel:
    return checkpoint.load_base(str(base_folder)).eval()


PROMPTS = [list(range(10, 10 + length)) for length in (3, 9, 5, 7, 20)]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_prompt_and_its_seed_give_the_same_text_in_any_company(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, temperature: float
) -> None:
    decoding = Decoding(max_new_tokens=12, temperature=temperature, top_p=0.9)
    seeds = [3, 1, 4, 1, 5]
    together = dict(complete(model, tokenizer, PROMPTS, decoding=decoding, seeds=seeds))
    for n, (prompt, seed) in enumerate(zip(PROMPTS, seeds, strict=True)):
        [(_, alone)] = complete(model, tokenizer, [prompt], decoding=decoding, seeds=[seed])
        assert together[n] == alone


def test_another_seed_gives_another_text(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    decoding = Decoding(max_new_tokens=12, temperature=1.0)
    texts = {
        said.text for _, said in complete(model, tokenizer, [PROMPTS[0]] * 8, decoding=decoding, seeds=list(range(8)))
    }
    assert len(texts) == 8


@pytest.mark.parametrize("temperature", [0.7, 1.3])
def test_tokens_are_drawn_from_the_softmax_at_their_temperature(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, temperature: float
) -> None:
    draws = 2_000
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([PROMPTS[1]])).logits[0, -1].double()
    expected = torch.softmax(logits / temperature, dim=0).numpy() * draws
    decoding = Decoding(max_new_tokens=1, temperature=temperature)
    drawn: Counter[int] = Counter()
    for _, said in complete(model, tokenizer, [PROMPTS[1]] * draws, decoding=decoding, seeds=range(draws)):
        drawn[said.ids[0] if said.ids else 2] += 1  # an empty answer is the end token
    first, *others = sorted(range(len(expected)), key=lambda token: expected[token])
    bins: list[list[int]] = [[first]]
    for token in others:  # rare tokens share a bin until five draws are expected in it
        if expected[bins[-1]].sum() < 5:
            bins[-1].append(token)
        else:
            bins.append([token])
    result = chisquare([sum(drawn[token] for token in each) for each in bins], [expected[each].sum() for each in bins])
    assert result.pvalue > 1e-4


def test_top_p_draws_only_from_the_likeliest_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    with torch.inference_mode():
        likeliest = int(model(input_ids=torch.tensor([PROMPTS[1]])).logits[0, -1].argmax())
    decoding = Decoding(max_new_tokens=1, temperature=1.0, top_p=1e-6)
    said = [each.ids for _, each in complete(model, tokenizer, [PROMPTS[1]] * 20, decoding=decoding, seeds=range(20))]
    assert said == [[likeliest]] * 20
