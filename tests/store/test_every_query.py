"""The whole loop through the store alone: every public function that takes a connection runs on both databases."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import CodeType, FrameType

import pytest

import curator.store
from curator import Workspace
from curator.store import (
    Connection,
    annotations,
    batches,
    claims,
    decisions,
    engine,
    events,
    findings,
    outputs,
    projects,
    quarantine,
    records,
    runs,
    suites,
    tallies,
    verdicts,
    versions,
    votes,
)
from schemas.annotation import Answer, Claim, RecordState
from schemas.importing import RowIssue
from schemas.release import GateResult, Outcome
from schemas.review import Decoding, Finding, FindingStatus, Judgement, Prompt, Suite
from schemas.run import RunState, TrainConfig
from schemas.version import Split, Version
from tests.conftest import make_record

pytestmark = pytest.mark.both_databases

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=30)
GOOD = Answer(response="Red \U0001f600.", rating=4)
RUN, OTHER_RUN = "20260301-120000-abcdef", "20260301-130000-abcdef"


def queries() -> dict[CodeType, str]:
    """The code of every public function of the store whose first parameter is a connection, with its name."""
    found = {}
    for module in pkgutil.iter_modules(curator.store.__path__):
        if module.ispkg:
            continue
        loaded = importlib.import_module(f"curator.store.{module.name}")
        for name, function in inspect.getmembers(loaded, inspect.isfunction):
            public = function.__module__ == loaded.__name__ and not name.startswith("_")
            if public and next(iter(inspect.signature(function).parameters), None) == "connection":
                found[function.__code__] = f"{module.name}.{name}"
    return found


@contextmanager
def recording() -> Iterator[set[CodeType]]:
    """The code of every Python function that this thread enters inside the block."""
    entered: set[CodeType] = set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            entered.add(frame.f_code)

    sys.setprofile(note)
    try:
        yield entered
    finally:
        sys.setprofile(None)


def test_every_query_of_the_store_runs(workspace: Workspace) -> None:
    known = queries()
    assert len(known) > 70  # the search itself finds them
    with recording() as entered:
        for step in (set_up, import_rows, annotate, look_back, freeze, train, generate, judge, decide):
            with workspace.write() as connection:
                step(connection)
    assert sorted(name for code, name in known.items() if code not in entered) == []


def set_up(connection: Connection) -> None:
    engine.lock_all(connection)
    projects.ensure_default(connection, at=NOON)
    [default] = projects.all_projects(connection)
    made = projects.create(connection, "second", at=NOON, guideline="Be kind.")
    projects.change(connection, made.model_copy(update={"reviews_required": 2}))
    assert projects.by_id(connection, made.id).reviews_required == 2
    assert projects.by_name(connection) == default
    for _ in range(2):
        projects.ensure_person(connection, "ada", at=NOON)


def import_rows(connection: Connection) -> None:
    project = projects.by_name(connection)
    settings = {"columns": {}, "header": None, "accept": False}
    batch = batches.begin(
        connection, project_id=project.id, file_name="a.jsonl", sha256="f" * 64, format="alpaca", settings=settings,
        actor="ada", at=NOON,
    )  # fmt: skip
    rows = [make_record(f"Question {n}?") for n in (0, 1, 2, 3, 3)]
    ids = records.add_many(connection, rows, project=project, at=NOON, batch_id=batch)
    assert [found is None for found in ids] == [False, False, False, False, True]
    issue = RowIssue(line=6, field="output", rule="missing-field", problem="Field output is missing.", text="nul \x00")
    quarantine.add_many(connection, [issue], batch_id=batch)
    assert quarantine.lines_of_file(connection, project.id, "f" * 64) == {6}
    [waiting] = quarantine.open_rows(connection, project_id=project.id, limit=5)
    assert waiting.issue.text == "nul \\u0000"
    quarantine.resolve(connection, waiting.id)
    assert quarantine.count_open(connection, project.id) == 0
    batches.count(connection, batch, imported=4, quarantined=1, duplicates=1)
    batches.finish(connection, batch)
    stored = batches.get(connection, batch)
    assert (stored.read, stored.finished, stored.settings) == (6, True, settings)
    assert batches.newest_first(connection, project_id=project.id) == [stored]


def claim(connection: Connection, person: str) -> Claim:
    got = claims.claim_next(connection, person, project_id=1, now=NOON, until=LATER)
    assert got is not None
    return got


def annotate(connection: Connection) -> None:
    claims.lock_person(connection, "ada")
    got = claim(connection, "ada")
    assert claims.held(connection, "ada", project_id=1) == got
    claims.lock_record(connection, got.record_id)
    assert claims.renew(connection, got.token, until=LATER)
    annotations.save_draft(connection, got.record_id, "ada", GOOD, at=NOON)
    assert annotations.draft_of(connection, got.record_id, "ada") == GOOD
    assert claims.close(connection, got.token, annotator="ada") is not None
    added = annotations.add(
        connection, GOOD, record_id=got.record_id, slot_id=got.slot_id, annotator="ada", claim_token=got.token, at=NOON
    )
    annotations.drop_draft(connection, got.record_id, "ada")
    tallies.add(connection, 1, "annotator:ada")
    detail = {"project": 1, "slot": got.slot_id, "annotation": added.id}
    events.append(connection, "submit", got.record_id, actor="ada", at=NOON, detail=detail)
    stored = records.get(connection, got.record_id)
    records.set_state(connection, stored, RecordState.ACCEPTED, final=stored.content.with_response(GOOD.response))

    skipped = claim(connection, "ada")
    assert claims.give_back(connection, skipped.token)
    for _ in range(2):
        claims.add_skip(connection, skipped.record_id, "ada", at=NOON)
    assert claims.waiting(connection, "ada", project_id=1, now=NOON) == (0, None, 1, 0)
    assert claims.remove_all_skips(connection, "ada", project_id=1) == 1
    claims.remove_skip(connection, skipped.record_id, "ada")
    assert claims.claim_record(connection, "ben", skipped.record_id, now=NOON, until=LATER) is not None

    claims.withdraw(connection, skipped.record_id)
    assert claims.has_withdrawn(connection, skipped.record_id)
    assert claims.unanswered(connection, skipped.record_id) == 0
    claims.offer_again(connection, skipped.record_id, priority=5)
    claims.reopen(connection, skipped.record_id, project_id=1, priority=20)
    assert claims.unanswered(connection, skipped.record_id) == 2
    assert claim(connection, "eva").record_id == skipped.record_id


def look_back(connection: Connection) -> None:
    [added] = annotations.newest_of(connection, "ada", project_id=1, limit=5)
    answered, slot_id = annotations.get(connection, added.id)
    assert answered.answer == GOOD
    act = annotations.last_act(connection, "ada", project_id=1)
    assert (act.kind, act.slot_id, act.annotation_id) == ("submit", slot_id, added.id)
    assert annotations.submit_event(connection, added) == act.event_id
    assert events.newest(connection, added.record_id, ("submit", "flag")) == act.event_id
    assert events.about(connection, added.record_id) == events.latest(connection, limit=1)
    assert annotations.standing(connection, added.record_id) == [added]
    assert annotations.records_of(connection, "ada") == {added.record_id}
    assert annotations.people_of(connection, [added.record_id, "none"]) == {added.record_id: ["ada"]}
    assert annotations.count_since(connection, "ada", NOON) == 1
    totals = tallies.totals(connection, 1)
    assert totals == {"record:waiting": 3, "record:accepted": 1, "annotator:ada": 1}
    assert annotations.mark_undone(connection, added.id)
    again = claims.claim_answered(connection, slot_id, "ada", until=LATER)
    assert again.slot_id == slot_id
    assert annotations.of_token(connection, again.token) is None


def freeze(connection: Connection) -> None:
    [accepted] = records.accepted(connection, 1)
    assert accepted.final.response == GOOD.response
    assert records.page(connection, 1, state=RecordState.ACCEPTED) == [accepted]
    assert len(records.page(connection, 1, after="0", limit=3)) == 3
    new = Version(
        id="a" * 64, name="first", rows=1, splits={Split.TRAIN: 1}, created_at=NOON, created_by="ada", project_id=1
    )
    for _ in range(2):
        versions.add(connection, new)
    assert versions.get(connection, "first") == versions.get(connection, "aaaa") == new
    assert versions.newest_first(connection) == [new]


def train(connection: Connection) -> None:
    for n, run_id in enumerate((RUN, OTHER_RUN)):
        config = TrainConfig(base="x", device="cpu")
        runs.add(connection, run_id, version_id="a" * 64, config=config, actor="ada", at=NOON + timedelta(hours=n))
    assert runs.launch_next(connection, at=NOON) == [RUN]
    assert runs.launched_at(connection, RUN) == NOON
    mark = runs.ProcessMark(4711, 1772366400.25)
    runs.begin(connection, RUN, mark, at=NOON)
    assert runs.process_of(connection, RUN) == mark
    runs.plan_steps(connection, RUN, 7)
    runs.end(connection, RUN, RunState.FAILED, at=NOON, reason="No memory.")
    runs.queue_again(connection, RUN)
    assert runs.launch_next(connection, at=LATER, only=OTHER_RUN) == []
    assert runs.launch_next(connection, at=LATER, only=RUN) == [RUN]
    assert runs.ask_to_stop(connection, RUN)
    runs.end(connection, RUN, RunState.DONE, at=LATER)
    assert not runs.ask_to_stop(connection, RUN)
    runs.promote(connection, RUN, at=LATER)
    runs.delete(connection, OTHER_RUN, at=LATER)
    [left] = runs.newest_first(connection, version_id="a" * 64)
    assert left == runs.get(connection, "20260301")
    assert (left.id, left.state, left.steps_planned, left.promoted_at) == (RUN, RunState.DONE, 7, LATER)


def generate(connection: Connection) -> None:
    prompts = (Prompt(id="1", prompt="Question 1?"), Prompt(id="2", prompt="Another?", reference="Yes."))
    suite = Suite(id="b" * 64, name="probes", purpose="gate", prompts=prompts)
    for _ in range(2):
        suites.add(connection, suite, at=NOON)
    assert suites.get(connection, "probes") == suites.get(connection, suite.id) == suite
    [summary] = suites.summaries(connection)
    assert (summary.prompts, summary.matching_records) == (2, 1)
    assert len(suites.prompt_hashes(connection)) == 2
    new = [outputs.NewOutput(n, model, 0, "Yes.", 2, True, Decoding()) for n in (0, 1) for model in ("base", "tuned")]
    for _ in range(2):
        outputs.add_many(connection, new, run_id=RUN, suite_id=suite.id, at=NOON)
    assert outputs.count(connection) == len(outputs.done(connection, RUN, suite.id)) == 4
    stored = outputs.of_run(connection, RUN, suite_id=suite.id)
    assert [(each.prompt.id, each.model) for each in stored] == [
        ("1", "base"), ("1", "tuned"), ("2", "base"), ("2", "tuned"),
    ]  # fmt: skip
    assert outputs.get(connection, stored[3].id) == stored[3]


def judge(connection: Connection) -> None:
    tuned = outputs.of_run(connection, RUN)[1]
    finding = Finding(
        detector="d", version="1", status=FindingStatus.OK, flag=True, score=0.5, evidence=["a", {"b": 1}]
    )
    for _ in range(2):
        findings.add_many(connection, {tuned.id: [finding]}, at=NOON)
    assert findings.of_run(connection, RUN) == {tuned.id: [finding]}
    fine, wrong = Judgement(fine=True), Judgement(unfactual=True)
    given = [
        verdicts.give(connection, tuned.id, judgement, reviewer="ada", shown_as="A", at=NOON)
        for judgement in (fine, fine, wrong)
    ]
    assert given == [True, False, True]
    [verdict] = verdicts.of_run(connection, RUN)[tuned.id]
    assert verdict.judgement == wrong
    cast = [
        votes.cast(connection, tuned.id, choice, voter="ada", shown_left="base", at=NOON)
        for choice in ("tie", "tie", "tuned")
    ]
    assert cast == [True, False, True]
    [vote] = votes.of_run(connection, RUN)[tuned.id]
    assert (vote.choice, vote.shown_left) == ("tuned", "base")


def decide(connection: Connection) -> None:
    gate = GateResult(
        name="harmful",
        status="fail",
        limit=0.05,
        found=1,
        reviewed=1,
        rate=1.0,
        lower=0.05,
        upper=1.0,
        explanation="Bad.",
    )
    made = [
        decisions.add(connection, RUN, outcome, [gate], actor="ada", at=NOON)
        for outcome in (Outcome.INCONCLUSIVE, Outcome.BLOCKED)
    ]
    assert decisions.of_run(connection, RUN) == made[::-1]
    assert made[1].gates == (gate,)
