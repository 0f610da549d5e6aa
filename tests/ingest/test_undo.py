"""Undone imports leave nothing in force: what stands is what the other imports alone would have brought."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import Connection, select

from curator import Workspace
from curator.annotate import answers, queue
from curator.errors import StoreError
from curator.ingest import blocks, import_file, undo_import
from curator.store import projects, records, tallies
from curator.store.tables import slot
from schemas.annotation import Answer, RecordState
from schemas.importing import FieldMap, ImportReport
from schemas.record import Message, Origin, Record
from schemas.tally import records_in

ONE = {"instruction": "Add 1.", "output": "1", "book": "b1", "customer": "c1"}
TWO = {"instruction": "Add 2.", "output": "2", "book": "b2", "customer": "c2"}


def write(folder: Path, name: str, *rows: dict[str, str]) -> Path:
    file = folder / name
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def bring(workspace: Workspace, file: Path, *, accept: bool = True, **columns: str) -> ImportReport:
    return import_file(workspace, file, actor="lea", field_map=FieldMap(columns=columns), accept=accept)


class Standing(NamedTuple):
    """A record as it stands: its state, what is said about it, and where from."""

    state: RecordState
    slots: int
    arrivals: set[tuple[str, int | None, str | None]]


def standing(workspace: Workspace) -> dict[str, Standing]:
    """Every record by its instruction."""
    with workspace.read() as connection:
        stored = records.page(connection, 1, limit=1_000)
        totals = tallies.totals(connection, 1)
        slots = {each.id: len(slots_of(connection, each.id)) for each in stored}
    for state in RecordState:
        assert totals.get(records_in(state), 0) == sum(each.state is state for each in stored)
    return {
        each.content.instruction: Standing(
            each.state,
            slots[each.id],
            {(arrival.origin.source, arrival.origin.line, arrival.group) for arrival in each.content.arrivals},
        )
        for each in stored
    }


def slots_of(connection: Connection, record_id: str) -> list[int]:
    query = select(slot.c.n).where(slot.c.record_id == record_id, slot.c.state == "open")
    return list(connection.execute(query).scalars())


def groups(workspace: Workspace, instruction: str = "Add 1.") -> set[str | None]:
    return {group for _, _, group in standing(workspace)[instruction].arrivals}


def test_a_record_stays_when_only_one_of_the_imports_that_brought_it_is_undone(
    workspace: Workspace, tmp_path: Path
) -> None:
    bring(workspace, write(tmp_path, "a.jsonl", ONE, TWO), group="book")
    assert bring(workspace, write(tmp_path, "b.jsonl", ONE), group="customer").duplicates == 1
    report = undo_import(workspace, 1, actor="lea")
    assert (report.removed, report.shared, report.kept) == (1, 1, ())
    assert standing(workspace) == {"Add 1.": Standing(RecordState.ACCEPTED, 0, {("b.jsonl", 1, "c1")})}
    assert undo_import(workspace, 2, actor="lea").removed == 1
    assert standing(workspace) == {}


def test_what_an_undone_import_said_about_a_known_record_is_taken_back(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, write(tmp_path, "a.jsonl", ONE))
    bring(workspace, write(tmp_path, "b.jsonl", ONE), group="book")
    assert groups(workspace) == {None, "b1"}
    undo_import(workspace, 2, actor="lea")
    assert groups(workspace) == {None}


def test_a_file_imported_again_with_another_mapping_says_what_the_mapping_names(
    workspace: Workspace, tmp_path: Path
) -> None:
    file = write(tmp_path, "a.jsonl", ONE)
    bring(workspace, file)
    bring(workspace, file, group="book")
    bring(workspace, file.rename(tmp_path / "renamed.jsonl"))
    wanted = {("a.jsonl", 1, None), ("a.jsonl", 1, "b1"), ("renamed.jsonl", 1, None)}
    assert standing(workspace)["Add 1."].arrivals == wanted


def test_a_record_that_was_worked_on_keeps_its_answer_when_its_import_is_undone(
    workspace: Workspace, tmp_path: Path
) -> None:
    bring(workspace, write(tmp_path, "a.jsonl", ONE, TWO), accept=False, group="book")
    for _ in range(2):
        task = queue.next_task(workspace, "Ada", project_id=1)
        assert task is not None
        answers.submit(workspace, task.claim, Answer(response="3", rating=4), annotator="Ada")
    bring(workspace, write(tmp_path, "b.jsonl", ONE), group="customer")
    report = undo_import(workspace, 1, actor="lea")
    assert (report.removed, report.shared, len(report.kept)) == (0, 1, 1)
    assert {each.state for each in standing(workspace).values()} == {RecordState.ACCEPTED}
    assert groups(workspace) == {"c1"}, "the other import brought it too"
    assert bring(workspace, write(tmp_path, "c.jsonl", TWO, TWO)).duplicates == 2
    assert standing(workspace)["Add 2."].arrivals == {("c.jsonl", 1, None), ("c.jsonl", 2, None)}
    with workspace.read() as connection:
        finals = [each.final.response for each in records.page(connection, 1, state=RecordState.ACCEPTED) if each.final]
    assert finals == ["3", "3"]


def test_what_stands_does_not_depend_on_imports_that_were_undone(
    workspace: Workspace, tmp_path: Path, another_workspace: Callable[[str], Workspace]
) -> None:
    """Whatever was imported and undone before, only the imports that stand count, in their order."""
    files = [
        write(tmp_path, "a.jsonl", ONE, TWO, ONE | {"book": "b3"}),
        write(tmp_path, "b.jsonl", TWO | {"book": "b4"}, TWO),
        write(tmp_path, "c.jsonl", ONE),
    ]
    draw = random.Random(11)
    imports: list[tuple[Path, bool, str]] = []
    undone: set[int] = set()
    for step in range(40):
        left = [n for n in range(len(imports)) if n not in undone]
        if left and draw.random() < 0.45:
            gone = draw.choice(left)
            undo_import(workspace, gone + 1, actor="lea")
            undone.add(gone)
        else:
            imports.append((draw.choice(files), draw.random() < 0.5, draw.choice(["book", "customer"])))
            file, accept, column = imports[-1]
            bring(workspace, file, accept=accept, group=column)
        if step % 5 == 4:
            fresh = another_workspace(f"fresh-{step}")
            for n, (file, accept, column) in enumerate(imports):
                if n not in undone:
                    bring(fresh, file, accept=accept, group=column)
            assert standing(workspace) == standing(fresh), (imports, undone)


def test_an_import_that_is_undone_while_it_is_read_stops(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "_BLOCK_ROWS", 2)
    file = tmp_path / "rows.csv"
    file.write_text("prompt,completion\n" + "".join(f"Add {n}.,{n}\n" for n in range(10)))

    def undo(read: int) -> None:
        if read == 2:
            undo_import(workspace, 1, actor="lea")

    with pytest.raises(StoreError, match="was undone while it was read"):
        import_file(workspace, file, actor="lea", on_progress=undo)
    assert standing(workspace) == {}
    assert import_file(workspace, file, actor="lea").imported == 10


def test_a_correction_that_equals_an_undone_record_is_stored(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, write(tmp_path, "a.jsonl", ONE))
    undo_import(workspace, 1, actor="lea")
    said = (Message(role="user", content="Add 1."), Message(role="assistant", content="1"))
    corrected = Record(messages=said, origin=Origin(source="review"))
    with workspace.write() as connection:
        project = projects.by_name(connection)
        ids = records.add_many(connection, [corrected, corrected], project=project, at=workspace.clock(), priority=5)
    assert ids[0] is not None
    assert ids[1] is None
    assert standing(workspace) == {"Add 1.": Standing(RecordState.WAITING, 1, {("review", None, None)})}


def test_an_import_that_was_cut_short_and_finished_by_another_is_undone_with_that(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "_BLOCK_ROWS", 2)
    file = tmp_path / "rows.csv"
    file.write_text("prompt,completion\n" + "".join(f"Add {n}.,{n}\n" for n in range(10)))

    def stop(read: int) -> None:
        if read == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_file(workspace, file, actor="lea", on_progress=stop)
    report = import_file(workspace, file, actor="lea", accept=True)
    assert (report.imported, report.duplicates) == (6, 4)
    assert all(len(each.arrivals) == 1 for each in standing(workspace).values())
    assert undo_import(workspace, 1, actor="lea").shared == 4
    assert {each.state for each in standing(workspace).values()} == {RecordState.ACCEPTED}
    assert undo_import(workspace, 2, actor="lea").removed == 10
    assert standing(workspace) == {}


def test_rows_that_wait_already_are_counted_when_a_trusted_file_brings_them(
    workspace: Workspace, tmp_path: Path
) -> None:
    bring(workspace, write(tmp_path, "a.jsonl", ONE), accept=False)
    report = bring(workspace, write(tmp_path, "b.jsonl", ONE, ONE, TWO))
    assert (report.imported, report.duplicates, report.still_waiting) == (1, 2, 1)
    assert standing(workspace)["Add 1."].state is RecordState.WAITING
    undo_import(workspace, 1, actor="lea")
    assert {each.state for each in standing(workspace).values()} == {RecordState.ACCEPTED}
    assert standing(workspace)["Add 1."].slots == 0
