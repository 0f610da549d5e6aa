"""Search by words, on both databases: what is found and what is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curator import Workspace
from curator.curate.indexing import catch_up
from curator.ingest import import_file
from curator.store import part_search, projects, records, selection
from schemas.annotation import RecordState
from schemas.query import Choice, ChoiceField, RecordQuery
from schemas.record import Message, Origin, Record


def store(workspace: Workspace, instruction: str, response: str = "Yes.", alternative: str | None = None) -> str:
    """The id of a new record."""
    messages = (Message(role="user", content=instruction), Message(role="assistant", content=response))
    added = Record(messages=messages, alternative=alternative, origin=Origin(source="rows.jsonl", line=7))
    with workspace.write() as connection:
        project = projects.by_name(connection)
        [record_id] = records.add_many(connection, [added], project=project, at=workspace.clock())
    assert record_id is not None
    return record_id


def found(workspace: Workspace, *terms: str, state: RecordState | None = None, limit: int = 50) -> list[str]:
    """Ids of the records that are found, whether the texts are read or the index is asked."""
    stands = () if state is None else (Choice(field=ChoiceField.STATE, values=(state.value,)),)
    query = RecordQuery(conditions=stands, words=terms)
    with workspace.read() as connection:
        read = selection.page(connection, query, 1, limit=limit).ids
    assert catch_up(workspace, 1, actor="Lea", at_once=2_000).left == 0
    with workspace.read() as connection:
        assert selection.page(connection, query, 1, limit=limit).ids == read
    return read


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("Which colour has the sky?", "COLOUR"),
        ("Which colour has the sky?", "our has th"),
        ('She said "no" twice', 'said "no"'),
        ("a path C:\\new\\table", "c:\\new"),
        ("two\nlines", "two\nlines"),
        ("100% of them", "100%"),
        ("snake_case", "e_c"),
        ("a+b (c) [d] $e ^f", "+b (c) [d] $e ^"),
        ("it's", "it's"),
        ("北京大学在哪里", "大学"),
        ("Écrire une élégie", "écrire"),
        ("Где Москва", "москва"),
        ("smile 😀 here", "😀 h"),
    ],
)
def test_a_record_is_found_by_a_part_of_its_text(workspace: Workspace, text: str, term: str) -> None:
    wanted = store(workspace, text)
    store(workspace, "Something else?")
    assert found(workspace, term) == [wanted]


@pytest.mark.parametrize("term", ["user", "messages", "content", "rows.jsonl", "100_", "s%e", "a.c", "\\n"])
def test_names_of_fields_metadata_and_patterns_are_not_text(workspace: Workspace, term: str) -> None:
    store(workspace, "abc sense 100% two\nlines")
    assert found(workspace, term) == []


def test_every_term_must_occur_but_in_any_message(workspace: Workspace) -> None:
    wanted = store(workspace, "Which colour?", "Blue.")
    store(workspace, "Which colour is it?", "Red.")
    assert found(workspace, "colour", "blue") == [wanted]


def test_the_alternative_and_the_accepted_text_are_searched(workspace: Workspace) -> None:
    first, second = store(workspace, "One?", alternative="Perhaps."), store(workspace, "Two?")
    with workspace.write() as connection:
        stored = records.get(connection, second)
        final = stored.content.with_response("Certainly.")
        records.set_state(connection, stored, RecordState.ACCEPTED, final=final)
    assert found(workspace, "perhaps") == [first]
    assert found(workspace, "certainly") == [second]
    assert found(workspace, "yes", "certainly") == [second]


def test_the_rejected_side_of_a_pair_is_searched(workspace: Workspace) -> None:
    said = (Message(role="user", content="Pair?"), Message(role="assistant", content="Good."))
    pair = Record(
        messages=said, prompt_length=1, rejected=(Message(role="assistant", content="Worse."),),
        origin=Origin(source="rows.jsonl"),
    )  # fmt: skip
    with workspace.write() as connection:
        project = projects.by_name(connection)
        [wanted] = records.add_many(connection, [pair], project=project, at=workspace.clock())
    assert found(workspace, "worse") == [wanted]


@pytest.mark.parametrize("read_here", [True, False])
def test_texts_of_parts_are_found_with_few_parts_and_with_many(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_here: bool
) -> None:
    """Many are read by DuckDB; a word that begins in one text and ends in the next is in neither."""
    monkeypatch.setattr(part_search, "_FEW", 2**20 if read_here else 0)
    file = tmp_path / "rows.jsonl"
    rows = [{"instruction": f"Frage {n}?", "output": f"Grün, Straße {n % 700} und É."} for n in range(1_500)]
    file.write_text("".join(json.dumps(row, ensure_ascii=n % 2 == 0) + "\n" for n, row in enumerate(rows)))
    import_file(workspace, file, actor="lea")
    assert sorted(found(workspace, "STRASSE 12 und")) == []
    assert sorted(found(workspace, "STRAßE 12 und", "é"), key=int) == ["13", "713", "1413"]
    assert found(workspace, "frage 1499?", "grün") == ["1500"]
    assert found(workspace, "frage 1499?", "grün", "straße 12") == []
    assert found(workspace, '"}{"') == []
    assert len(found(workspace, "grün", limit=9)) == 9


def test_state_project_and_limit_narrow_a_search(workspace: Workspace) -> None:
    ids = {store(workspace, f"Number {n}?") for n in range(5)}
    with workspace.write() as connection:
        stored = records.get(connection, min(ids))
        records.set_state(connection, stored, RecordState.REJECTED, final=None)
        other = projects.create(connection, "other", at=workspace.clock())
    assert found(workspace, "number", state=RecordState.REJECTED) == [min(ids)]
    assert len(found(workspace, "number", limit=3)) == 3
    assert set(found(workspace)) == ids
    with workspace.read() as connection:
        assert selection.page(connection, RecordQuery(words=("number",)), other.id).ids == []
