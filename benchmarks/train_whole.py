"""A whole fine-tune from start to end: `curator train` beside TRL's `SFTTrainer` with evaluation.

`benchmarks/train.py --whole` calls this. Every arm is one command in a process of its own, timed from its start to its
end: imports, reading the data, loading the base, the held-out loss before and after, evaluation ten times on the way,
training, saving. Records, splits, steps, learning rate and precision are the same, and so is the base: random weights
with the sample tokenizer. Steps hold 16 records; nobody stops early. The arms take turns for several rounds.

`ours` runs with its defaults, which measure a sample of the held-out records; `ours_all` measures all that the peers
evaluate, and every training record before and after besides.
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
import time
from pathlib import Path
from typing import Any, NamedTuple

REPOSITORY = Path(__file__).resolve().parents[1]
SAMPLE = REPOSITORY / "sample_data"
OURS = ("ours", "ours_all")
PEERS = ("trl_defaults", "trl_plain", "trl_padding_free", "trl_packing")
TRL_BEST = ("trl_plain", "trl_padding_free", "trl_packing")
RECORDS_PER_STEP = 16
LEARNING_RATE = 1e-4
TARGET = 1.0
"""Of the best TRL arm's time over ours."""


class Material(NamedTuple):
    """What every arm is given, as files."""

    base: Path
    workspace: Path
    exported: Path
    """Folder with `train.jsonl`, `validation.jsonl` and `test.jsonl` as TRL reads them."""
    records: int
    """In the training split."""


def prepare(folder: Path, make_model: Any, *, shape: str, count: int, file: Path | None) -> Material:
    """Write a base, a workspace with a frozen version, and its export. Returns where they are."""
    import torch
    from transformers import AutoTokenizer

    from curator import open_workspace, versions
    from curator.ingest import import_file
    from schemas.version import ExportFormat, Split, SplitPlan

    base = folder / "base"
    tokenizer = AutoTokenizer.from_pretrained(SAMPLE / "base_model")
    model = make_model(shape)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.config.eos_token_id = model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.config.pad_token_id = tokenizer.pad_token_id
    model.to(torch.float32).save_pretrained(base)
    tokenizer.save_pretrained(base)
    if file is None:
        file = folder / "made.json"
        file.write_text(json.dumps(make_records(count)), encoding="utf-8")
    workspace = open_workspace(folder / "workspace", create=True)
    import_file(workspace, file, actor="benchmark", accept=True)
    version = versions.freeze(
        workspace, actor="benchmark", name="v", plan=SplitPlan(train=0.8, validation=0.1, test=0.1)
    )
    exported = folder / "exported"
    versions.export(workspace, version.id, format=ExportFormat.TRL_CHAT, out=exported, actor="benchmark")
    return Material(base, folder / "workspace", exported, version.splits[Split.TRAIN])


def make_records(count: int) -> list[dict[str, str]]:
    """Instructions and longer responses of random words of the sample data; like Alpaca, 40 % prompt."""
    words = sorted({word for name in ("products_chat.jsonl", "tickets_alpaca.json", "suite.jsonl")
                    for word in (SAMPLE / name).read_text(encoding="utf-8").split() if word.isalpha()})  # fmt: skip
    draw = random.Random(7)
    made = []
    for _ in range(count):
        length = max(10, min(300, int(draw.lognormvariate(math.log(45), 0.7))))
        text = [draw.choice(words) for _ in range(length)]
        cut = max(3, int(0.4 * length))
        made.append({"instruction": " ".join(text[:cut]), "input": "", "output": " ".join(text[cut:])})
    return made


def measure(options: argparse.Namespace, material: Material) -> dict[str, Any]:
    """Every arm for every number of epochs, in turns; medians and the ratio to the target."""
    report: dict[str, Any] = {"records": material.records, "shape": options.shape, "rounds": options.rounds}
    for epochs in options.epochs:
        runs: dict[str, list[dict[str, float]]] = {arm: [] for arm in options.whole_arms}
        for _ in range(options.rounds):
            for arm in options.whole_arms:
                run = _run(arm, epochs, options, material)
                print(f"{epochs} epochs, {arm}: {_said(run)}", file=sys.stderr)
                runs[arm].append(run)
        middle = {arm: {name: statistics.median(run[name] for run in some) for name in some[0]}
                  for arm, some in runs.items()}  # fmt: skip
        report[f"{epochs} epochs"] = {"arms": middle, "ratios": _ratios(middle)}
    return report


