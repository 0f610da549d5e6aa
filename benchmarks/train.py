"""Training speed and memory beside TRL and transformers' Trainer: same records, same model, alternating.

    python benchmarks/train.py                   # every arm on both mixes; the peers need requirements-peers.txt
    python benchmarks/train.py --quick --json    # small model, few steps
    python benchmarks/train.py --check           # step losses of all arms in fp32 on equal batches, nothing timed

Each arm trains in a process of its own, so that its peak memory is its own, and the arms take turns for several rounds.
Weights and token ids are random: the figures speak of speed and memory, not of what is learnt. Rates count tokens of
records, never padding, over all optimiser steps but the first ones.

Two mixes: `alpaca` has short records with 40 % prompt, `summary` long ones with 90 % prompt. A third, `shared`, gives
four responses to each prompt of about 500 tokens; `ours_unfolded` computes the prompt anew for each.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

SHAPES: dict[str, dict[str, int]] = {
    "135m": {  # SmolLM2-135M
        "vocab_size": 49152,
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
    },
    "600m": {  # Qwen3-0.6B
        "vocab_size": 151936,
        "hidden_size": 1024,
        "intermediate_size": 3072,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
    },
    "4m": {  # the bundled sample model
        "vocab_size": 8192,
        "hidden_size": 192,
        "intermediate_size": 512,
        "num_hidden_layers": 6,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
    },
}
ARMS = (
    "trl_defaults",
    "trl_plain",
    "trl_padding_free",
    "trl_packing",
    "trainer",
    "trainer_grouped",
    "ours",
    "ours_compiled",
)
EXTRA_ARMS = ("ours_unfolded",)
TRL_BEST = ("trl_plain", "trl_padding_free", "trl_packing")
TARGETS = {
    ("cpu", "alpaca"): {"trl_defaults": 4.0, "trl_best": 2.5, "trainer": 2.5, "trainer_memory": 0.75},
    ("cpu", "summary"): {"trl_defaults": 4.0, "trl_best": 4.0, "trainer": 2.5, "trainer_memory": 0.75},
    ("cuda", "alpaca"): {"trl_defaults": 2.0, "trl_best": 1.2, "trl_best_memory": 1.0},
    ("cuda", "summary"): {"trl_defaults": 2.0, "trl_best": 1.2, "trl_best_memory": 1.0},
}


class Row(NamedTuple):
    """One record as ids, with the length of its prompt."""

    ids: list[int]
    prompt: int


def make_rows(mix: str, count: int, vocabulary: int) -> list[Row]:
    """Records with log-normal lengths; the same for every arm, in the order in which they train."""
    draw = random.Random(7)
    if mix == "shared":
        return _shared_rows(draw, count, vocabulary)
    middle, spread, share = (110, 0.7, 0.4) if mix == "alpaca" else (420, 0.4, 0.9)
    rows = []
    for _ in range(count):
        length = max(16, min(1024, int(draw.lognormvariate(math.log(middle), spread))))
        rows.append(Row([draw.randrange(10, vocabulary) for _ in range(length)], max(2, int(length * share))))
    return rows


def _shared_rows(draw: random.Random, count: int, vocabulary: int) -> list[Row]:
    """Four responses of about 130 tokens to each prompt, side by side in a step."""
    rows: list[Row] = []
    while len(rows) < count:
        prompt = [draw.randrange(10, vocabulary) for _ in range(draw.randrange(450, 590))]
        for _ in range(4):
            answer = [draw.randrange(10, vocabulary) for _ in range(draw.randrange(90, 170))]
            rows.append(Row(prompt + answer, len(prompt)))
    return rows[:count]


def make_model(shape: str) -> Any:
    """A model of this shape with random weights, the same for every arm."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(**SHAPES[shape], max_position_embeddings=2048, tie_word_embeddings=True, pad_token_id=0)
    return LlamaForCausalLM(config)


class Clock:
    """Times of optimiser steps and the tokens in them."""

    def __init__(self, skip: int, device: str) -> None:
        self.skip = skip
        self.device = device
        self.ends: list[float] = []
        self.losses: list[float] = []

    def tick(self) -> None:
        """Note that a step has ended."""
        if self.device == "cuda":
            import torch

            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())

    def seconds(self) -> float:
        """Of the steps after the skipped ones."""
        return self.ends[-1] - self.ends[self.skip - 1]


