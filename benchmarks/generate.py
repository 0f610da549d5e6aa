"""Times local generation: ours beside one prompt at a time and beside transformers' own batches.

    python benchmarks/generate.py [--base FOLDER] [--prompts 64] [--tokens 48] [--rounds 3] [--quick] [--json]

The arms take turns in one process, so that a slow moment of the machine meets all of them; the median of the rounds
counts, and ratios of it. Greedy arms must say the same, token by token.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from curator.training import checkpoint
from curator.training.completion import complete
from curator.training.template import end_tokens, prompt_ids
from schemas.record import Message
from schemas.review import Decoding

REPOSITORY = Path(__file__).resolve().parents[1]
AT_LEAST_OVER_ONE_BY_ONE = 3.0
AT_LEAST_OVER_TRANSFORMERS = 1.0
_BATCH = 16


def ours(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompts: list[list[int]], decoding: Decoding, size: int
) -> list[list[int]]:
    """Token ids of every answer; `size` prompts are handed over at once."""
    answers: list[list[int]] = [[] for _ in prompts]
    for start in range(0, len(prompts), size):
        part = prompts[start : start + size]
        for n, said in complete(model, tokenizer, part, decoding=decoding, seeds=range(start, start + len(part))):
            answers[start + n] = said.ids
    return answers


@torch.inference_mode()
def transformers_batches(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompts: list[list[int]], decoding: Decoding
) -> list[list[int]]:
    """The same by `model.generate` on batches in the order given, as a user would write it."""
    ends, pad = end_tokens(tokenizer), tokenizer.pad_token_id
    answers: list[list[int]] = []
    sampling = (
        {"temperature": decoding.temperature, "top_p": decoding.top_p, "top_k": 0} if decoding.temperature else {}
    )
    for start in range(0, len(prompts), _BATCH):
        part = prompts[start : start + _BATCH]
        longest = max(map(len, part))
        ids = torch.tensor([[pad] * (longest - len(prompt)) + prompt for prompt in part])
        mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in part])
        generated = model.generate(
            input_ids=ids, attention_mask=mask, max_new_tokens=decoding.max_new_tokens, eos_token_id=ends,
            pad_token_id=pad, do_sample=decoding.temperature > 0, **sampling,
        )  # fmt: skip
        for row in generated[:, longest:].tolist():
            end = next((n for n, token in enumerate(row) if token in ends), len(row))
            answers.append(row[:end])
    return answers


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", type=Path, default=REPOSITORY / "sample_data" / "base_model")
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=48, help="longest answer")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="16 prompts, one round")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    count, rounds = (16, 1) if options.quick else (options.prompts, options.rounds)
    tokenizer = checkpoint.load_tokenizer(str(options.base))
    model = checkpoint.load_base(str(options.base)).eval()
    suite = [
        json.loads(line)["prompt"] for line in (REPOSITORY / "sample_data" / "suite.jsonl").read_text().splitlines()
    ]
    texts = [suite[n % len(suite)] for n in range(count)]
    prompts = [list(prompt_ids((Message(role="user", content=text),), tokenizer)) for text in texts]
    figures: dict[str, dict[str, float]] = {}
    for mode, temperature in (("greedy", 0.0), ("sampled", 0.8)):
        decoding = Decoding(max_new_tokens=options.tokens, temperature=temperature, top_p=0.95)
        arms: dict[str, Callable[[], list[list[int]]]] = {
            "ours": lambda decoding=decoding: ours(model, tokenizer, prompts, decoding, len(prompts)),
            "one by one": lambda decoding=decoding: ours(model, tokenizer, prompts, decoding, 1),
            "transformers": lambda decoding=decoding: transformers_batches(model, tokenizer, prompts, decoding),
        }
        said = {name: arm() for name, arm in arms.items()}  # warms up, too
        if mode == "greedy":
            assert said["ours"] == said["one by one"] == said["transformers"], "the arms say different things"
        seconds: dict[str, list[float]] = {name: [] for name in arms}
        tokens: dict[str, int] = {}
        for _ in range(rounds):
            for name, arm in arms.items():
                began = time.perf_counter()
                answers = arm()
                seconds[name].append(time.perf_counter() - began)
                tokens[name] = sum(map(len, answers))
        rates = {name: tokens[name] / statistics.median(spent) for name, spent in seconds.items()}
        figures[mode] = rates | {
            "over one by one": rates["ours"] / rates["one by one"],
            "over transformers": rates["ours"] / rates["transformers"],
        }
    targets = {"over one by one": AT_LEAST_OVER_ONE_BY_ONE, "over transformers": AT_LEAST_OVER_TRANSFORMERS}
    if options.json:
        print(json.dumps({"prompts": count, "tokens_per_second": figures, "targets": targets}))
        return
    for mode, rates in figures.items():
        shown = ", ".join(f"{name} {value:,.1f}" for name, value in rates.items())
        print(f"{mode}: {shown} (tokens per second; targets {targets})")


if __name__ == "__main__":
    main()
