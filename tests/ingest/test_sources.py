"""Sources: folders, saved data sets and LLaMA-Factory's list come in as the files that they stand for."""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import pytest

from curator import Workspace
from curator.errors import IngestError
from curator.ingest import import_file
from curator.store import projects, records
from schemas.importing import Format
from schemas.record import Record

ROWS = [{"prompt": f"Add {n}.", "completion": str(n)} for n in range(5)]


def everything(workspace: Workspace) -> list[Record]:
    with workspace.read() as connection:
        found = records.page(connection, projects.by_name(connection).id, limit=100)
    return sorted(
        (stored.content for stored in found), key=lambda record: (record.origin.source, record.origin.line or 0)
    )


def test_a_saved_data_set_comes_in_with_all_its_splits(workspace: Workspace, tmp_path: Path) -> None:
    saved = datasets.DatasetDict(train=datasets.Dataset.from_list(ROWS[:3]), test=datasets.Dataset.from_list(ROWS[3:]))
    saved.save_to_disk(tmp_path / "sums", num_shards={"train": 2, "test": 1})
    report = import_file(workspace, tmp_path / "sums", actor="me")
    assert (report.read, report.imported, len(report.parts), report.file) == (5, 5, 3, "sums")
    sources = [record.origin.source for record in everything(workspace)]
    assert sources[0] == "sums/test/data-00000-of-00001.arrow"
    again = import_file(workspace, tmp_path / "sums" / "train", actor="me")
    assert (again.read, again.duplicates) == (3, 3)


def test_a_folder_of_files_comes_in_file_by_file(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    (folder / "provenance").mkdir(parents=True)
    (folder / "provenance" / "train.jsonl").write_text('{"row_id": 1}\n')
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS[:3]))
    (folder / "test.json").write_text(json.dumps(ROWS[3:]))
    (folder / "README.md").write_text("# Sums\n")
    (folder / "export.json").write_text('{"version": "x"}')
    report = import_file(workspace, folder, actor="me")
    assert (report.read, report.imported, [part.file for part in report.parts]) == (
        5,
        5,
        ["export/test.json", "export/train.jsonl"],
    )
    (tmp_path / "empty").mkdir()
    with pytest.raises(IngestError, match="no file of a kind that can be imported"):
        import_file(workspace, tmp_path / "empty", actor="me")


LISTED = {
    "plain": {"file_name": "plain.json", "columns": {"prompt": "ask", "query": "about", "response": "say"}},
    "talk": {
        "file_name": "talk.json",
        "formatting": "sharegpt",
        "columns": {"messages": "turns", "system": "rules"},
        "tags": {"role_tag": "who", "content_tag": "text", "user_tag": "me", "assistant_tag": "bot"},
    },
    "pairs": {
        "file_name": "pairs.json",
        "ranking": True,
        "columns": {"prompt": "ask", "query": "about", "chosen": "good", "rejected": "bad"},
    },
    "verdicts": {
        "file_name": "verdicts.json",
        "columns": {"prompt": "ask", "query": "about", "response": "say", "kto_tag": "fine"},
    },
    "far": {"hf_hub_url": "somewhere/else"},
}
FILES = {
    "plain.json": {"ask": "Add.", "about": "1 1", "say": "2"},
    "talk.json": {"rules": "Be brief.", "turns": [{"who": "me", "text": "Hi"}, {"who": "bot", "text": "Hello."}]},
    "pairs.json": {"ask": "Add.", "about": "2 2", "good": "4", "bad": "5"},
    "verdicts.json": {"ask": "Add.", "about": "3 3", "say": "7", "fine": False},
}


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    file = tmp_path / "dataset_info.json"
    file.write_text(json.dumps(LISTED))
    for name, row in FILES.items():
        (tmp_path / name).write_text(json.dumps([row]))
    return file


def test_a_list_of_llama_factory_brings_its_columns_and_roles(workspace: Workspace, listed: Path) -> None:
    report = import_file(workspace, listed, actor="me")
    assert (report.read, report.imported) == (4, 4), report.issues
    pair, plain, talk, verdict = everything(workspace)
    assert (plain.instruction, plain.response) == ("Add.\n1 1", "2")
    assert [(m.role, m.content) for m in talk.messages] == [
        ("system", "Be brief."),
        ("user", "Hi"),
        ("assistant", "Hello."),
    ]
    assert (pair.instruction, pair.response, pair.rejected[0].content) == ("Add.\n2 2", "4", "5")
    assert (verdict.instruction, verdict.response, verdict.desirable) == ("Add.\n3 3", "7", False)


def test_pictures_under_another_name_are_kept_out_by_name(workspace: Workspace, tmp_path: Path) -> None:
    entry = {"file_name": "a.json", "columns": {"prompt": "ask", "response": "say", "images": "pics"}}
    (tmp_path / "dataset_info.json").write_text(json.dumps({"a": entry}))
    (tmp_path / "a.json").write_text(json.dumps([{"ask": "What is it?", "say": "A cat.", "pics": ["cat.png"]}]))
    [issue] = import_file(workspace, tmp_path / "dataset_info.json", actor="me").issues
    assert (issue.rule, issue.field) == ("unsupported-part", "pics")


def test_a_file_beside_such_a_list_is_read_by_its_entry(workspace: Workspace, listed: Path) -> None:
    report = import_file(workspace, listed.parent / "talk.json", actor="me")
    assert (report.imported, report.format, report.parts) == (1, Format.SHAREGPT, ())


def test_a_file_that_such_a_list_names_and_that_is_missing_is_an_error(workspace: Workspace, listed: Path) -> None:
    (listed.parent / "talk.json").unlink()
    with pytest.raises(IngestError, match=r"entry talk, names talk\.json, which is not there"):
        import_file(workspace, listed, actor="me")
    assert everything(workspace) == []
