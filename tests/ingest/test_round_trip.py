"""Round trips: what an export wrote comes back as the same content, in every format that can say it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from curator import Workspace, versions
from curator.ingest import import_file
from curator.quality.fingerprint import content_hash
from curator.store import projects, records
from schemas.record import Message, Origin, Record
from schemas.version import ExportFormat

TOOL = {"type": "function", "function": {"name": "sky", "parameters": {"type": "object", "properties": {}, "n": -0.0}}}
ODD = "=1+1 \u2028 é e\u0301 😀 \t\r\n 'x' \"y\" \\ NULL ,;|"


def talk(*turns: tuple[str, str], **more: Any) -> Record:
    return Record(
        messages=tuple(Message(role=role, content=text) for role, text in turns), origin=Origin(source="a"), **more
    )


def pairs(kind: str) -> Iterator[Record]:
    """Records that a format can say: plain ones, conversations, calls of tools, pairs or verdicts."""
    texts = [f"Ask {n}." for n in range(12)]
    answers = [ODD, "=cmd", "+1", "-1", "@x", "'=quoted", "''", "5", "null", "true", "[1]", " blank "]
    for text, answer in zip(texts, answers, strict=True):
        if kind == "preference":
            worse = (Message(role="assistant", content=f"{answer}!"),)
            yield talk(("user", text), ("assistant", answer), rejected=worse)
        elif kind == "kto":
            yield talk(("user", text), ("assistant", answer), desirable=len(text) % 2 == 0)
        else:
            yield talk(("user", text), ("assistant", answer))
    if kind in ("talk", "tools"):
        yield talk(("system", ODD), ("user", "a"), ("assistant", "b"), ("user", ODD), ("assistant", "c"))
    if kind == "tools":
        call = {"name": "sky", "arguments": '{"day":1e400,"n":-0.0}'}
        messages = (
            Message(role="user", content="Rain?"),
            Message(role="assistant", tool_calls=(call,)),  # type: ignore[arg-type]
            Message(role="tool", content="yes"),
            Message(role="assistant", content="It rains."),
        )
        yield Record(messages=messages, tools=(json.dumps(TOOL),), origin=Origin(source="a"))


@pytest.mark.parametrize(
    ("format", "kinds"),
    [
        (ExportFormat.TRL, ["plain"]),
        (ExportFormat.TRL_CHAT, ["tools"]),
        (ExportFormat.OPENAI, ["tools"]),
        (ExportFormat.ALPACA, ["talk"]),
        (ExportFormat.SHAREGPT, ["tools"]),
        (ExportFormat.PREFERENCE, ["preference"]),
        (ExportFormat.KTO, ["kto"]),
        (ExportFormat.PARQUET, ["tools", "preference", "kto"]),
        (ExportFormat.HF, ["tools", "preference", "kto"]),
        (ExportFormat.CSV, ["tools", "preference", "kto"]),
        (ExportFormat.XLSX, ["tools", "preference", "kto"]),
    ],
)
def test_an_export_comes_back_as_the_same_content(
    tmp_path: Path, another_workspace: Callable[[str], Workspace], format: ExportFormat, kinds: list[str]
) -> None:
    some = [record for kind in kinds for record in pairs(kind)]
    first = another_workspace("first")
    with first.write() as connection:
        records.add_many(connection, some, project=projects.by_name(connection), at=first.clock(), accept=True)
    version = versions.freeze(first, actor="me").id
    versions.export(first, version, format=format, out=tmp_path / "out", actor="me")
    second = another_workspace("second")
    report = import_file(second, tmp_path / "out", actor="me", accept=True)
    assert report.quarantined == 0, report.issues
    assert hashes(second) == {content_hash(record) for record in some}
    assert versions.freeze(second, actor="me").id == version


def hashes(workspace: Workspace) -> set[str]:
    with workspace.read() as connection:
        return {stored.content_hash for stored in records.page(connection, projects.by_name(connection).id, limit=500)}
