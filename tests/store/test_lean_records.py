"""Workspaces of earlier releases, whose records had random ids and their texts in the database, are carried over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, text

from curator import Workspace, open_workspace
from curator.annotate import answers, lookup, queue
from curator.quality.fingerprint import content_hash, prompt_hash
from curator.settings import Settings
from curator.store import accepted, annotations, comments, doubts, events, gold, records, selection, suggestions
from curator.store.engine import open_engine, sqlite_url, writing
from curator.store.schema import configuration
from schemas.annotation import Answer, RecordState
from schemas.query import RecordQuery
from schemas.questions import QuestionSet
from schemas.record import Message, Origin, Record

_AT = "2026-03-01 09:00:00+00:00"
_IDS = ["f" * 32, "0" * 32, "8" * 31 + "b", "1" * 31 + "a"]
"""Random in truth; here the order of the ids is not that in which the records came."""
_STATES = ["accepted", "accepted", "waiting", "gold"]


def _record(n: int) -> Record:
    messages = (Message(role="user", content=f"Question {n}?"), Message(role="assistant", content=f"Answer {n}."))
    return Record(messages=messages, origin=Origin(source="rows.jsonl", line=n + 1), original=b'{"n": %d}' % n)


def _insert(connection: Connection, table: str, **values: object) -> None:
    columns = ", ".join(f'"{name}"' for name in values)
    connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({', '.join(':' + n for n in values)})"), values)


def _fill(connection: Connection) -> None:
    questions = QuestionSet().model_dump_json()
    _insert(
        connection, "project", id=1, name="p", guideline="", min_rating=3, reviews_required=1, gates="{}",
        created_at=_AT, order="priority", hidden_suggestions=0.0, gold_every=0, questions=questions,
    )  # fmt: skip
    _insert(
        connection, "import_batch", id=1, project_id=1, file_name="rows.jsonl", sha256="s", format="alpaca",
        settings="{}", read=4, imported=4, quarantined=0, duplicates=0, finished=True, actor="lea", created_at=_AT,
    )  # fmt: skip
    for n, (record_id, state) in enumerate(zip(_IDS, _STATES, strict=True)):
        record = _record(n)
        content = record.model_dump_json()
        final = {0: content, 1: record.with_response("Edited.").model_dump_json()}.get(n)
        _insert(
            connection, "record", id=record_id, project_id=1, batch_id=1, content_hash=content_hash(record),
            prompt_hash=prompt_hash(record.instruction), content=content, final=final, state=state, priority=n,
            created_at=_AT,
        )  # fmt: skip
        _insert(
            connection, "slot", id=n + 10, record_id=record_id, project_id=1, n=0, priority=n, audience="", shuffle=7,
            state="open" if state == "waiting" else "done", active_seconds=0,
        )  # fmt: skip
    _insert(
        connection, "annotation", id=5, record_id=_IDS[1], slot_id=11, annotator="ada", claim_token="t",
        answer=Answer(response="Edited.", rating=4).model_dump_json(), submitted_at=_AT, undone=False,
    )  # fmt: skip
    _insert(connection, "person", name="ada", role="annotator", created_at=_AT)
    answer = Answer(response="Half", rating=None).model_dump_json()
    _insert(connection, "draft", record_id=_IDS[2], annotator="ada", answer=answer, saved_at=_AT)
    _insert(connection, "skip", record_id=_IDS[2], annotator="ben", at=_AT)
    expected = Answer(response="Gold", rating=5).model_dump_json()
    _insert(connection, "gold", record_id=_IDS[3], project_id=1, expected=expected, actor="lea", at=_AT)
    _insert(connection, "suggestion", record_id=_IDS[2], question="rating", source="m", value="4", score=0.5, at=_AT)
    _insert(connection, "comment", id=3, record_id=_IDS[2], author="ada", text="Odd.", at=_AT)
    _insert(
        connection, "doubt", id=2, project_id=1, record_id=_IDS[2], author="ada", question="Which?", at=_AT,
        ruling="This.", ruled_by="lea", ruled_at=_AT,
    )  # fmt: skip
    detail = json.dumps({"record": _IDS[2]})
    _insert(connection, "event", at=_AT, actor="lea", kind="row-fixed", subject=_IDS[2], detail=detail)
    _insert(connection, "event", at=_AT, actor="lea", kind="import", subject="import 1", detail="{}")
    for state, n in (("accepted", 2), ("waiting", 1), ("gold", 1)):
        _insert(connection, "tally", project_id=1, name=f"record:{state}", n=n)


@pytest.fixture
def carried(tmp_path: Path, database_url: str | None) -> Workspace:
    """A workspace of revision 0006 with something in every table that speaks of records, opened by this release."""
    folder = tmp_path / "workspace"
    for part in ("versions", "runs"):  # a workspace that was used
        (folder / part).mkdir(parents=True)
    engine = open_engine(database_url or sqlite_url(folder / "curator.db"))
    with writing(engine) as connection:
        if database_url is not None:  # the database of a test is migrated already
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        command.upgrade(configuration(connection), "0006")
        _fill(connection)
    engine.dispose()
    return open_workspace(folder, settings=Settings(database_url=database_url))


def test_records_of_an_earlier_release_are_carried_over_with_all_that_was_said_about_them(carried: Workspace) -> None:
    with carried.read() as connection:
        stored = records.page(connection, 1)
        assert [each.id for each in stored] == ["1", "2", "3", "4"]  # as they came
        assert [each.state.value for each in stored] == _STATES
        assert [each.content for each in stored] == [_record(n) for n in range(4)]
        assert [each.content_hash for each in stored] == [content_hash(_record(n)) for n in range(4)]
        finals = [each.final for each in stored]
        assert finals == [_record(0), _record(1).with_response("Edited."), None, None]
        assert [each.final for each in accepted.edited(connection, accepted.places(connection, 1).edited)] == finals[:2]
        assert [records.find(connection, former) for former in _IDS] == stored  # links of old still lead there
        assert selection.page(connection, RecordQuery(words=("question 2",)), 1).ids == ["3"]

        [answer] = annotations.standing(connection, "2")
        assert (answer.id, answer.annotator, answer.answer.response) == (5, "ada", "Edited.")
        draft = annotations.draft_of(connection, "3", "ada")
        assert draft is not None and draft.answer.response == "Half"
        assert [each.text for each in comments.about(connection, "3")] == ["Odd."]
        assert [(each.doubt.record_id, each.instruction) for each in doubts.rulings(connection, 1)] == [
            ("3", "Question 2?")
        ]
        assert [line.kind for line in events.about(connection, "3")] == ["row-fixed"]
        assert [each.value for each in suggestions.about(connection, "3")] == [4]
        assert gold.answers(connection, 1) == []  # asked for by key; nobody has answered it yet
    carried.close()


def test_work_goes_on_in_a_workspace_that_was_carried_over(carried: Workspace) -> None:
    assert queue.next_task(carried, "ben", project_id=1) is None  # skipped it
    task = queue.next_task(carried, "ada", project_id=1)
    assert task is not None and task.claim.record_id == "3"
    added = answers.submit(carried, task.claim, Answer(response="Answer 2.", rating=4), annotator="ada")
    assert (added.id, added.record_id) == (6, "3")
    with carried.write() as connection:
        project = records.projects.by_name(connection)
        assert records.add_many(connection, [_record(2), _record(7)], project=project, at=carried.clock()) == [
            None,
            "5",
        ]
    assert [each.id for each in lookup.page(carried, project_id=1, state=RecordState.ACCEPTED)] == ["1", "2", "3"]
    carried.close()
