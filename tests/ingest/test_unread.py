"""Unread columns: what a model would miss is named, what only describes a row is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from curator import Workspace
from curator.ingest import import_file, preview
from curator.ingest.rows import Row, as_text
from curator.ingest.unread import unread_columns
from schemas.importing import FieldMap, Format

PAIR = {"prompt": "Name a colour.", "completion": "Red."}
TURNS = [{"role": "user", "content": "Name a colour."}, {"role": "assistant", "content": "Red."}]
PROSE = "Think about which colours there are before you answer."


def unread(values: dict[str, Any], format: Format, columns: dict[str, str] | None = None) -> tuple[str, ...]:
    return unread_columns([Row(1, as_text(values), values)], format, FieldMap(columns=columns or {}))


@pytest.mark.parametrize(
    ("values", "format", "expected"),
    [
        (PAIR | {"input": "Not blue."}, Format.PROMPT_COMPLETION, ("input",)),
        (PAIR | {"system_prompt": "Be brief."}, Format.PROMPT_COMPLETION, ("system_prompt",)),
        (PAIR | {"explanation": PROSE}, Format.PROMPT_COMPLETION, ("explanation",)),
        (PAIR | {"kto_tag": False}, Format.PROMPT_COMPLETION, ("kto_tag",)),
        (PAIR | {"steps": [PROSE]}, Format.PROMPT_COMPLETION, ("steps",)),
        ({"instruction": "A?", "output": "B.", "rejected": "C."}, Format.ALPACA, ("rejected",)),
        ({"messages": TURNS, "conversations": [{"from": "human", "value": PROSE}]}, Format.CHAT, ("conversations",)),
        (
            {"messages": [TURNS[0], TURNS[1] | {"reasoning_content": "Hm."}]},
            Format.CHAT,
            ("messages[].reasoning_content",),
        ),
    ],
)
def test_a_column_that_a_model_would_miss_is_named(
    values: dict[str, Any], format: Format, expected: tuple[str, ...]
) -> None:
    assert unread(values, format) == expected


@pytest.mark.parametrize(
    ("values", "format"),
    [
        (PAIR | {"id": "a1", "score": 0.5, "url": "https://example.org/" + "x" * 60, "ok": True}, None),
        (PAIR | {"meta": {"about": PROSE}, "source": PROSE, "title": PROSE, "category": "closed qa"}, None),
        (PAIR | {"text": f"Below is a task.\n### Task:\n{PAIR['prompt']}\n### Answer:\n{PAIR['completion']}"}, None),
        (PAIR | {"label": 3, "input": "", "system": None, "group": "book 7", "labels.topic": "art"}, None),
        ({"messages": [TURNS[0] | {"id": "m1", "timestamp": 12}, TURNS[1]], "prompt": "Name a colour."}, Format.CHAT),
        (
            {
                "prompt": "Name a colour.",
                "messages": TURNS[:1],
                "chosen": TURNS[1:],
                "rejected": "x",
                "score_chosen": 9,
            },
            Format.PREFERENCE,
        ),
        ({"instruction": "A?", "context": "Of this.", "response": "B.", "category": "qa"}, Format.ALPACA),
    ],
)
def test_a_column_that_only_describes_its_row_is_not_named(values: dict[str, Any], format: Format | None) -> None:
    assert unread(values, format or Format.PROMPT_COMPLETION) == ()


def test_a_mapped_column_and_a_path_into_one_are_read() -> None:
    values = {"ask": "Name a colour.", "answers": [{"text": "Red."}, {"text": PROSE}], "hint": PROSE}
    columns = {"instruction": "ask", "response": "answers.0.text", "labels.hint": "hint"}
    assert unread(values, Format.ALPACA, columns) == ()


@pytest.mark.sqlite
def test_preview_and_report_name_what_was_not_read(workspace: Workspace, tmp_path: Path) -> None:
    for name in ("a", "b"):
        row = {"question": f"{name}?", "answer": "Yes.", "why": PROSE, "id": 7}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row))
    field_map = FieldMap(columns={"instruction": "question", "response": "answer"})
    assert preview(tmp_path / "a.jsonl", field_map=field_map).unread == ("why",)
    report = import_file(workspace, tmp_path, actor="me", field_map=field_map)
    assert report.unread == ("why",)
    assert [part.unread for part in report.parts] == [("why",), ("why",)]
