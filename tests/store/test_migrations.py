"""Migrations: what an earlier release stored reads the same after them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from alembic import command
from sqlalchemy import Connection, text

from curator import open_workspace
from curator.annotate import team
from curator.settings import Settings
from curator.store import events, tallies
from curator.store.engine import open_engine, sqlite_url, writing
from curator.store.schema import configuration
from schemas.event import AskedAgain, Kind
from schemas.questions import QuestionSet
from schemas.tally import Counted, Tally


def _insert(connection: Connection, table: str, **values: object) -> None:
    columns = ", ".join(f'"{name}"' for name in values)
    connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({', '.join(':' + n for n in values)})"), values)


def _store_answers(connection: Connection) -> None:
    """Two answers that stand, one that was taken back, and events in the spelling of revision 0006."""
    at, later = "2026-03-01 09:00:00+00:00", "2026-03-02 09:00:00+00:00"
    _insert(
        connection, "project", id=1, name="p", guideline="", min_rating=3, reviews_required=1, gates="{}",
        created_at=at, order="priority", hidden_suggestions=0.0, gold_every=0,
        questions=QuestionSet().model_dump_json(),
    )  # fmt: skip
    for n, (person, undone, saw, edited) in enumerate(
        [("ada: __", False, True, True), ("ada: __", False, None, False), ("ben", True, False, True)], 1
    ):
        _insert(
            connection, "record", id=f"r{n}", project_id=1, content_hash=f"c{n}" * 32,
            prompt_hash=f"a{n}" * 32, content="{}",
            state="accepted", priority=0, created_at=at,
        )  # fmt: skip
        _insert(connection, "slot", id=n, record_id=f"r{n}", project_id=1, n=0, state="done", priority=0,
                audience="", shuffle=1, active_seconds=0)  # fmt: skip
        _insert(
            connection, "annotation", id=n, record_id=f"r{n}", slot_id=n, annotator=person, claim_token=f"t{n}",
            answer="{}", submitted_at=at if n == 1 else later, undone=undone, active_seconds=20.4 if n == 1 else None,
            saw_suggestions=saw, edited=edited,
        )  # fmt: skip
    detail = json.dumps({"project": 1, "change": 1, "answers": [3]})
    for kind in ("sign in", "password changed", "ask again"):
        _insert(connection, "event", at=at, actor="lea", kind=kind, subject="r3", detail=detail)


def test_a_log_and_totals_of_an_earlier_release_are_carried_over(tmp_path: Path, database_url: str | None) -> None:
    folder = tmp_path / "workspace"
    (folder / "runs").mkdir(parents=True)
    engine = open_engine(database_url or sqlite_url(folder / "curator.db"))
    with writing(engine) as connection:
        if database_url is not None:  # the database of a test is migrated already
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        command.upgrade(configuration(connection), "0006")
        _insert(connection, "person", name="ada: __", role="annotator", created_at="2026-03-01 09:00:00+00:00")
        _insert(connection, "person", name="ben", role="annotator", created_at="2026-03-01 09:00:00+00:00")
        _store_answers(connection)
    engine.dispose()

    workspace = open_workspace(folder, settings=Settings(database_url=database_url))
    with workspace.read() as connection:
        lines = events.about(connection, "3")
        totals = tallies.totals(connection, 1)
    assert [line.kind for line in lines] == [Kind.SIGN_IN, Kind.PASSWORD_CHANGED, Kind.ASK_AGAIN]
    assert lines[-1].read(AskedAgain).answers == (3,)
    assert totals == {
        Tally(Counted.ANSWERS, "ada: __"): 2,
        Tally(Counted.ANSWERS_OF_DAY, "ada: __", date(2026, 3, 1)): 1,
        Tally(Counted.ANSWERS_OF_DAY, "ada: __", date(2026, 3, 2)): 1,
        Tally(Counted.SECONDS, "ada: __"): 20,
        Tally(Counted.ANSWERS_SHOWN, "ada: __"): 1,
        Tally(Counted.EDITED_SHOWN, "ada: __"): 1,
        Tally(Counted.ANSWERS_WITHOUT, "ada: __"): 1,
    }
    [ada] = team(workspace, project_id=1).members
    assert (ada.name, ada.answers, ada.edited_shown, ada.edited_hidden) == ("ada: __", 2, 1.0, None)
    workspace.close()