def run_ours(rows: list[Row], options: argparse.Namespace, clock: Clock) -> None:
    """Train with Curator's loop."""
    import torch

    from curator.training import loop
    from curator.training.labels import Example
    from curator.training.learner import add_adapters, make_accelerator, make_learner, place_model
    from schemas.run import TrainConfig

    config = TrainConfig(
        base="random",
        method=options.method,
        epochs=1,
        records_per_step=options.batch,
        learning_rate=1e-5,
        warmup_share=0,
        evaluate_every=10**6,
        precision="fp32" if options.fp32 else "bf16",
        compile="on" if options.arm == "ours_compiled" else "off",
        tokens_per_batch=options.tokens_per_batch,
        fold_prompts=options.arm != "ours_unfolded",
        clip_norm=1.0,
        device=options.device,
    )
    examples = []
    for row in rows:
        is_response = torch.arange(len(row.ids)) >= row.prompt
        examples.append(Example("", torch.tensor(row.ids), is_response, is_response.float()))
    # our plan shuffles: laid out so that shuffling brings them into the order in which the peers take them (equal
    # prompts shuffle as one, so the steps of `shared` hold other groups of the same make)
    shuffled = torch.randperm(len(rows), generator=torch.Generator().manual_seed(config.seed)).tolist()
    examples = [example for _, example in sorted(zip(shuffled, examples, strict=True), key=lambda pair: pair[0])]
    model = make_model(options.shape)
    if options.method == "lora":
        model = add_adapters(model, config)
    objective, _ = place_model(model, config)
    learner = make_learner(objective, config, make_accelerator(config), tokens=0)

    def on_step(step: loop.Step) -> None:
        if step.step:
            clock.tick()
            clock.losses.append(float(step.loss or 0))

    loop.train(learner, examples, config=config, pad_id=0, listener=loop.Listener(on_step=on_step))


