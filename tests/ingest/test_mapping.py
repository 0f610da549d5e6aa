"""Mapping: columns of any name become the words of a record, and a name that does not exist is never ignored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curator import Workspace
from curator.cli.main import app
from curator.errors import IngestError
from curator.ingest import import_file
from curator.store import projects, records
from schemas.importing import FieldMap, Format
from schemas.record import Record


def write(folder: Path, name: str, *rows: object) -> Path:
    file = folder / name
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def everything(workspace: Workspace) -> list[Record]:
    with workspace.read() as connection:
        return [stored.content for stored in records.page(connection, projects.by_name(connection).id, limit=100)]


def only(workspace: Workspace) -> Record:
    [record] = everything(workspace)
    return record


def mapped(**columns: str) -> FieldMap:
    return FieldMap(columns={field.replace("__", "."): column for field, column in columns.items()})


_SHAPES = (Format.ALPACA, Format.PROMPT_COMPLETION, Format.CHAT, Format.SHAREGPT)
QUESTION = {"question": "Name a colour.", "answer": "Red."}


def test_the_words_of_the_record_map_any_column_without_a_format(workspace: Workspace, tmp_path: Path) -> None:
    row = QUESTION | {"rules": "Be brief.", "bad": "Dog.", "book": "b1", "terms": "MIT", "lang": "en", "site": "x.org"}
    row |= {"topic": "art", "level": 3}
    field_map = mapped(
        instruction="question", response="answer", system="rules", rejected="bad", group="book", licence="terms",
        language="lang", source="site", labels__topic="topic", labels__level="level",
    )  # fmt: skip
    report = import_file(workspace, write(tmp_path, "a.jsonl", row), actor="me", field_map=field_map)
    assert report.imported == 1
    record = only(workspace)
    assert [(m.role, m.content) for m in record.messages] == [
        ("system", "Be brief."),
        ("user", "Name a colour."),
        ("assistant", "Red."),
    ]
    assert [message.content for message in record.rejected] == ["Dog."]
    assert (record.prompt_length, record.group, record.licence, record.language) == (2, "b1", "MIT", "en")
    assert record.origin.source == "x.org"
    assert record.labels == {"topic": "art", "level": "3"}


@pytest.mark.parametrize("format", [None, *_SHAPES])
def test_a_mapped_response_is_the_response_whatever_the_format(
    workspace: Workspace, tmp_path: Path, format: Format | None
) -> None:
    turns = [{"role": "user", "content": "Old?"}, {"role": "assistant", "content": "Old."}]
    shared = [{"from": "human", "value": "Old?"}, {"from": "gpt", "value": "Old."}]
    row = QUESTION | {"messages": turns, "conversations": shared, "prompt": "Old?", "output": "Old."}
    field_map = mapped(instruction="question", response="answer", system="rules")
    file = write(tmp_path, "a.jsonl", row | {"rules": "Be brief."})
    assert import_file(workspace, file, actor="me", format=format, field_map=field_map).imported == 1
    record = only(workspace)
    assert (record.instruction, record.response) == ("Name a colour.", "Red.")
    assert record.messages[0].content == "Be brief."


def test_a_mapped_response_answers_a_conversation_that_ends_with_a_question(
    workspace: Workspace, tmp_path: Path
) -> None:
    row = {"messages": [{"role": "user", "content": "Hi"}], "reply": "Hello."}
    import_file(workspace, write(tmp_path, "a.jsonl", row), actor="me", field_map=mapped(response="reply"))
    assert only(workspace).response == "Hello."


def test_a_column_may_be_a_path_into_the_row(workspace: Workspace, tmp_path: Path) -> None:
    row = {"instruction": "Name a colour.", "instances": [{"input": "", "output": "Red."}]}
    field_map = mapped(response="instances.0.output")
    assert import_file(workspace, write(tmp_path, "a.jsonl", row), actor="me", field_map=field_map).imported == 1
    assert only(workspace).response == "Red."


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"respnse": "answer"}, "Field respnse is unknown. Do you mean response?"),
        ({"labels.": "answer"}, "is unknown"),
        ({"response": "anwser"}, "does not have a column anwser. Do you mean answer?"),
        ({"response": "ANSWER"}, "Do you mean answer?"),
        ({"response": "answer", "output": "question"}, "mean the same"),
    ],
)
def test_a_field_or_column_that_does_not_exist_is_an_error_with_the_nearest(
    workspace: Workspace, tmp_path: Path, columns: dict[str, str], problem: str
) -> None:
    with pytest.raises(IngestError, match=problem):
        import_file(workspace, write(tmp_path, "a.jsonl", QUESTION), actor="me", field_map=FieldMap(columns=columns))
    assert everything(workspace) == []


def test_a_column_that_comes_late_in_the_file_exists(workspace: Workspace, tmp_path: Path) -> None:
    rows = [{"instruction": f"Say {n}.", "output": str(n)} for n in range(150)]
    file = write(tmp_path, "a.jsonl", *rows, {"instruction": "Last.", "output": "z", "topic": "end"})
    assert import_file(workspace, file, actor="me", field_map=mapped(group="topic")).imported == 151


def curator(workspace: Workspace, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [*arguments, "--workspace", str(workspace.folder)])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def plain_workspace(another_workspace: Callable[[str], Workspace]) -> Workspace:
    """One on SQLite: the command line opens it by its folder."""
    return another_workspace("plain")


def test_the_command_maps_words_and_names_what_it_does_not_know(plain_workspace: Workspace, tmp_path: Path) -> None:
    file = str(write(tmp_path, "a.jsonl", QUESTION))
    status, out, _ = curator(
        plain_workspace, "import", file, "--map", "instruction=question", "--map", "response=answer", "--json"
    )
    assert (status, json.loads(out)["imported"]) == (0, 1)
    status, out, err = curator(plain_workspace, "import", file, "--map", "response=anser")
    assert (status, out) == (1, "")
    assert "Do you mean answer?" in err
    status, _, err = curator(plain_workspace, "import", file, "--map", "anser=response")
    assert status == 1
    assert "Field anser is unknown" in err


def test_an_import_of_which_nothing_came_in_ends_with_status_1(plain_workspace: Workspace, tmp_path: Path) -> None:
    file = str(write(tmp_path, "a.jsonl", {"instruction": "a", "output": ""}))
    status, out, err = curator(plain_workspace, "import", file, "--json")
    assert status == 1
    assert json.loads(out)["quarantined"] == 1
    assert "Nothing came in" in err
    good = str(write(tmp_path, "b.jsonl", {"instruction": "a", "output": "b"}))
    assert curator(plain_workspace, "import", good)[0] == 0
    assert curator(plain_workspace, "import", good)[0] == 0, "what is known has come in before"
