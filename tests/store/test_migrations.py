"""Migrations: what an earlier release stored reads the same after them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from alembic import command
from sqlalchemy import Connection, text

from curator import open_workspace, release
from curator.annotate import team
from curator.quality.fingerprint import content_hash
from curator.settings import Settings
from curator.store import bases, decisions, events, findings, outputs, runs, systems, tallies, verdicts, votes
from curator.store.engine import open_engine, sqlite_url, writing
from curator.store.schema import configuration
from schemas.event import AskedAgain, Kind
from schemas.questions import QuestionSet
from schemas.tally import Counted, Tally
from tests.conftest import make_record

EDITED = make_record("What is red?", "A colour, as a person wrote it.")


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
            state="accepted", priority=0, created_at=at, final=EDITED.model_dump_json() if n == 2 else None,
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
    for part in ("versions", "runs"):  # a workspace that was used
        (folder / part).mkdir(parents=True)
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
    with workspace.read() as connection:
        hashes = connection.execute(text("SELECT final_hash FROM record ORDER BY id")).scalars().all()
    assert [each and bytes(each).hex() for each in hashes] == [None, content_hash(EDITED), None]
    [ada] = team(workspace, project_id=1).members
    assert (ada.name, ada.answers, ada.edited_shown, ada.edited_hidden) == ("ada: __", 2, 1.0, None)
    workspace.close()


def _store_a_review(connection: Connection) -> None:
    """An output with everything that was said about it, a record made from it, and a decision, as revision 0007 has."""
    at = "2026-03-01 09:00:00+00:00"
    _insert(
        connection, "project", id=1, name="p", guideline="", min_rating=3, reviews_required=1, gates="{}",
        created_at=at, order="priority", hidden_suggestions=0.0, gold_every=0,
        questions=QuestionSet().model_dump_json(),
    )  # fmt: skip
    _insert(connection, "version", id="v", project_id=1, rows=1, splits="{}", created_at=at, created_by="lea")
    config = json.dumps({"base": "/models/small"})
    _insert(connection, "run", id="r", version_id="v", config=config, state="done", created_at=at, created_by="lea")
    _insert(connection, "suite", id="s", name="probes", purpose="gate", created_at=at)
    prompt = json.dumps({"id": "1", "prompt": "What is red?"})
    _insert(connection, "suite_prompt", suite_id="s", position=0, prompt_hash="h", content=prompt)
    _insert(
        connection, "output", id=7, run_id="r", suite_id="s", position=0, model="tuned", sample=0, text="A colour.",
        tokens=3, stopped=True, decoding="{}", created_at=at,
    )  # fmt: skip
    _insert(connection, "finding", output_id=7, detector="d", version="1", status="abstain", reason="", created_at=at)
    fine = json.dumps({"fine": True})
    _insert(connection, "verdict", output_id=7, reviewer="ben", judgement=fine, shown_as="A", at=at, superseded=False)
    _insert(connection, "vote", output_id=7, voter="ben", choice="tie", shown_left="base", at=at, superseded=False)
    turns = [{"role": "user", "content": "a", "train": False}, {"role": "assistant", "content": "b", "train": True}]
    content = json.dumps({"messages": turns, "origin": {"source": "review"}})
    _insert(
        connection, "record", id="ab" * 16, project_id=1, content_hash="ab" * 32, prompt_hash="cd" * 32,
        content=content, state="waiting", priority=0, created_at=at, parent_output_id=7,
    )  # fmt: skip
    gate = {
        "name": "harmful", "status": "pass", "limit": 0.05, "found": 0, "reviewed": 59, "rate": 0.0, "lower": 0.0,
        "upper": 0.0495, "base_found": 1, "base_reviewed": 59, "needed": None, "explanation": "0 of 59.",
    }  # fmt: skip
    _insert(connection, "decision", run_id="r", outcome="release", gates=json.dumps([gate]), decided_by="lea", at=at)


def test_outputs_verdicts_and_decisions_of_an_earlier_release_are_carried_over(
    tmp_path: Path, database_url: str | None
) -> None:
    folder = tmp_path / "workspace"
    for part in ("versions", "runs"):  # a workspace that was used
        (folder / part).mkdir(parents=True)
    engine = open_engine(database_url or sqlite_url(folder / "curator.db"))
    with writing(engine) as connection:
        if database_url is not None:  # the database of a test is migrated already
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        command.upgrade(configuration(connection), "0007")
        _store_a_review(connection)
    engine.dispose()

    workspace = open_workspace(folder, settings=Settings(database_url=database_url))
    with workspace.read() as connection:
        system = systems.find(connection, "r")
        [output] = outputs.of_system(connection, "r")
        [decision] = decisions.of_system(connection, "r")
        assert (system.run_id, system.project_id) == ("r", 1)
        assert (output.id, output.text, output.tokens) == (7, "A colour.", 3)
        assert list(findings.of_system(connection, "r")) == [7]
        assert verdicts.count_before_plans(connection, "r") == 1
        assert list(votes.of_run(connection, "r")) == [7]
        assert runs.get(connection, "r").name == "Version of 2026-03-01 09:00 on small, full"
        assert [base.folder for base in bases.newest_first(connection) if base.added_by == "lea"] == ["/models/small"]
    [gate] = decision.gates
    assert (decision.outcome, decision.reasons, gate.judged, gate.estimate, gate.base_judged) == (
        "release",
        (),
        59,
        0,
        59,
    )
    assert release.assess(workspace, "r").outcome == "inconclusive"  # there was no plan
    workspace.close()
