"""Exports: a version in the shapes that trainers read, the same bytes every time.

One file per split, rows ordered by id, and an `export.json` that names the version and the hash of every file.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from curator import whole
from curator.access import require
from curator.errors import UnsayableError, VersionError
from curator.store import events
from curator.versions import files
from curator.versions.rows import find, rows
from curator.versions.verify import require_intact
from curator.workspace import Workspace
from schemas import json_text
from schemas.account import Right
from schemas.event import Kind
from schemas.record import Message, Record
from schemas.version import ExportFormat, ExportReport, FileHash, Split

EXPORT_MANIFEST = "export.json"


def export(workspace: Workspace, version: str, *, format: ExportFormat, out: Path, actor: str) -> ExportReport:
    """Write a version into the folder `out` in the shape `format`.

    Raises:
        UnsayableError: A record cannot be said in this shape.
        VersionError: The folder holds something else, or cannot be written.
    """
    require(workspace, actor, Right.CURATE)
    found = find(workspace, version)
    require_intact(workspace, found.id)
    out = out.expanduser().resolve()
    _refuse_other_files(out)
    written: list[FileHash] = []
    try:
        with whole.folder(out) as unfinished:
            for split in Split:
                if found.splits[split] > 0:
                    written.append(_write_split(unfinished, workspace, found.id, split=split, format=format))
            report = ExportReport(version=found.id, format=format, rows=found.rows, folder=out, files=tuple(written))
            stated = report.model_dump(mode="json", exclude={"folder"})
            (unfinished / EXPORT_MANIFEST).write_bytes(files.canonical_json(stated))
    except OSError as error:
        raise VersionError(
            f"The export cannot be written to {out}: {error}.", hint="Check the space and the rights."
        ) from error
    with workspace.write() as connection:
        detail = {"format": format.value, "folder": str(out), "files": [file.model_dump() for file in written]}
        events.append(connection, Kind.EXPORT, found.id, actor=actor, at=workspace.clock(), detail=detail)
    return report


def _refuse_other_files(out: Path) -> None:
    """An earlier export of ours may be replaced; anything else in the folder is not ours to overwrite."""
    if out.exists() and not out.is_dir():
        raise VersionError(f"{out} is a file.", hint="Name a folder with --out.")
    names = {file.name for file in out.iterdir()} if out.is_dir() else set()
    ours = {EXPORT_MANIFEST, *(f"{split.value}.{ending}" for split in Split for ending in ("jsonl", "parquet"))}
    if names and (EXPORT_MANIFEST not in names or names - ours):
        raise VersionError(
            f"Folder {out} holds other files.", hint="Name an empty folder, or one with an earlier export."
        )


def _write_split(folder: Path, workspace: Workspace, version: str, *, split: Split, format: ExportFormat) -> FileHash:
    if format is ExportFormat.PARQUET:
        file = folder / f"{split.value}.parquet"
        shutil.copyfile(workspace.versions_folder / version / files.split_file(split), file)
    else:
        file = folder / f"{split.value}.jsonl"
        _write_lines(file, workspace, version, split=split, shape=_SHAPES[format])
    return files.hash_file(file, name=file.name)


def _write_lines(
    file: Path, workspace: Workspace, version: str, *, split: Split, shape: Callable[[Record], Any]
) -> None:
    with file.open("wb") as stream:
        for row in rows(workspace, version, split=split):
            try:
                value = shape(row.record)
            except ValueError as error:
                raise UnsayableError(
                    f"Record {row.row_id} ({row.record.origin.source}, line {row.record.origin.line}) {error}.",
                    hint="Export as openai or trl-chat, which hold any conversation.",
                ) from error
            stream.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))


def _plain_message(message: Message) -> dict[str, str]:
    return {"role": message.role, "content": message.content}


def _trl(record: Record) -> dict[str, str]:
    """Prompt and completion as text: TRL puts the loss on the completion."""
    if [message.role for message in record.messages] != ["user", "assistant"]:
        raise ValueError("is more than one instruction with one response, which prompt and completion cannot hold")
    return {"prompt": record.instruction, "completion": record.response}


def _trl_chat(record: Record) -> dict[str, list[dict[str, str]]]:
    """Prompt and completion as messages: TRL applies the chat template and puts the loss on the completion."""
    trained = [n for n, message in enumerate(record.messages) if message.train]
    if trained != [len(record.messages) - 1]:
        raise ValueError("trains on other turns than its last one, which a completion cannot say")
    messages = [_plain_message(message) for message in record.messages]
    return {"prompt": messages[:-1], "completion": messages[-1:]}


def _openai(record: Record) -> dict[str, list[dict[str, Any]]]:
    """Chat messages; every assistant turn says by its weight whether it carries loss.

    OpenAI trains on all assistant turns where no weight is given, Curator on the last one, so none is left out.
    """
    return {
        "messages": [
            _plain_message(m) | ({"weight": int(bool(m.train))} if m.role == "assistant" else {})
            for m in record.messages
        ]
    }


def _alpaca(record: Record) -> dict[str, Any]:
    """Instruction, input and output; system and earlier turns in the fields that trainers read beside them.

    A record that came as Alpaca and whose user text is unchanged gets its own division into instruction and input back.
    """
    messages = list(record.messages)
    value: dict[str, Any] = {}
    if messages[0].role == "system":
        value["system"] = messages.pop(0).content
    roles = [message.role for message in messages]
    if not messages or roles != ["user", "assistant"] * (len(roles) // 2):
        raise ValueError("is no sequence of instructions and responses, which Alpaca cannot hold")
    if any(message.train for message in messages[:-1]):
        raise ValueError("trains on an earlier turn, which Alpaca's history cannot say")
    instruction, given = record.instruction, ""
    original = json_text.loads(record.original.decode()) if record.original is not None else None
    if record.origin.format == "alpaca" and isinstance(original, dict):
        first, second = original.get("instruction"), original.get("input")
        if isinstance(first, str) and isinstance(second, str) and second and f"{first}\n{second}" == instruction:
            instruction, given = first, second
    value |= {"instruction": instruction, "input": given, "output": record.response}
    if len(messages) > 2:
        value["history"] = [[messages[n].content, messages[n + 1].content] for n in range(0, len(messages) - 2, 2)]
    return value


_SHAPES: dict[ExportFormat, Callable[[Record], Any]] = {
    ExportFormat.TRL: _trl,
    ExportFormat.TRL_CHAT: _trl_chat,
    ExportFormat.OPENAI: _openai,
    ExportFormat.ALPACA: _alpaca,
}
