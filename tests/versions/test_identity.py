"""Identity: the same accepted content is the same version, with the same bytes, wherever and however it came in."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from curator import Workspace, versions
from curator.ingest import import_file
from curator.quality.fingerprint import content_hash
from curator.store import projects, records
from schemas.annotation import RecordState
from schemas.record import Record
from schemas.version import ExportFormat, SplitPlan
from tests.conftest import make_record

ALL_TRAIN = SplitPlan(train=1, validation=0, test=0)
ROWS = [{"instruction": f"Say {n} in words.", "output": f"Number {n}.", "group": f"g{n % 40}"} for n in range(120)]


def rows_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.glob("*.parquet"))}


def write(file: Path, rows: list[dict[str, str]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_one_content_is_one_version_whatever_the_order_name_and_database(
    workspace: Workspace, another_workspace: Callable[[str], Workspace], tmp_path: Path
) -> None:
    """The other workspace is on SQLite, this one on each of the two databases."""
    import_file(workspace, write(tmp_path / "a.jsonl", ROWS), actor="me", accept=True)
    other = another_workspace("other")
    shuffled = random.Random(1).sample(ROWS, len(ROWS))
    import_file(other, write(tmp_path / "renamed.jsonl", shuffled[:31]), actor="me", accept=True)
    import_file(other, write(tmp_path / "rest.jsonl", shuffled[31:]), actor="me", accept=True)
    one, same = (versions.freeze(each, actor="me") for each in (workspace, other))
    assert one.id == same.id
    assert rows_of(workspace.versions_folder / one.id) == rows_of(other.versions_folder / same.id)
    for format in set(ExportFormat) - {ExportFormat.PREFERENCE, ExportFormat.KTO}:
        exports = [
            versions.export(each, one.id, format=format, out=tmp_path / f"{n} {format}", actor="me")
            for n, each in enumerate((workspace, other))
        ]
        assert exports[0].files == exports[1].files
    assert set(versions.manifest(other, same.id).sources) == {"renamed.jsonl", "rest.jsonl"}


def accept(workspace: Workspace, *items: Record) -> list[str | None]:
    with workspace.write() as connection:
        project = projects.by_name(connection)
        return records.add_many(connection, items, project=project, at=workspace.clock(), accept=True)


def edit(workspace: Workspace, record_id: str, final: Record) -> None:
    with workspace.write() as connection:
        stored = records.get(connection, record_id)
        records.set_state(connection, stored, RecordState.ACCEPTED, final=final)


def test_a_row_is_named_by_its_content(workspace: Workspace) -> None:
    record = make_record()
    accept(workspace, record)
    [row] = versions.rows(workspace, versions.freeze(workspace, actor="me", plan=ALL_TRAIN).id)
    assert (row.row_id, row.row_hash) == (content_hash(record)[:32], content_hash(record))


def test_numbers_are_frozen_as_they_were_written(workspace: Workspace) -> None:
    """PostgreSQL's JSON would turn -0.0 into 0 and round an integer of 70 bits."""
    tool = '{"name":"f","least":-0.0,"id":1180591620717411303424,"most":1e400}'
    accept(workspace, make_record(tools=(tool,), original=b'{"a": -0.0,  "b": 1e400}'))
    [row] = versions.rows(workspace, versions.freeze(workspace, actor="me", plan=ALL_TRAIN).id)
    assert (row.record.tools, row.record.original) == ((tool,), b'{"a": -0.0,  "b": 1e400}')


def test_records_whose_final_content_is_equal_become_one_row_with_both_origins(workspace: Workspace) -> None:
    typo = make_record("Red?", "A coluor.", group="b", licence="MIT", labels={"topic": "b"})
    right = make_record("Red?", "A colour.", group="a", licence="CC0", labels={"topic": "a", "level": "1"})
    ids = accept(workspace, typo, right)
    edit(workspace, str(ids[0]), typo.with_response("A colour."))
    version = versions.freeze(workspace, actor="me", plan=ALL_TRAIN)
    [row] = versions.rows(workspace, version.id)
    assert row.imported_hashes == {content_hash(typo), content_hash(right)}
    assert row.record.groups == ("a", "b")
    assert row.record.labels == {"topic": "a", "level": "1"}
    manifest = versions.manifest(workspace, version.id)
    assert (version.rows, manifest.merged, manifest.licences) == (1, 1, {"MIT": 1, "CC0": 1})
    assert versions.live_records(workspace, version.id, [row]) == {row.row_id: sorted(map(str, ids))}
    assert versions.verify(workspace, version.id).ok


def test_the_groups_of_a_record_that_came_again_tie_its_row(workspace: Workspace) -> None:
    again = {"origin": {"source": "b.jsonl", "line": 2}, "group": "late"}
    accept(workspace, make_record("a?", group="early", also=(again,)), make_record("b?", group="late"))
    accept(workspace, *(make_record(f"{n}?") for n in range(40)))
    rows = list(versions.rows(workspace, versions.freeze(workspace, actor="me").id))
    assert len({row.split for row in rows if "late" in row.record.groups}) == 1


def test_diff_pairs_an_edited_record_with_its_older_row(workspace: Workspace) -> None:
    ids = accept(workspace, *(make_record(f"Question {n}?", f"Answer {n}.") for n in range(5)))
    before = versions.freeze(workspace, actor="me", plan=ALL_TRAIN)
    edit(workspace, str(ids[0]), make_record("Question 0?", "Better."))
    edit(workspace, str(ids[1]), make_record("Question 1?", "Answer 1.", labels={"topic": "new"}))
    accept(workspace, make_record("New?"))
    after = versions.freeze(workspace, actor="me", plan=ALL_TRAIN)
    report = versions.diff(workspace, before.id, after.id)
    assert (report.added, report.removed, report.edited, report.relabelled, report.moved) == (1, 0, 1, 1, 0)
    assert report.examples["edited"] == (content_hash(make_record("Question 0?", "Better."))[:32],)


def test_a_new_label_makes_a_new_version_and_a_new_licence_does_not(workspace: Workspace) -> None:
    [record_id] = accept(workspace, make_record())
    ids = []
    for extra in ({}, {"licence": "MIT"}, {"language": "en"}, {"labels": {"a": "b"}}, {"group": "g"}):
        edit(workspace, str(record_id), make_record(**extra))
        ids.append(versions.freeze(workspace, actor="me", plan=ALL_TRAIN).id)
    assert len(set(ids)) == 3 == len(set(ids[2:]))


@pytest.mark.parametrize("count", [1, 300])
def test_rows_stand_in_the_order_of_their_ids(workspace: Workspace, count: int) -> None:
    accept(workspace, *(make_record(f"Question {n}?") for n in range(count)))
    rows = [row.row_id for row in versions.rows(workspace, versions.freeze(workspace, actor="me", plan=ALL_TRAIN).id)]
    assert rows == sorted(rows)
