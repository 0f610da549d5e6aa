"""Training speed and memory beside TRL and transformers' Trainer: same records, same model, alternating.

    python benchmarks/train.py                   # every arm on both mixes; the peers need requirements-peers.txt
    python benchmarks/train.py --quick --json    # small model, few steps
    python benchmarks/train.py --check           # step losses of all arms in fp32 on equal batches, nothing timed
    python benchmarks/train.py --threads 1 2     # every arm with one thread and with two
    python benchmarks/train.py --whole           # `curator train` from start to end beside TRL's SFTTrainer

Each arm trains in a process of its own, so that its peak memory is its own, and the arms take turns for several rounds.
Weights and token ids are random: the figures speak of speed and memory, not of what is learnt. Rates count tokens of
records, never padding. They are taken twice: over all optimiser steps but the first ones, and over all steps, so that
what a compiler or a first touch of memory costs is counted. Every arm trains on the same records. The ratios are those
of `ours`, with the defaults that a user gets.

Each process first measures the machine's rate of large matrix products in the arithmetic of its training. Its *share*
is what a training needs (six operations per weight and token, four where the weights are frozen; the vocabulary
projection at response positions only, nothing for padding or attention) over what that rate could have done meanwhile:
it compares machines, and days on which one machine is busy.

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

import train_whole

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


SHARE_TARGET = 0.3
"""Of the machine's rate of matrix products, on whatever CPU it runs."""


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


