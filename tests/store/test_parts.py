"""Parts: what stands in one reads the same, and one that is missing or damaged is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curator import Workspace
from curator.annotate import lookup
from curator.errors import StoreError
from curator.ingest import import_file
from curator.store import parts, records
from curator.store.incoming import incoming
from schemas.record import Record
from tests.conftest import make_record

ROWS = 1_500  # more than one row group


@pytest.fixture
def imported(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A workspace whose records stand in one part."""
    file = tmp_path / "rows.jsonl"
    rows = ({"instruction": f"Question {n}?", "output": f"Grün {n}."} for n in range(ROWS))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    import_file(workspace, file, actor="lea")
    return workspace


def _only_part(workspace: Workspace) -> Path:
    [part] = workspace.records_folder.glob("*.parquet")
    return part


def test_a_record_of_a_part_reads_as_its_row(imported: Workspace) -> None:
    with imported.read() as connection:
        last = records.get(connection, str(ROWS))
    assert last.content.instruction == f"Question {ROWS - 1}?"
    assert last.content.original == b'{"instruction": "Question 1499?", "output": "Gr\\u00fcn 1499."}'
    assert last.content.origin.line == ROWS


@pytest.mark.parametrize(
    "record",
    [make_record(), make_record(group="g", labels={"a": "b"}), make_record("two\nlines", original=b"x,y\nz")],
    ids=["plain", "with labels", "of a CSV row with two lines"],
)
def test_a_text_reads_back_as_it_was_written(record: Record) -> None:
    assert parts.record_of(incoming(record).text) == record


def test_a_part_that_is_missing_or_damaged_is_named(imported: Workspace) -> None:
    part = _only_part(imported)
    whole = part.read_bytes()
    part.write_bytes(whole[: len(whole) // 2])
    with imported.read() as connection, pytest.raises(StoreError, match=part.name):
        records.get(connection, "1")
    part.unlink()
    with imported.read() as connection, pytest.raises(StoreError, match=part.name):
        records.get(connection, "1")


def test_a_file_that_no_row_names_is_swept_by_the_next_import(imported: Workspace, tmp_path: Path) -> None:
    left = imported.records_folder / "00000009-dead-000000.parquet"
    left.write_bytes(b"PAR1")
    with parts.importing(imported.records_folder), imported.write() as connection:
        assert records.sweep(connection) == 0  # an import is under way, whose parts no row names yet
    other = tmp_path / "other.jsonl"
    other.write_text('{"instruction": "New?", "output": "Yes."}\n')
    import_file(imported, other, actor="lea")
    assert not left.exists()
    assert len(list(imported.records_folder.glob("*.parquet"))) == 2


def test_a_number_finds_the_record_with_this_id_and_the_texts_that_hold_it(imported: Workspace) -> None:
    found = [each.id for each in lookup.find(imported, "1499", project_id=1)]
    assert found == ["1499", "1500"]
