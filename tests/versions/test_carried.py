"""Carried: a freeze that goes on from the last one writes what one that reads everything writes."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from curator import Workspace, open_workspace, versions
from curator.errors import VersionError
from curator.ingest import import_file, recent_imports, undo_import
from curator.review import add_suite
from curator.store import projects, records
from curator.versions import chunks, gathering
from schemas.annotation import RecordState
from schemas.record import Record
from schemas.version import MergedSplits, SplitPlan, Version
from tests.conftest import make_record

pytestmark = pytest.mark.sqlite


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def bring(workspace: Workspace, folder: Path, draw: random.Random, count: int) -> None:
    """Import rows, some of which came before."""
    rows = [draw.randrange(400) for _ in range(count)]
    file = folder / f"{draw.randrange(10**9)}.jsonl"
    file.write_text(
        "".join(
            json.dumps(
                {"instruction": f"Name {n // 2} and {n * n} in words{'.' * (n % 2)}", "output": f"Both: {n}."}
                | ({"group": f"g{n % 90}"} if n % 3 == 0 else {})
                | ({"labels": {"kind": "ab"[n % 2]}} if n % 5 == 0 else {})
            )
            + "\n"
            for n in rows
        )
    )
    import_file(workspace, file, actor="me", accept=True)


def edit(workspace: Workspace, draw: random.Random, change: Callable[[Record], Record | None]) -> None:
    with workspace.write() as connection:
        some = records.page(connection, projects.by_name(connection).id, limit=1000, state=RecordState.ACCEPTED)
        for stored in draw.sample(some, min(4, len(some))):
            records.set_state(connection, stored, RecordState.ACCEPTED, final=change(stored.content))


def undo(workspace: Workspace, draw: random.Random) -> None:
    *later, _ = recent_imports(workspace)
    standing = [each.id for each in later if each.undone_at is None]
    if standing:
        undo_import(workspace, draw.choice(standing), actor="me")


def step(workspace: Workspace, folder: Path, draw: random.Random, n: int) -> None:
    """One of the things that people do between two freezes."""
    acts: list[Callable[[], object]] = [
        lambda: bring(workspace, folder, draw, 12),
        lambda: edit(workspace, draw, lambda content: content.with_response(f"Edited {draw.randrange(9)}.")),
        lambda: edit(workspace, draw, lambda content: content),  # taken back
        lambda: edit(workspace, draw, lambda content: make_record(f"Asked anew {n}?", group=f"g{draw.randrange(90)}")),
        lambda: edit(workspace, draw, lambda content: content.model_copy(update={"labels": {"kind": "c"}})),
        lambda: undo(workspace, draw),
        lambda: bring(workspace, folder, draw, 60),
    ]  # fmt: skip
    for act in draw.sample(acts, 2):
        act()
    if n == 3:
        suite = folder / "suite.jsonl"
        suite.write_text(json.dumps({"id": "1", "prompt": "Name 7 and 196 in words"}) + "\n")
        add_suite(workspace, suite, actor="me")


def freeze(workspace: Workspace) -> Version:
    return versions.freeze(workspace, actor="me", merged_splits=MergedSplits.OLDEST)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_what_is_carried_changes_nothing_of_what_is_written(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(gathering, "_ROWS_PER_RANGE", 100)
    monkeypatch.setattr(chunks, "_UNDIVIDED", 20)
    monkeypatch.setattr(chunks, "_ROWS", 20)
    draw = random.Random(seed)
    bring(workspace, tmp_path, draw, 300)
    freeze(workspace)
    linked = 0
    for n in range(6):
        step(workspace, tmp_path, draw, n)
        shutil.copytree(workspace.folder, tmp_path / f"afresh {n}", ignore=shutil.ignore_patterns("carried"))
        afresh = open_workspace(tmp_path / f"afresh {n}")
        expected = freeze(afresh)
        version = freeze(workspace)
        assert version.id == expected.id
        folder = workspace.versions_folder / version.id
        assert contents(folder) == contents(afresh.versions_folder / version.id)
        assert versions.verify(workspace, version.id).problems == ()
        linked += sum(file.stat().st_nlink > 1 for file in folder.rglob("*.parquet"))
        afresh.close()
    assert linked > 5


def test_a_damaged_version_is_not_gone_on_from(workspace: Workspace, tmp_path: Path) -> None:
    draw = random.Random(1)
    bring(workspace, tmp_path, draw, 100)
    first = freeze(workspace)
    file = workspace.versions_folder / first.id / "train.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"x")
    bring(workspace, tmp_path, draw, 3)
    second = freeze(workspace)
    assert versions.verify(workspace, second.id).ok
    file.write_bytes(whole)
    assert versions.verify(workspace, second.id).ok  # no file is shared with the damaged one


def test_what_was_carried_and_damaged_is_not_used(workspace: Workspace, tmp_path: Path) -> None:
    draw = random.Random(2)
    bring(workspace, tmp_path, draw, 100)
    freeze(workspace)
    bring(workspace, tmp_path, draw, 3)
    shutil.copytree(workspace.folder, tmp_path / "other")
    other = open_workspace(tmp_path / "other")
    for file in sorted((other.folder / "carried").rglob("*.*")):
        file.write_bytes(file.read_bytes()[:-2] + b"xx")
    assert freeze(other).id == freeze(workspace).id
    other.close()


def test_records_that_come_to_belong_together_are_named_with_their_words(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    words = [f"{n * 7919} {n * 104729} {n * 1299709}" for n in range(1, 61)]
    file.write_text("".join(json.dumps({"instruction": f"Say {each}!", "output": "Yes."}) + "\n" for each in words))
    import_file(workspace, file, actor="me", accept=True)
    first = versions.freeze(workspace, actor="me", plan=SplitPlan(train=0.5, validation=0.25, test=0.25))
    by_split = {row.split: row.record.instruction for row in versions.rows(workspace, first.id)}
    tied = tmp_path / "tied.jsonl"
    tied.write_text(
        "".join(json.dumps({"instruction": text, "output": "No.", "group": "g"}) + "\n" for text in by_split.values())
    )
    import_file(workspace, tied, actor="me", accept=True)
    with pytest.raises(VersionError) as error:
        versions.freeze(workspace, actor="me", plan=SplitPlan(train=0.5, validation=0.25, test=0.25))
    assert all(text in error.value.problem for text in by_split.values())


def test_what_a_killed_freeze_left_behind_is_removed_by_the_next(workspace: Workspace, tmp_path: Path) -> None:
    left = workspace.folder / ".freezing-killed"
    left.mkdir()
    (left / "lock").touch()
    bring(workspace, tmp_path, random.Random(3), 100)
    freeze(workspace)
    assert list(workspace.folder.glob(".freezing-*")) == []
