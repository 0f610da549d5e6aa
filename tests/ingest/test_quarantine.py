"""Quarantine as a queue of work: rows are filtered, mended, mapped anew, discarded; imports are undone."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curator import Workspace
from curator.annotate import answers, queue
from curator.errors import IngestError
from curator.ingest import blocks, import_file, quarantine, recent_imports, undo_import
from curator.ingest.quarantine import Chosen
from curator.store import projects, records, tallies
from schemas.annotation import Answer, RecordState
from schemas.importing import FieldMap, Format, WaitingRows
from schemas.record import Record
from schemas.tally import records_in

RIGHT = FieldMap(columns={"instruction": "question", "response": "answer"})
WRONG = FieldMap(columns={"instruction": "question", "response": "nothing"})


def write(folder: Path, name: str, *rows: object) -> Path:
    file = folder / name
    file.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
    return file


def everything(workspace: Workspace) -> list[Record]:
    with workspace.read() as connection:
        return [stored.content for stored in records.page(connection, projects.by_name(connection).id, limit=100)]


def counted(workspace: Workspace, state: RecordState = RecordState.WAITING) -> int:
    with workspace.read() as connection:
        return tallies.totals(connection, 1).get(records_in(state), 0)


def asked(n: int, **more: object) -> dict[str, object]:
    return {"question": f"Add {n}.", "answer": str(n), "nothing": None} | more


@pytest.fixture
def mistaken(workspace: Workspace, tmp_path: Path) -> Path:
    """A file that was imported with the wrong mapping: all of its rows wait."""
    file = write(tmp_path, "sums.jsonl", *(asked(n) for n in range(5)), asked(5, answer=" "))
    report = import_file(workspace, file, actor="Lea", field_map=WRONG)
    assert (report.imported, report.quarantined) == (0, 6)
    return file


def test_rows_are_counted_and_chosen_by_file_and_rule(workspace: Workspace, tmp_path: Path, mistaken: Path) -> None:
    write(tmp_path, "other.jsonl", {"prompt": "a", "completion": "b"}, "{broken\n", {"prompt": "a"})
    import_file(workspace, tmp_path / "other.jsonl", actor="Lea")
    assert quarantine.waiting_by_rule(workspace) == [
        WaitingRows(file_name="sums.jsonl", rule="missing-field", rows=6),
        WaitingRows(file_name="other.jsonl", rule="missing-field", rows=1),
        WaitingRows(file_name="other.jsonl", rule="unreadable-json", rows=1),
    ]
    chosen = Chosen(rule="missing-field", file_name="other.jsonl")
    [row] = quarantine.waiting(workspace, chosen=chosen)
    assert quarantine.waiting(workspace, chosen=Chosen(rows=[row.id])) == [row]
    assert quarantine.export(workspace, tmp_path / "out.jsonl", chosen=chosen) == 1


def test_rows_of_a_wrong_mapping_come_in_with_another(workspace: Workspace, mistaken: Path) -> None:
    assert quarantine.retry(workspace, actor="Lea").imported == 0, "their own mapping is still wrong"
    with pytest.raises(IngestError, match="Do you mean answer"):
        wrong = FieldMap(columns={"instruction": "question", "response": "anser"})
        quarantine.retry(workspace, actor="Lea", field_map=wrong)
    report = quarantine.retry(workspace, actor="Lea", field_map=RIGHT)
    assert (report.rows, report.imported, report.still_failing) == (6, 5, 1)
    assert [row.issue.line for row in quarantine.waiting(workspace)] == [6]
    assert len(everything(workspace)) == 5


def test_a_row_that_comes_in_with_a_later_import_no_longer_waits(workspace: Workspace, mistaken: Path) -> None:
    report = import_file(workspace, mistaken, actor="Lea", field_map=RIGHT)
    assert (report.imported, report.quarantined) == (5, 1)
    [row] = quarantine.waiting(workspace)
    assert (row.issue.line, row.issue.rule) == (6, "empty-response"), "it waits with its newer reason"
    fixed = json.dumps(asked(5, answer="5"))
    assert quarantine.retry(workspace, actor="Lea", texts={row.id: fixed}).imported == 1, "and its newer mapping"


def test_discarded_rows_wait_no_longer_and_say_why(workspace: Workspace, mistaken: Path) -> None:
    with pytest.raises(IngestError, match="with a reason"):
        quarantine.discard(workspace, actor="Lea", reason=" ")
    assert quarantine.discard(workspace, actor="Lea", reason="Test data.", chosen=Chosen(rule="no-such")) == 0
    assert quarantine.discard(workspace, actor="Lea", reason="Test data.") == 6
    assert quarantine.waiting(workspace) == []
    assert import_file(workspace, mistaken, actor="Lea", field_map=WRONG).quarantined == 6
    assert quarantine.waiting(workspace) == [], "what a lead discarded does not wait again"


def test_a_csv_row_with_semicolons_is_mended_under_its_own_delimiter(workspace: Workspace, tmp_path: Path) -> None:
    file = write(tmp_path, "a.csv", "prompt;completion\n", "one;two;three\n", "Add 1, 1;2\n")
    import_file(workspace, file, actor="Lea")
    [row] = quarantine.waiting(workspace)
    assert quarantine.retry(workspace, actor="Lea", texts={row.id: "one, two;three"}).imported == 1
    assert {record.instruction for record in everything(workspace)} == {"Add 1, 1", "one, two"}


def test_an_import_is_undone_but_for_records_that_were_worked_on(workspace: Workspace, tmp_path: Path) -> None:
    file = write(tmp_path, "sums.jsonl", *(asked(n) for n in range(4)), asked(9, answer=""))
    import_file(workspace, file, actor="Lea", field_map=RIGHT)
    answered = queue.next_task(workspace, "Ada", project_id=1)
    answers.submit(workspace, answered.claim, Answer(response="x", rating=4), annotator="Ada")
    held = queue.next_task(workspace, "Ben", project_id=1)
    [batch] = recent_imports(workspace, project_id=1)
    report = undo_import(workspace, batch.id, actor="Lea")
    assert (report.removed, report.quarantined) == (2, 1)
    assert set(report.kept) == {answered.claim.record_id, held.claim.record_id}
    assert len(everything(workspace)) == 2
    assert counted(workspace) == 1, "the record that is held still waits"
    assert quarantine.waiting(workspace) == []
    answers.submit(workspace, held.claim, Answer(response="y", rating=4), annotator="Ben")
    assert queue.next_task(workspace, "Ada", project_id=1) is None, "nothing of it is offered any more"
    with pytest.raises(IngestError, match="was undone before"):
        undo_import(workspace, batch.id, actor="Lea")
    with pytest.raises(IngestError, match="no import 99"):
        undo_import(workspace, 99, actor="Lea")


@pytest.mark.parametrize("accept", [False, True])
def test_what_was_undone_comes_back_with_its_next_import(workspace: Workspace, tmp_path: Path, accept: bool) -> None:
    file = write(tmp_path, "sums.jsonl", *(asked(n) for n in range(3)), asked(9, answer=""))
    import_file(workspace, file, actor="Lea", field_map=RIGHT, accept=accept)
    [batch] = recent_imports(workspace, project_id=1)
    assert undo_import(workspace, batch.id, actor="Lea").removed == 3
    again = import_file(workspace, file, actor="Lea", field_map=RIGHT)
    assert (again.imported, again.duplicates, again.quarantined) == (3, 0, 1)
    assert len(quarantine.waiting(workspace)) == 1
    assert (counted(workspace), counted(workspace, RecordState.ACCEPTED)) == (3, 0)
    assert queue.next_task(workspace, "Ada", project_id=1) is not None
    assert import_file(workspace, file, actor="Lea", field_map=RIGHT).duplicates == 3


def test_a_mended_row_brings_an_undone_record_back(workspace: Workspace, tmp_path: Path) -> None:
    import_file(workspace, write(tmp_path, "a.jsonl", asked(1)), actor="Lea", field_map=RIGHT)
    [batch] = recent_imports(workspace, project_id=1)
    undo_import(workspace, batch.id, actor="Lea")
    import_file(workspace, write(tmp_path, "b.jsonl", asked(2), asked(1, answer="")), actor="Lea", field_map=RIGHT)
    [row] = quarantine.waiting(workspace)
    assert quarantine.retry(workspace, actor="Lea", texts={row.id: json.dumps(asked(1))}).imported == 1
    assert len(everything(workspace)) == 2


def test_a_row_that_could_not_be_kept_word_for_word_waits_until_it_is_corrected(
    workspace: Workspace, tmp_path: Path
) -> None:
    file = tmp_path / "latin.csv"
    head = b"prompt,completion\nAdd 1.,1\n"
    file.write_bytes(head + "Was ist ein Café?,Ein Café.\n".encode("latin-1") + b"Add 2.,A\x00B\n")
    table = pa.table({"prompt": pa.array([b"Caf\xe9"], pa.binary()).view(pa.string()), "completion": ["Two."]})
    pq.write_table(table, tmp_path / "latin.parquet")
    book = openpyxl.Workbook()
    for cells in (("prompt", "completion"), ("Add 3.", "3", "left out")):
        book.active.append(cells)
    book.save(tmp_path / "book.xlsx")
    for name in ("latin.csv", "latin.parquet", "book.xlsx"):
        import_file(workspace, tmp_path / name, actor="Lea", format=Format.PROMPT_COMPLETION)
    before = quarantine.waiting(workspace)
    assert [row.issue.rule for row in before] == ["not-utf8", "unstorable-text", "not-utf8", "field-count"]
    as_they_are = {row.id: row.issue.text for row in before}
    for texts in (None, as_they_are):
        report = quarantine.retry(workspace, actor="Lea", texts=texts)
        assert (report.imported, report.still_failing) == (0, 4)
        assert [issue.rule for issue in report.issues] == [row.issue.rule for row in before]
    corrected = {before[0].id: "Was ist ein Café?,Ein Café."}
    assert quarantine.retry(workspace, actor="Lea", texts=corrected).imported == 1
    assert {record.instruction for record in everything(workspace)} == {"Add 1.", "Was ist ein Café?"}


def test_a_row_waits_again_when_the_import_with_which_it_came_in_is_undone(
    workspace: Workspace, mistaken: Path
) -> None:
    import_file(workspace, mistaken, actor="Lea", field_map=RIGHT)
    report = undo_import(workspace, 2, actor="Lea")
    assert (report.removed, report.quarantined, report.reopened) == (5, 1, 5)
    assert [row.issue.line for row in quarantine.waiting(workspace)] == [1, 2, 3, 4, 5]
    assert import_file(workspace, mistaken, actor="Lea", field_map=WRONG).quarantined == 6
    assert [row.issue.line for row in quarantine.waiting(workspace)] == [1, 2, 3, 4, 5, 6]
    import_file(workspace, mistaken, actor="Lea", field_map=RIGHT)
    assert undo_import(workspace, 3, actor="Lea").reopened == 0
    assert undo_import(workspace, 4, actor="Lea").reopened == 0
    assert quarantine.waiting(workspace) == [], "every import that failed on them is undone too"


def test_a_corrected_row_waits_again_when_its_import_was_undone_and_is_repeated(
    workspace: Workspace, tmp_path: Path
) -> None:
    file = write(tmp_path, "sums.jsonl", asked(1), asked(2, answer=""))
    import_file(workspace, file, actor="Lea", field_map=RIGHT)
    [row] = quarantine.waiting(workspace)
    quarantine.retry(workspace, actor="Lea", texts={row.id: json.dumps(asked(2))})
    assert import_file(workspace, file, actor="Lea", field_map=RIGHT).quarantined == 1
    assert quarantine.waiting(workspace) == [], "what was corrected does not wait again"
    assert undo_import(workspace, 1, actor="Lea").removed == 1
    import_file(workspace, file, actor="Lea", field_map=RIGHT)
    assert [row.issue.line for row in quarantine.waiting(workspace)] == [2]


def test_two_imports_of_a_file_at_once_keep_its_bad_rows_once(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "_BLOCK_ROWS", 2)
    file = tmp_path / "rows.csv"
    file.write_text("prompt,completion\n" + "".join(f"Add {n}.,{n if n % 2 else ''}\n" for n in range(6)))

    def import_it_too(read: int) -> None:
        if read == 2:
            import_file(workspace, file, actor="Ada")

    assert import_file(workspace, file, actor="Lea", on_progress=import_it_too).quarantined == 3
    assert [row.issue.line for row in quarantine.waiting(workspace)] == [2, 4, 6]


def test_more_rows_than_one_transaction_takes_are_tried_and_the_first_reasons_shown(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "_CHUNK", 4)
    rows = [asked(n, answer=str(n) if n < 5 else " ") for n in range(30)]
    import_file(workspace, write(tmp_path, "sums.jsonl", *rows), actor="Lea", field_map=WRONG)
    with pytest.raises(IngestError, match="Do you mean answer"):
        quarantine.retry(workspace, actor="Lea", field_map=FieldMap(columns={"response": "anser"}))
    report = quarantine.retry(workspace, actor="Lea", field_map=RIGHT)
    assert (report.rows, report.imported, report.duplicates, report.still_failing) == (30, 5, 0, 25)
    assert [issue.line for issue in report.issues] == list(range(6, 26))
    assert len(quarantine.waiting(workspace)) == 25