def run_peer(rows: list[Row], options: argparse.Namespace, clock: Clock) -> None:
    """Train with TRL or transformers' Trainer."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig, get_peft_model
    from transformers import Trainer, TrainerCallback, TrainingArguments

    class Ticks(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.tick()

        def on_log(self, _args: Any, _state: Any, _control: Any, logs: Any = None, **__: Any) -> None:
            if logs and "loss" in logs:
                clock.losses.append(float(logs["loss"]))

    lora = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
    common = {
        "output_dir": tempfile.mkdtemp(),
        "per_device_train_batch_size": options.batch,
        "num_train_epochs": 1,
        "learning_rate": 1e-5,
        "lr_scheduler_type": "cosine",
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "bf16": not options.fp32,
        "use_cpu": options.device == "cpu",
        "dataloader_pin_memory": options.device == "cuda",
        "train_sampling_strategy": "sequential",
    }
    model = make_model(options.shape)
    if options.flash:
        _share_flash_attention(model)
    if options.arm.startswith("trainer"):
        if options.arm == "trainer_grouped":
            common["train_sampling_strategy"] = "group_by_length"
        data = Dataset.from_list(
            [{"input_ids": row.ids, "labels": [-100] * row.prompt + row.ids[row.prompt :]} for row in rows]
        )

        def collate(batch: list[dict[str, Any]]) -> dict[str, Any]:
            longest = max(len(row["input_ids"]) for row in batch)
            pads = [longest - len(row["input_ids"]) for row in batch]
            return {
                "input_ids": torch.tensor([row["input_ids"] + [0] * n for row, n in zip(batch, pads, strict=True)]),
                "attention_mask": torch.tensor(
                    [[1] * len(row["input_ids"]) + [0] * n for row, n in zip(batch, pads, strict=True)]
                ),
                "labels": torch.tensor([row["labels"] + [-100] * n for row, n in zip(batch, pads, strict=True)]),
            }

        if options.method == "lora":
            model = get_peft_model(model, lora)
        Trainer(
            model,
            TrainingArguments(**common, remove_unused_columns=False),
            train_dataset=data,
            data_collator=collate,
            callbacks=[Ticks()],
        ).train()
        return

    from transformers import AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    data = Dataset.from_list(
        [
            {"input_ids": row.ids, "completion_mask": [0] * row.prompt + [1] * (len(row.ids) - row.prompt)}
            for row in rows
        ]
    )
    extra: dict[str, Any] = {"completion_only_loss": True, "max_length": 1024}
    if options.arm != "trl_defaults":
        extra["gradient_checkpointing"] = False
    if options.arm == "trl_padding_free":
        extra |= {"padding_free": True, "max_length": None}
    if options.arm == "trl_packing":
        extra |= {"packing": True, "per_device_train_batch_size": 1, "max_length": options.batch * 128}
        if _mix_of(rows) == "summary":
            extra["max_length"] = options.batch * 512
    tokenizer = AutoTokenizer.from_pretrained(Path(__file__).parents[1] / "sample_data" / "base_model")
    SFTTrainer(
        model,
        SFTConfig(**(common | extra)),
        train_dataset=data,
        processing_class=tokenizer,
        callbacks=[Ticks()],
        peft_config=lora if options.method == "lora" else None,
    ).train()


def _share_flash_attention(model: Any) -> None:
    """Give a peer the variable-length FlashAttention that PyTorch ships, as its own package would."""
    import torch
    from torch.nn.attention.varlen import varlen_attn
    from transformers import AttentionInterface

    def attend(module: Any, query: Any, key: Any, value: Any, mask: Any, **kwargs: Any) -> tuple[Any, None]:
        positions = kwargs["position_ids"].flatten()
        starts = (positions == 0).nonzero().flatten().to(torch.int32)
        ends = torch.cat([starts, starts.new_tensor([len(positions)])])
        longest = int(positions.max()) + 1
        q, k, v = (part[0].transpose(0, 1).contiguous() for part in (query, key, value))
        out = varlen_attn(
            q, k, v, ends, ends, longest, longest, scale=kwargs["scaling"], window_size=(-1, 0), enable_gqa=True
        )
        return out[None], None

    AttentionInterface.register("shared_flash", attend)
    model.set_attn_implementation("shared_flash")


def _mix_of(rows: list[Row]) -> str:
    return "summary" if sum(row.prompt for row in rows) > 0.7 * sum(len(row.ids) for row in rows) else "alpaca"


def run_arm(options: argparse.Namespace) -> dict[str, Any]:
    """Train one arm in this process and return its figures."""
    import torch

    rows = make_rows(options.mix, options.batch * options.steps, SHAPES[options.shape]["vocab_size"])
    import transformers  # noqa: F401  its memory is not the training's

    if options.arm.startswith("ours"):
        import curator.training.learner  # noqa: F401
    else:
        import trl  # noqa: F401
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    skip = options.skip
    clock = Clock(skip, options.device)
    (run_ours if options.arm.startswith("ours") else run_peer)(rows, options, clock)
    steps = len(clock.ends)
    if (
        options.arm == "trl_packing" or options.arm == "trainer_grouped"
    ):  # its steps hold other records: count what is left after the share skipped
        share = (steps - skip) / steps
        tokens = share * sum(len(row.ids) for row in rows)
        responses = share * sum(len(row.ids) - row.prompt for row in rows)
        records = share * len(rows)
    else:
        timed = rows[skip * options.batch :]
        tokens = sum(len(row.ids) for row in timed)
        responses = sum(len(row.ids) - row.prompt for row in timed)
        records = len(timed)
    seconds = clock.seconds()
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    memory = torch.cuda.max_memory_allocated() / 2**30 if options.device == "cuda" else growth / 2**20
    return {
        "arm": options.arm,
        "mix": options.mix,
        "tokens_per_second": tokens / seconds,
        "response_tokens_per_second": responses / seconds,
        "records_per_second": records / seconds,
        "peak_memory_gib": memory,
        "steps": steps,
        "losses": clock.losses[:8],
    }


def matmul_rate(device: str, *, fp32: bool) -> float:
    """Floating-point operations per second of large matrix products on this machine."""
    import torch

    n = 8192 if device == "cuda" else 1536
    dtype = torch.float32 if fp32 else torch.bfloat16
    a, b = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
    for _ in range(3):
        a @ b
    if device == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(10):
        a @ b
    if device == "cuda":
        torch.cuda.synchronize()
    return 20 * n**3 / (time.perf_counter() - began)


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--shape", choices=SHAPES, default="135m")
    parser.add_argument("--mix", choices=("alpaca", "summary", "shared", "both"), default="both")
    parser.add_argument("--method", choices=("full", "lora"), default="full")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=(*ARMS, *EXTRA_ARMS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--skip", type=int, default=2)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--tokens-per-batch", type=int)
    parser.add_argument("--fp32", action="store_true")
    parser.add_argument("--flash", action="store_true", help="peers attend with PyTorch's variable-length kernel")
    parser.add_argument("--arm", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.arm:
        print("RESULT " + json.dumps(run_arm(options)))
        return
    if options.quick:
        options.shape, options.rounds, options.steps = "4m", 1, 6
    if options.check:
        options.shape, options.rounds, options.steps, options.fp32 = "4m", 1, 6, True
        options.arms = [arm for arm in options.arms if arm not in ("trl_packing", "trainer_grouped", "ours_compiled")]
    report = measure(options)
    print(json.dumps(report) if options.json else describe(report))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Every arm on every mix, in turns, for some rounds; medians and ratios."""
    mixes = ("alpaca", "summary") if options.mix == "both" else (options.mix,)
    found: dict[str, dict[str, list[dict[str, Any]]]] = {mix: {arm: [] for arm in options.arms} for mix in mixes}
    for _ in range(options.rounds):
        for mix in mixes:
            for arm in options.arms:
                result = _in_own_process(arm, mix, options)
                print(f"{mix} {arm}: {_short(result)}", file=sys.stderr)
                found[mix][arm].append(result)
    figures = {mix: {arm: _median(runs) for arm, runs in arms.items()} for mix, arms in found.items()}
    report: dict[str, Any] = {
        "device": options.device,
        "shape": options.shape,
        "method": options.method,
        "precision": "fp32" if options.fp32 else "bf16",
        "rounds": options.rounds,
        "figures": figures,
        "matmul_flops": matmul_rate(options.device, fp32=options.fp32),
        "ratios": {mix: _ratios(figures[mix], options.device, mix) for mix in mixes},
    }
    if options.check:
        report["largest_loss_difference"] = {mix: _loss_difference(found[mix]) for mix in mixes}
    return report


