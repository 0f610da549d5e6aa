"""Task metrics while a model learns: what it answers to a few validation prompts, beside the right answers.

The answers are greedy, so the same weights give the same metrics, and no random number of the training is used up.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from transformers import PreTrainedTokenizerBase

from curator.quality.scoring import exact_match, token_f1
from curator.training.completion import CompletionStopped, complete
from curator.training.labels import Example
from curator.training.objective import ResponseLoss, Route, set_attention
from schemas.review import Decoding
from schemas.run import TaskMetrics


class Question(NamedTuple):
    """What a model is asked and what it should say."""

    prompt_ids: list[int]
    reference: str


def question_of(example: Example, tokenizer: PreTrainedTokenizerBase) -> Question:
    """The prompt of a record up to its first response, and that response."""
    start = example.prompt_tokens
    after = (~example.is_response[start:]).nonzero()
    end = start + int(after[0]) if len(after) else len(example.input_ids)
    reference = tokenizer.decode(example.input_ids[start:end].tolist(), skip_special_tokens=True)
    return Question(example.input_ids[:start].tolist(), str(reference))


def ask(
    objective: ResponseLoss,
    tokenizer: PreTrainedTokenizerBase,
    questions: Sequence[Question],
    *,
    max_new_tokens: int,
    should_stop: Callable[[], bool],
) -> TaskMetrics | None:
    """How well a model answers now, as it computes; None without questions, or when `should_stop` said yes.

    Args:
        objective: The model that learns; left as it was.
        tokenizer: Its own.
        questions: To answer.
        max_new_tokens: Longest answer.
        should_stop: Asked now and then while it answers.
    """
    if not questions:
        return None
    was_training = objective.training
    objective.eval()
    set_attention(objective.model, Route.PADDED)  # the next batch sets it back
    decoding = Decoding(max_new_tokens=max_new_tokens)
    prompts = [question.prompt_ids for question in questions]
    try:
        with torch.compiler.set_stance("force_eager"):  # layers compiled for training would compile anew for a cache
            answered = complete(objective.model, tokenizer, prompts, decoding=decoding, should_stop=should_stop)
            said = [(completion.text, questions[n].reference) for n, completion in answered]
    except CompletionStopped:
        return None
    finally:
        objective.train(was_training)
    return TaskMetrics(
        answers=len(said),
        exact_match=statistics.fmean(exact_match(*pair) for pair in said),
        token_f1=statistics.fmean(token_f1(*pair) for pair in said),
    )
