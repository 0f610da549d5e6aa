"""Versions: the same content has the same identity, splits share nothing, and damage is found."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator import Workspace, versions
from curator.errors import CuratorError, UnsayableError, VersionError
from curator.ingest import import_file
from curator.quality.fingerprint import content_hash
from curator.review import add_suite
from curator.store import projects, records
from curator.store.parts import record_of
from curator.versions import identity
from schemas.record import Message, Origin, Record
from schemas.version import ExportFormat, FrozenRow, Split, SplitPlan
from tests.conftest import make_record

ALL_TRAIN = SplitPlan(train=1, validation=0, test=0)


def accept(workspace: Workspace, *items: Record) -> None:
    with workspace.write() as connection:
        project = projects.by_name(connection)
        records.add_many(connection, items, project=project, at=workspace.clock(), accept=True)


@pytest.fixture
def accepted(workspace: Workspace) -> Workspace:
    """A workspace with 200 accepted records."""
    accept(workspace, *(make_record(f"Question {n}?", f"Answer {n}.") for n in range(200)))
    return workspace


def test_freezing_twice_gives_one_version_with_the_same_bytes(accepted: Workspace) -> None:
    first = versions.freeze(accepted, actor="me", name="a")
    files = contents(accepted.versions_folder / first.id)
    shutil.rmtree(accepted.versions_folder / first.id)
    second = versions.freeze(accepted, actor="me", name="a")
    assert second == first
    assert contents(accepted.versions_folder / first.id) == files


def test_a_version_without_a_name_takes_the_one_that_it_is_frozen_with_again(accepted: Workspace) -> None:
    unnamed = versions.freeze(accepted, actor="me")
    assert unnamed.name is None
    assert versions.freeze(accepted, actor="me", name="gold") == unnamed.model_copy(update={"name": "gold"})
    assert versions.find(accepted, "gold").id == unnamed.id
    assert versions.verify(accepted, "gold").problems == ()
    assert versions.freeze(accepted, actor="me").name == "gold"
    with pytest.raises(VersionError, match=r"which is called gold\."):
        versions.freeze(accepted, actor="me", name="silver")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path in it."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_version_reads_back_as_it_was_accepted(accepted: Workspace) -> None:
    version = versions.freeze(accepted, actor="me")
    rows = list(versions.rows(accepted, version.id))
    assert version.rows == len(rows) == sum(version.splits.values()) == 200
    assert {row.record for row in map(_hashable, rows)} == {f"Question {n}? Answer {n}." for n in range(200)}
    assert all(content_hash(row.record) == row.row_hash for row in rows)
    assert version.splits[Split.TEST] > 0
    assert versions.verify(accepted, version.id).ok


def _hashable(row: FrozenRow) -> FrozenRow:
    return row._replace(record=f"{row.record.instruction} {row.record.response}")  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.integers(0, 2**128 - 1), st.text(max_size=4)), unique=True, max_size=20), st.randoms())
def test_the_id_depends_on_the_rows_and_not_on_their_order(rows: list[tuple[int, str]], random: object) -> None:
    entries = [identity.Entry(f"{row_id:032x}", content, "t", "train") for row_id, content in rows]
    shuffled = list(entries)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert identity.bucket_hashes(entries) == identity.bucket_hashes(shuffled)


def test_freeze_refuses_what_it_cannot_keep(workspace: Workspace) -> None:
    with pytest.raises(VersionError, match="no accepted record"):
        versions.freeze(workspace, actor="me")
    accept(workspace, make_record())
    with pytest.raises(VersionError, match="No record falls into the split"):
        versions.freeze(workspace, actor="me")
    versions.freeze(workspace, actor="me", name="a", plan=ALL_TRAIN)
    accept(workspace, make_record("Other?", "Yes."))
    with pytest.raises(VersionError, match="Name a belongs to"):
        versions.freeze(workspace, actor="me", name="a", plan=ALL_TRAIN)


def test_a_record_with_a_test_prompt_is_left_out_and_counted(accepted: Workspace, tmp_path: Path) -> None:
    suite = tmp_path / "suite.jsonl"
    suite.write_text(json.dumps({"id": "1", "prompt": "question 7?"}) + "\n")
    assert add_suite(accepted, suite, actor="me").matching_records == 1
    version = versions.freeze(accepted, actor="me")
    assert version.rows == 199
    assert versions.manifest(accepted, version.id).refused_suite_matches == 1
    assert "Question 7?" not in {row.record.instruction for row in versions.rows(accepted, version.id)}


def test_diff_counts_what_changed(accepted: Workspace) -> None:
    before = versions.freeze(accepted, actor="me")
    accept(accepted, make_record("New?", "Yes."), make_record("Newer?", "Yes."))
    after = versions.freeze(accepted, actor="me")
    forth, back = versions.diff(accepted, before.id, after.id), versions.diff(accepted, after.id, before.id)
    assert (forth.added, forth.removed, forth.edited, forth.moved) == (2, 0, 0, 0)
    assert (back.added, back.removed) == (0, 2)


@pytest.mark.parametrize("format", [ExportFormat.TRL, ExportFormat.XLSX, ExportFormat.HF])
def test_an_export_is_the_same_every_time(accepted: Workspace, tmp_path: Path, format: ExportFormat) -> None:
    version = versions.freeze(accepted, actor="me")
    first = versions.export(accepted, version.id, format=format, out=tmp_path / "a", actor="me")
    second = versions.export(accepted, version.id, format=format, out=tmp_path / "b", actor="me")
    again = versions.export(accepted, version.id, format=format, out=tmp_path / "a", actor="me")
    assert first.files == second.files == again.files


def exported(workspace: Workspace, folder: Path, format: ExportFormat) -> list[dict[str, object]]:
    version = versions.freeze(workspace, actor="me", plan=ALL_TRAIN)
    versions.export(workspace, version.id, format=format, out=folder, actor="me")
    return [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]


def test_a_conversation_is_exported_whole_or_refused_by_name(workspace: Workspace, tmp_path: Path) -> None:
    turns = [("system", "Be brief."), ("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]
    messages = tuple(Message(role=role, content=text) for role, text in turns)
    accept(workspace, Record(messages=messages, origin=Origin(source="talk.jsonl", line=3)))
    plain = [{"role": role, "content": text} for role, text in turns]
    assert exported(workspace, tmp_path / "a", ExportFormat.TRL_CHAT) == [
        {"prompt": plain[:-1], "completion": plain[-1:]}
    ]
    weights = [{**m, "weight": int(m["content"] == "d")} if m["role"] == "assistant" else m for m in plain]
    assert exported(workspace, tmp_path / "b", ExportFormat.OPENAI) == [{"messages": weights}]
    assert exported(workspace, tmp_path / "c", ExportFormat.ALPACA) == [
        {"system": "Be brief.", "instruction": "c", "input": "", "output": "d", "history": [["a", "b"]]}
    ]
    with pytest.raises(UnsayableError, match=r"talk\.jsonl, line 3"):
        exported(workspace, tmp_path / "d", ExportFormat.TRL)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "b", "c", "workspace"]  # nothing half-written


def test_openai_weights_read_back_as_they_were_when_every_turn_trains(
    workspace: Workspace, another_workspace: Callable[[str], Workspace], tmp_path: Path
) -> None:
    said = [("user", "a", None), ("assistant", "b", True), ("user", "c", None), ("assistant", "d", True)]
    messages = tuple(Message(role=role, content=text, train=train) for role, text, train in said)
    accept(workspace, Record(messages=messages, origin=Origin(source="talk.jsonl", line=1)))
    [before] = versions.rows(workspace, versions.freeze(workspace, actor="me", plan=ALL_TRAIN).id)
    exported(workspace, tmp_path / "out", ExportFormat.OPENAI)

    other = another_workspace("other")
    import_file(other, tmp_path / "out" / "train.jsonl", actor="me", accept=True)
    [after] = versions.rows(other, versions.freeze(other, actor="me", plan=ALL_TRAIN).id)
    assert after.row_hash == before.row_hash


def test_an_export_does_not_overwrite_what_is_not_its_own(accepted: Workspace, tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    version = versions.freeze(accepted, actor="me")
    with pytest.raises(VersionError, match="holds other files"):
        versions.export(accepted, version.id, format=ExportFormat.TRL, out=tmp_path, actor="me")
    assert (tmp_path / "thesis.docx").read_text() == "years of work"


@pytest.mark.sqlite
@pytest.mark.parametrize("hashes_fit", [False, True])
def test_texts_that_were_changed_in_a_part_are_not_frozen(
    workspace: Workspace, tmp_path: Path, hashes_fit: bool
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps({"prompt": f"Question {n}?", "completion": "Good."}) + "\n" for n in range(5)))
    import_file(workspace, file, actor="me", accept=True)
    [part] = workspace.records_folder.glob("*.parquet")
    table = pq.read_table(part)
    texts = [text.replace("Good.", "Evil.") for text in table.column("text").to_pylist()]
    table = table.set_column(1, table.schema.field("text"), [texts])
    if hashes_fit:
        hashes = [bytes.fromhex(content_hash(record_of(text.encode()))) for text in texts]
        table = table.set_column(0, table.schema.field("content_hash"), [pa.array(hashes, pa.binary(32))])
    pq.write_table(table, part)
    with pytest.raises(CuratorError, match="is not the one that was imported") as error:
        versions.freeze(workspace, actor="me", plan=ALL_TRAIN)
    assert "from a backup" in error.value.hint
    assert list(workspace.versions_folder.glob("*/manifest.json")) == []
