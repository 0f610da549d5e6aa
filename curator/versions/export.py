"""Exports: a version in the shapes that trainers read, the same bytes every time.

One file per split (for `hf` one folder), rows in the order of their ids, and an `export.json` that names the version
and the hash of every file. Content alone is exported, so the bytes do not depend on where the rows came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from curator import whole
from curator.access import require
from curator.errors import UnsayableError, VersionError
from curator.store import events
from curator.versions import card, columnar, files, tables
from curator.versions.leading_rows import Leaders, find_leaders
from curator.versions.rows import find, manifest, rows
from curator.versions.shapes import ABSENT, SHAPES, TEXT_TOOLS, Shape
from curator.versions.verify import require_intact
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind
from schemas.version import ExportFormat, ExportReport, FileHash, FrozenRow, Split, Version

EXPORT_MANIFEST = "export.json"
_ENDINGS = ("jsonl", "parquet", "csv", "xlsx")


def export(workspace: Workspace, version: str, *, format: ExportFormat, out: Path, actor: str) -> ExportReport:
    """Write a version into the folder `out` in the shape `format`. Returns what was written.

    Raises:
        AccessError: A server would write outside of the workspace's `exports/`.
        UnsayableError: A record cannot be said in this shape.
        VersionError: The version is damaged, the folder holds something else, or it cannot be written.
    """
    require(workspace, actor, Right.CURATE)
    workspace.require_own(out)
    found = find(workspace, version)
    require_intact(workspace, found.id)
    out = out.expanduser().resolve()
    _refuse_other_files(out)
    try:
        with whole.folder(out) as unfinished:
            written = _write(unfinished, workspace, found, format)
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
    ours = {EXPORT_MANIFEST, card.FILE, tables.DATASET_FILE, *(split.value for split in Split)}
    ours |= {f"{split.value}.{ending}" for split in Split for ending in _ENDINGS}
    if names and (EXPORT_MANIFEST not in names or names - ours):
        raise VersionError(
            f"Folder {out} holds other files.", hint="Name an empty folder, or one with an earlier export."
        )


def _write(folder: Path, workspace: Workspace, version: Version, format: ExportFormat) -> list[FileHash]:
    """Write every file of the export but its manifest."""
    splits = [split for split in Split if version.splits[split] > 0]
    if format is ExportFormat.HF:
        stated = manifest(workspace, version.id)
        (folder / card.FILE).write_text(card.write(stated, splits), encoding="utf-8")
        names = [card.FILE, tables.DATASET_FILE]
        tables.write_index(folder, splits)
        for split in splits:
            paths = [content for content, _ in files.paths_of(workspace.versions_folder / version.id, split)]
            batches = tables.frozen_batches(paths) if stated.format > 1 else None
            batches = batches or tables.batches_of(rows(workspace, version.id, split=split))
            names += tables.write_dataset(folder, split, batches, fingerprint=version.id[:16])
        return [files.hash_file(folder / name, name=name) for name in names]
    return [_write_split(folder, workspace, version.id, split=split, format=format) for split in splits]


def _write_split(folder: Path, workspace: Workspace, version: str, *, split: Split, format: ExportFormat) -> FileHash:
    name = f"{split.value}.{'jsonl' if format in SHAPES else format.value}"
    file = folder / name
    if format is ExportFormat.PARQUET:
        paths = [content for content, _ in files.paths_of(workspace.versions_folder / version, split)]
        tables.write_parquet(file, paths)
    elif format is ExportFormat.CSV:
        _by_name(tables.write_csv, file, rows(workspace, version, split=split))
    elif format is ExportFormat.XLSX:
        _by_name(tables.write_workbook, file, rows(workspace, version, split=split))
    else:
        _write_lines(file, workspace, version, split=split, format=format)
    return files.hash_file(file, name=name)


def _by_name(write: Callable[[Path, Iterable[FrozenRow]], None], file: Path, frozen: Iterator[FrozenRow]) -> None:
    """Write rows, and name the one that cannot be written."""
    last: list[FrozenRow] = []

    def watched() -> Iterator[FrozenRow]:
        for row in frozen:
            last[:] = [row]
            yield row

    try:
        write(file, watched())
    except ValueError as error:
        raise _unsayable(last[0], error) from error


def _write_lines(file: Path, workspace: Workspace, version: str, *, split: Split, format: ExportFormat) -> None:
    """Every row has every key, and rows that show a key or type first lead the file, see `leaders`."""
    if format is ExportFormat.TRL and manifest(workspace, version).format > 1:
        paths = [content for content, _ in files.paths_of(workspace.versions_folder / version, split)]
        if columnar.write_trl(file, paths):
            return
    shape = SHAPES[format]

    def shaped() -> Iterator[tuple[str, dict[str, Any]]]:
        return ((row.row_id, _value(row, shape)) for row in rows(workspace, version, split=split))

    is_uniform = format is ExportFormat.TRL
    leaders = Leaders(("prompt", "completion"), {}) if is_uniform else find_leaders(shaped())
    absent = ABSENT | ({"tools": "null"} if format in TEXT_TOOLS else {})
    others = (value for row_id, value in shaped() if row_id not in leaders.rows)
    with file.open("wb") as stream:
        for value in chain(leaders.rows.values(), others):
            complete = {key: value.get(key, absent.get(key)) for key in leaders.keys}
            stream.write(orjson.dumps(complete, option=orjson.OPT_APPEND_NEWLINE))


def _value(row: FrozenRow, shape: Shape) -> dict[str, Any]:
    try:
        return shape(row.record)
    except ValueError as error:
        raise _unsayable(row, error) from error


def _unsayable(row: FrozenRow, error: ValueError) -> UnsayableError:
    origin = row.record.origin
    return UnsayableError(
        f"Record {row.row_id} ({origin.source}, line {origin.line}) {error}.",
        hint="Export as parquet, hf or csv, which hold every record; openai holds any conversation.",
    )
