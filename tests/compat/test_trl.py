"""TRL takes our exports as they are: each trainer makes one step on the file that is meant for it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import datasets
import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from curator import Workspace, versions
from curator.store import projects, records
from schemas.record import Message, Origin, Record, ToolCall
from schemas.version import ExportFormat, SplitPlan
from tests.conftest import make_record

PLAIN = [make_record(f"Say {n} twice.", f"{n} {n}") for n in range(8)]
TOOL = '{"type":"function","function":{"name":"twice","parameters":{"type":"object","properties":{}}}}'
CALL = Record(
    messages=(
        Message(role="user", content="Say 9 twice."),
        Message(role="assistant", tool_calls=(ToolCall(name="twice", arguments='{"n":9}'),)),
        Message(role="tool", content="9 9"),
        Message(role="assistant", content="9 9"),
    ),
    tools=(TOOL,),
    origin=Origin(source="made.jsonl"),
)
PAIRS = [make_record(f"Say {n}.", f"{n}", rejected=(Message(role="assistant", content="No."),)) for n in range(8)]


def exported(workspace: Workspace, folder: Path, items: list[Record], format: ExportFormat) -> datasets.Dataset:
    with workspace.write() as connection:
        project = projects.by_name(connection)
        records.add_many(connection, items, project=project, at=workspace.clock(), accept=True)
    version = versions.freeze(workspace, actor="me", plan=SplitPlan(train=1, validation=0, test=0))
    report = versions.export(workspace, version.id, format=format, out=folder / "out", actor="me")
    file = str(folder / "out" / report.files[0].path)
    return datasets.load_dataset("json", data_files=file, cache_dir=str(folder / "cache"))["train"]


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    return {
        "output_dir": str(tmp_path / "trained"),
        "max_steps": 1,
        "per_device_train_batch_size": 2,
        "report_to": "none",
        "save_strategy": "no",
        "use_cpu": True,
        "bf16": False,
        "logging_steps": 1,
    }


@pytest.fixture
def base(sample_data: Path) -> dict[str, Any]:
    folder = str(sample_data / "base_model")
    return {
        "model": AutoModelForCausalLM.from_pretrained(folder),
        "processing_class": AutoTokenizer.from_pretrained(folder),
    }


def loss_of(trainer: SFTTrainer | DPOTrainer) -> float:
    trainer.train()
    return float(next(line["loss"] for line in trainer.state.log_history if "loss" in line))


@pytest.mark.parametrize(
    ("format", "items"), [(ExportFormat.TRL, PLAIN), (ExportFormat.TRL_CHAT, [*PLAIN, CALL])], ids=["trl", "trl-chat"]
)
def test_supervised_fine_tuning_takes_a_step(
    workspace: Workspace,
    tmp_path: Path,
    settings: dict[str, Any],
    base: dict[str, Any],
    format: ExportFormat,
    items: list[Record],
) -> None:
    rows = exported(workspace, tmp_path, items, format)
    if format is ExportFormat.TRL_CHAT:
        assert [json.loads(tools) for tools in rows["tools"]].count([json.loads(TOOL)]) == 1
    trainer = SFTTrainer(args=SFTConfig(**settings), train_dataset=rows, **base)
    assert math.isfinite(loss_of(trainer))
    for row in trainer.train_dataset:
        trained = [label for label in row["labels"] if label != -100]
        assert 0 < len(trained) < len(row["labels"])  # the loss is on the completion alone


def test_preference_training_takes_a_step(
    workspace: Workspace, tmp_path: Path, settings: dict[str, Any], base: dict[str, Any]
) -> None:
    rows = exported(workspace, tmp_path, PAIRS, ExportFormat.PREFERENCE)
    trainer = DPOTrainer(args=DPOConfig(**settings), train_dataset=rows, **base)
    assert loss_of(trainer) == pytest.approx(math.log(2), abs=0.05)  # before the first step both models agree
