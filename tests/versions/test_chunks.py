"""Chunks: dividing a version into files, and its work into ranges and processes, changes nothing of what it says."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from curator import Workspace, versions
from curator.ingest import import_file
from curator.store import projects, records
from curator.versions import chunks, gathering
from schemas.annotation import RecordState
from schemas.version import ExportFormat, FileHash, FrozenRow, Split, Version

freezing = importlib.import_module("curator.versions.freeze")
verifying = importlib.import_module("curator.versions.verify")


@pytest.fixture
def stocked(workspace: Workspace, tmp_path: Path) -> Workspace:
    """300 accepted records with groups and labels, some edited, some of which came in twice."""
    rows = [
        {"instruction": f"Name {n} and {n * n}.", "output": f"Both: {n}.", "number": n % 7}
        | ({"group": f"g{n % 40}"} if n % 3 else {})
        for n in range(300)
    ]
    for name, some in (("a", rows), ("b", rows[::5])):
        file = tmp_path / f"{name}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in some))
        import_file(workspace, file, actor="me", accept=True)
    with workspace.write() as connection:
        for stored in records.page(connection, projects.by_name(connection).id, limit=300)[::30]:
            same = stored.content.with_response("Edited.").model_copy(update={"labels": {"topic": stored.id}})
            records.set_state(connection, stored, RecordState.ACCEPTED, final=same)
    return workspace


def divide_finely(monkeypatch: pytest.MonkeyPatch, *, ranges: int, chunk: int) -> None:
    """Have ranges and chunks of so many rows, so that a few rows become what a million do."""
    monkeypatch.setattr(gathering, "_ROWS_PER_RANGE", ranges)
    monkeypatch.setattr(chunks, "_UNDIVIDED", chunk)
    monkeypatch.setattr(chunks, "_ROWS", chunk)


def said(
    workspace: Workspace, version: Version, folder: Path
) -> tuple[list[FrozenRow], list[dict[str, Any]], dict[str, tuple[FileHash, ...]]]:
    """Everything that a version says: rows with arrivals, and exports."""
    formats = (ExportFormat.TRL, ExportFormat.HF, ExportFormat.CSV)
    exports = {
        format.value: versions.export(workspace, version.id, format=format, out=folder / format, actor="me").files
        for format in formats
    }
    versions.export(workspace, version.id, format=ExportFormat.PARQUET, out=folder / "parquet", actor="me")
    tables = [pq.read_table(folder / "parquet" / f"{split.value}.parquet") for split in Split]
    exported = [row for table in tables for row in table.to_pylist()]  # the row groups are those of the version
    return list(versions.rows(workspace, version.id)), exported, exports


@pytest.mark.parametrize(("ranges", "chunk"), [(20, 1_000), (1_000, 8), (20, 8), (100, 40)])
def test_files_and_ranges_of_any_size_hold_the_same_version(
    stocked: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ranges: int, chunk: int
) -> None:
    plain = versions.freeze(stocked, actor="me")
    expected = said(stocked, plain, tmp_path / "plain")
    before = (stocked.versions_folder / plain.id / "train.parquet").read_bytes()
    (stocked.versions_folder / plain.id / "train.parquet").unlink()
    divide_finely(monkeypatch, ranges=ranges, chunk=chunk)
    divided = versions.freeze(stocked, actor="me")
    assert divided.id == plain.id
    assert versions.verify(stocked, divided.id).problems == ()
    found = said(stocked, divided, tmp_path / "divided")
    assert found == expected
    is_divided = (stocked.versions_folder / divided.id / "train" / "000.parquet").exists()
    assert is_divided is (chunk < 100)
    if not is_divided:
        assert (stocked.versions_folder / divided.id / "train.parquet").read_bytes() == before


@pytest.mark.sqlite
def test_a_changed_row_of_a_divided_version_is_named(stocked: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    divide_finely(monkeypatch, ranges=50, chunk=10)
    version = versions.freeze(stocked, actor="me")
    [one, other] = sorted((stocked.versions_folder / version.id / "train").glob("*.parquet"))[:2]
    one.unlink()
    other.rename(one)
    problems = " ".join(versions.verify(stocked, version.id).problems)
    assert "File train/000.parquet is not the one that was frozen" in problems
    assert "File train/001.parquet is missing" in problems
    assert "The train split cannot be read" in problems
    assert f"The rows do not give the id {version.id}." in problems


@pytest.mark.sqlite
@pytest.mark.slow
def test_processes_write_and_check_what_one_process_does(
    stocked: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    divide_finely(monkeypatch, ranges=50, chunk=20)
    alone = versions.freeze(stocked, actor="me")
    expected = said(stocked, alone, tmp_path / "alone")
    (stocked.versions_folder / alone.id / "manifest.json").unlink()
    monkeypatch.setattr(freezing, "_WORTH_PROCESSES", 0)
    monkeypatch.setattr(verifying, "_WORTH_PROCESSES", 0)
    together = versions.freeze(stocked, actor="me")
    assert together.id == alone.id
    assert versions.verify(stocked, together.id).ok
    assert said(stocked, together, tmp_path / "together") == expected
    assert not list(stocked.folder.glob(".freezing-*"))