def _in_own_process(arm: str, mix: str, options: argparse.Namespace) -> dict[str, Any]:
    batch = options.batch or (8 if mix == "alpaca" else 4)
    command = [sys.executable, __file__, "--arm", arm, "--mix", mix, "--batch", str(batch)]
    for name in ("shape", "method", "device", "steps", "skip"):
        command += [f"--{name}", str(getattr(options, name))]
    if options.tokens_per_batch:
        command += ["--tokens-per-batch", str(options.tokens_per_batch)]
    if arm == "ours_compiled":
        command += ["--skip", str(options.skip + 2), "--steps", str(options.steps + 2)]
    command += ["--fp32"] if options.fp32 else []
    command += ["--flash"] if options.flash and arm == "trl_padding_free" else []
    environment = os.environ | {"PYTHONPATH": f"{Path(__file__).parents[1]}:{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        return {"arm": arm, "mix": mix, "error": done.stderr.strip().splitlines()[-1:] or ["no word"]}
    result: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
    return result


def _short(result: dict[str, Any]) -> str:
    if "error" in result:
        return f"failed: {result['error'][0]}"
    return f"{result['tokens_per_second']:,.0f} tokens/s, {result['peak_memory_gib']:.2f} GiB"


def _median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    good = [run for run in runs if "error" not in run]
    if not good:
        return {"error": runs[0]["error"]}
    names = ("tokens_per_second", "response_tokens_per_second", "records_per_second", "peak_memory_gib")
    middle: dict[str, Any] = {name: statistics.median(run[name] for run in good) for name in names}
    rates = [run["tokens_per_second"] for run in good]
    return middle | {"slowest": min(rates), "fastest": max(rates)}


def _ratios(figures: dict[str, Any], device: str, mix: str) -> dict[str, dict[str, float]]:
    """Our best arm against each peer, with the target where there is one."""
    good = {arm: row for arm, row in figures.items() if "error" not in row}
    ours = [row for arm, row in good.items() if arm.startswith("ours")]
    if not ours:
        return {}
    best = max(ours, key=lambda row: row["tokens_per_second"])
    peers = {arm: row for arm, row in good.items() if not arm.startswith("ours")}
    trl = [peers[arm] for arm in TRL_BEST if arm in peers]
    if trl:
        peers["trl_best"] = max(trl, key=lambda row: row["tokens_per_second"])
    found = {arm: best["tokens_per_second"] / row["tokens_per_second"] for arm, row in peers.items()}
    found |= {f"{arm}_memory": best["peak_memory_gib"] / row["peak_memory_gib"] for arm, row in peers.items()}
    targets = TARGETS.get((device, mix), {})
    return {
        name: {"measured": value} | ({"target": targets[name]} if name in targets else {})
        for name, value in found.items()
    }


def _loss_difference(arms: dict[str, list[dict[str, Any]]]) -> float:
    curves = [runs[0]["losses"] for runs in arms.values() if runs and "error" not in runs[0]]
    return max(max(values) - min(values) for values in zip(*curves, strict=False))


def describe(report: dict[str, Any]) -> str:
    """The report as text."""
    lines = [
        f"{report['shape']}, {report['method']}, {report['precision']}, {report['device']}; "
        f"matrix products alone {report['matmul_flops'] / 1e9:,.0f} GFLOP/s"
    ]
    for mix, arms in report["figures"].items():
        lines.append(f"\n{mix:<18}{'tokens/s':>10}{'response/s':>12}{'records/s':>11}{'peak GiB':>10}")
        for arm, row in arms.items():
            if "error" in row:
                lines.append(f"{arm:<18}  {row['error'][0][:90]}")
                continue
            lines.append(
                f"{arm:<18}{row['tokens_per_second']:>10,.0f}{row['response_tokens_per_second']:>12,.0f}"
                f"{row['records_per_second']:>11.2f}{row['peak_memory_gib']:>10.2f}"
            )
        for name, ratio in report["ratios"][mix].items():
            target = f" (target {ratio['target']})" if "target" in ratio else ""
            lines.append(f"  {name}: {ratio['measured']:.2f}{target}")
    for mix, difference in report.get("largest_loss_difference", {}).items():
        lines.append(f"{mix}: step losses differ by at most {difference:.2g} nats")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