def describe(report: dict[str, Any]) -> str:
    """The report as text."""
    lines = [f"{report['shape']}, {report['records']} training records, median of {report['rounds']} rounds"]
    for name, part in report.items():
        if not isinstance(part, dict):
            continue
        lines.append(f"\n{name:<18}{'seconds':>9}{'CPU s':>9}{'base':>9}{'tuned':>9}")
        for arm, row in part["arms"].items():
            lines.append(
                f"{arm:<18}{row['seconds']:>9.1f}{row['cpu_seconds']:>9.1f}"
                f"{row['base_nll']:>9.4f}{row['tuned_nll']:>9.4f}"
            )
        for what, ratio in part["ratios"].items():
            lines.append(f"  {what}: {ratio['measured']:.2f} (target {ratio['target']})")
    return "\n".join(lines)


def _ratios(arms: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    peers = [arms[arm] for arm in TRL_BEST if arm in arms]
    if not peers:
        return {}
    return {
        f"TRL's best over {ours}, {unit}": {
            "measured": min(peer[name] for peer in peers) / arms[ours][name],
            "target": TARGET,
        }
        for ours in OURS
        if ours in arms
        for name, unit in (("seconds", "seconds"), ("cpu_seconds", "CPU seconds"))
    }


def _run(arm: str, epochs: int, options: argparse.Namespace, material: Material) -> dict[str, float]:
    """One arm as one command, from its start to its end."""
    precision = "fp32" if options.fp32 else "bf16"
    if arm in OURS:
        settings = {
            "epochs": epochs,
            "records_per_step": RECORDS_PER_STEP,
            "learning_rate": LEARNING_RATE,
            "early_stopping": "none",
            "precision": precision,
            "measure": "all" if arm == "ours_all" else "sample",
        }
        command = [sys.executable, "-m", "curator", "train", "v", "--base", str(material.base), "--json"]
        command += ["--workspace", str(material.workspace)]
        for name, value in settings.items():
            command += ["--set", f"{name}={value}"]
        # what one run measured on the base would be known to the next one
        _forget(material.workspace / "runs" / "base_losses")
    else:
        command = [sys.executable, __file__, arm, str(epochs), str(material.base), str(material.exported), precision]
    path = f"{REPOSITORY}:{os.environ.get('PYTHONPATH', '')}"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path}
    )
    out, errors = process.communicate()
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise SystemExit(f"{arm} failed:\n{errors[-2000:]}")
    said = json.loads(out.strip().splitlines()[-1] if arm not in OURS else out)
    return {
        "seconds": seconds,
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "base_nll": said["heldout_nll_base"],
        "tuned_nll": said["heldout_nll_tuned"],
    }


def _forget(folder: Path) -> None:
    for file in folder.glob("*.jsonl"):
        file.unlink()


def _said(run: dict[str, float]) -> str:
    return f"{run['seconds']:.1f} s, {run['cpu_seconds']:.1f} CPU s, {run['base_nll']:.4f} to {run['tuned_nll']:.4f}"


def run_trl(arm: str, epochs: int, base: Path, exported: Path, precision: str) -> None:
    """One fine-tune as TRL's guide writes it, with evaluation before, on the way and after. Prints its losses."""
    import tempfile

    from datasets import load_dataset
    from trl import SFTConfig, SFTTrainer

    files = {name: str(exported / f"{name}.jsonl") for name in ("train", "validation", "test")}
    data = load_dataset("json", data_files=files)
    steps = math.ceil(len(data["train"]) / RECORDS_PER_STEP) * epochs
    settings: dict[str, Any] = {
        "output_dir": tempfile.mkdtemp(),
        "num_train_epochs": epochs,
        "per_device_train_batch_size": RECORDS_PER_STEP,
        "learning_rate": LEARNING_RATE,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.03,
        "weight_decay": 0.0,
        "bf16": precision == "bf16",
        "use_cpu": True,
        "dataloader_pin_memory": False,
        "max_length": 1024,
        "completion_only_loss": True,
        "eval_strategy": "steps",
        "eval_steps": max(1, math.ceil(steps / 10)),
        "per_device_eval_batch_size": RECORDS_PER_STEP,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "seed": 0,
    }
    if arm != "trl_defaults":
        settings["gradient_checkpointing"] = False
    if arm == "trl_padding_free":
        settings |= {"padding_free": True, "max_length": None}
    if arm == "trl_packing":
        settings |= {"packing": True, "per_device_train_batch_size": 1, "max_length": RECORDS_PER_STEP * 128}
        settings["eval_packing"] = False
    trainer = SFTTrainer(str(base), SFTConfig(**settings), train_dataset=data["train"], eval_dataset=data["validation"])
    test = SFTTrainer(
        trainer.model, SFTConfig(**settings | {"packing": False}), train_dataset=data["test"], eval_dataset=data["test"]
    )
    before = test.evaluate()["eval_loss"]
    trainer.evaluate()
    trainer.train()
    after = test.evaluate()["eval_loss"]
    trainer.save_model()
    print(json.dumps({"heldout_nll_base": before, "heldout_nll_tuned": after}))


if __name__ == "__main__":
    run_trl(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), sys.argv[5])