def needed_operations(rows: list[Row], shape: str, method: str) -> float:
    """Floating-point operations that training once on these records takes, without attention."""
    model = SHAPES[shape]
    hidden, heads, kept = model["hidden_size"], model["num_attention_heads"], model["num_key_value_heads"]
    size = model.get("head_dim", hidden // heads)
    block = hidden * size * (2 * heads + 2 * kept) + 3 * hidden * model["intermediate_size"]
    body, head = model["num_hidden_layers"] * block, model["vocab_size"] * hidden
    tokens = sum(len(row.ids) for row in rows)
    responses = sum(len(row.ids) - row.prompt for row in rows)
    return (6 if method == "full" else 4) * (body * tokens + head * responses)


class Clock:
    """Times of optimiser steps, by the clock and by the processor, and their losses."""

    def __init__(self, skip: int, device: str) -> None:
        self.skip = skip
        self.device = device
        self.ends: list[float] = []
        self.losses: list[float] = []
        self.began = 0.0
        self.cpu_began = 0.0
        self.cpu_ends: list[float] = []

    def start(self) -> None:
        """Note that the model is there and the training begins."""
        self.began, self.cpu_began = time.perf_counter(), time.process_time()

    def tick(self) -> None:
        """Note that a step has ended."""
        if self.device == "cuda":
            import torch

            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())
        self.cpu_ends.append(time.process_time())

    def seconds(self) -> float:
        """Of the steps after the skipped ones."""
        return self.ends[-1] - self.ends[self.skip - 1]

    def cpu_seconds(self) -> float:
        """Of the processor, in the steps after the skipped ones."""
        return self.cpu_ends[-1] - self.cpu_ends[self.skip - 1]

    def all_seconds(self) -> float:
        """Of all steps, with all that comes before the first."""
        return self.ends[-1] - self.began


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
    clock.start()
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
        clock.start()
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
    clock.start()
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
    rate = matmul_rate(options.device, fp32=options.fp32)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    skip = options.skip
    clock = Clock(skip, options.device)
    (run_ours if options.arm.startswith("ours") else run_peer)(rows, options, clock)
    steps = len(clock.ends)
    if (
        options.arm == "trl_packing" or options.arm == "trainer_grouped"
    ):  # its steps hold other records: count what is left after the share skipped
        part = (steps - skip) / steps
        timed = rows
    else:
        part = 1.0
        timed = rows[skip * options.batch :]
    tokens = part * sum(len(row.ids) for row in timed)
    responses = part * sum(len(row.ids) - row.prompt for row in timed)
    records = part * len(timed)
    seconds = clock.seconds()
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    memory = torch.cuda.max_memory_allocated() / 2**30 if options.device == "cuda" else growth / 2**20
    return {
        "arm": options.arm,
        "mix": options.mix,
        "tokens_per_second": tokens / seconds,
        "tokens_per_second_from_start": sum(len(row.ids) for row in rows) / clock.all_seconds(),
        "tokens_per_cpu_second": tokens / clock.cpu_seconds(),
        "share_of_matmul": part * needed_operations(timed, options.shape, options.method) / seconds / rate,
        "matmul_flops": rate,
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
    best = math.inf
    for _ in range(13):  # the best of them: what the machine can do, not what it was left with
        began = time.perf_counter()
        a @ b
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return 2 * n**3 / best


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
    parser.add_argument("--threads", nargs="+", type=int, help="of every arm; several are measured one after another")
    parser.add_argument("--whole", action="store_true", help="whole commands, with evaluation, beside TRL's")
    parser.add_argument("--epochs", nargs="+", type=int, default=[1, 3], help="of --whole")
    parser.add_argument("--records", type=int, default=400, help="of --whole, all splits together")
    parser.add_argument("--file", type=Path, help="of --whole: an Alpaca file instead of made records")
    parser.add_argument(
        "--whole-arms", nargs="+", choices=(*train_whole.OURS, *train_whole.PEERS), help="of --whole",
        default=[*train_whole.OURS, *train_whole.TRL_BEST],
    )  # fmt: skip
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
    if options.whole:
        with tempfile.TemporaryDirectory() as folder:
            material = train_whole.prepare(
                Path(folder), make_model, shape=options.shape, count=options.records, file=options.file
            )
            whole = train_whole.measure(options, material)
        print(json.dumps(whole) if options.json else train_whole.describe(whole))
        return
    for threads in options.threads or [None]:
        if threads is not None:
            os.environ["OMP_NUM_THREADS"] = str(threads)
        report = measure(options) | {"threads": threads}
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
        "matmul_flops": max(
            (
                run["matmul_flops"]
                for arms in found.values()
                for runs in arms.values()
                for run in runs
                if "error" not in run
            ),
            default=0.0,
        ),
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
    names = (
        "tokens_per_second",
        "tokens_per_second_from_start",
        "tokens_per_cpu_second",
        "share_of_matmul",
        "response_tokens_per_second",
        "records_per_second",
        "peak_memory_gib",
    )
    middle: dict[str, Any] = {name: statistics.median(run[name] for run in good) for name in names}
    rates = [run["tokens_per_second"] for run in good]
    return middle | {"slowest": min(rates), "fastest": max(rates)}


def _ratios(figures: dict[str, Any], device: str, mix: str) -> dict[str, dict[str, float]]:
    """Our defaults against each peer, with the target where there is one."""
    good = {arm: row for arm, row in figures.items() if "error" not in row}
    if "ours" not in good:
        return {}
    ours = good["ours"]
    peers = {arm: row for arm, row in good.items() if not arm.startswith("ours")}
    trl = [peers[arm] for arm in TRL_BEST if arm in peers]
    if trl:
        peers["trl_best"] = max(trl, key=lambda row: row["tokens_per_second"])
    found = {arm: ours["tokens_per_second"] / row["tokens_per_second"] for arm, row in peers.items()}
    found |= {f"{arm}_memory": ours["peak_memory_gib"] / row["peak_memory_gib"] for arm, row in peers.items()}
    targets = TARGETS.get((device, mix), {})
    return {
        name: {"measured": value} | ({"target": targets[name]} if name in targets else {})
        for name, value in found.items()
    } | {"share_of_matmul": {"measured": ours["share_of_matmul"], "target": SHARE_TARGET}}


def _loss_difference(arms: dict[str, list[dict[str, Any]]]) -> float:
    curves = [runs[0]["losses"] for runs in arms.values() if runs and "error" not in runs[0]]
    return max(max(values) - min(values) for values in zip(*curves, strict=False))


def describe(report: dict[str, Any]) -> str:
    """The report as text."""
    lines = [
        f"{report['shape']}, {report['method']}, {report['precision']}, {report['device']}, "
        f"{report['threads'] or 'default'} threads; matrix products alone {report['matmul_flops'] / 1e9:,.0f} GFLOP/s"
    ]
    for mix, arms in report["figures"].items():
        titles = f"{'tokens/s':>10}{'from start':>12}{'per CPU s':>11}{'share':>8}{'response/s':>12}{'peak GiB':>10}"
        lines.append(f"\n{mix:<18}{titles}")
        for arm, row in arms.items():
            if "error" in row:
                lines.append(f"{arm:<18}  {row['error'][0][:90]}")
                continue
            lines.append(
                f"{arm:<18}{row['tokens_per_second']:>10,.0f}{row['tokens_per_second_from_start']:>12,.0f}"
                f"{row['tokens_per_cpu_second']:>11,.0f}{row['share_of_matmul']:>8.0%}"
                f"{row['response_tokens_per_second']:>12,.0f}{row['peak_memory_gib']:>10.2f}"
            )
        for name, ratio in report["ratios"][mix].items():
            target = f" (target {ratio['target']})" if "target" in ratio else ""
            lines.append(f"  {name}: {ratio['measured']:.2f}{target}")
    for mix, difference in report.get("largest_loss_difference", {}).items():
        lines.append(f"{mix}: step losses differ by at most {difference:.2g} nats")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
