"""What is exported is what is trained: a trainer that reads an export puts loss on the same tokens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerBase

from curator import Workspace, runs, versions
from schemas.record import Message, Origin, Record
from schemas.run import TokenRow, TrainConfig
from schemas.version import ExportFormat, Version
from tests.conftest import make_record
from tests.runs.small import freeze


@pytest.fixture
def talked(workspace: Workspace) -> Version:
    """Single instructions beside conversations whose last turn trains."""
    talks = [
        Record(
            messages=(
                Message(role="system", content="Be brief."),
                Message(role="user", content=f"Who is {n}?"),
                Message(role="assistant", content="A number.", train=False),
                Message(role="user", content="And?"),
                Message(role="assistant", content=f"The number {n}.", train=True),
            ),
            origin=Origin(source="x"),
        )
        for n in range(10)
    ]
    return freeze(workspace, [*(make_record(f"Say {n}.", f"{n}") for n in range(10)), *talks])


def exported(workspace: Workspace, version: Version, format: ExportFormat, out: Path) -> list[dict[str, object]]:
    versions.export(workspace, version.id, format=format, out=out, actor="me")
    found = []
    for split in ("train", "validation", "test"):
        file = out / f"{split}.jsonl"
        if file.is_file():
            found += [json.loads(line) for line in file.read_text().splitlines()]
    return found


def seen(workspace: Workspace, version: Version, base: Path) -> list[TokenRow]:
    rows = list(runs.token_rows(workspace, version.id, TrainConfig(base=str(base))))
    return sorted(rows, key=lambda row: (["train", "validation", "test"].index(row.split), row.row_id))


def test_a_completion_trainer_gets_our_prompt_and_our_loss(
    workspace: Workspace, talked: Version, base_folder: Path, tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    """As TRL reads it: loss on everything after the rendered prompt. It alone adds what the template writes behind
    the end of the turn, here a line break, which no generation ever produces."""
    lines = exported(workspace, talked, ExportFormat.TRL_CHAT, tmp_path / "out")
    for line, row in zip(lines, seen(workspace, talked, base_folder), strict=True):
        prompt = tokenizer.apply_chat_template(line["prompt"], add_generation_prompt=True, return_dict=False)
        whole = tokenizer.apply_chat_template([*line["prompt"], *line["completion"]], return_dict=False)
        assert list(row.input_ids) == list(whole)
        trained = [n for n, label in enumerate(row.labels) if label != -100]
        assert trained == list(range(len(prompt), trained[-1] + 1))
        assert tokenizer.decode(whole[trained[-1] + 1 :]) == "\n"


def test_a_chat_export_weighs_exactly_the_turns_that_train(
    workspace: Workspace, talked: Version, base_folder: Path, tmp_path: Path
) -> None:
    lines = exported(workspace, talked, ExportFormat.OPENAI, tmp_path / "out")
    for line, row in zip(lines, seen(workspace, talked, base_folder), strict=True):
        loss = "".join(text for text, label in zip(row.text, row.labels, strict=True) if label != -100)
        weighted = [m["content"] for m in line["messages"] if m["role"] == "assistant" and m.get("weight", 1)]
        assert loss == "".join(f"{content}<|im_end|>" for content in weighted)
