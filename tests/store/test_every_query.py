"""Every function that speaks to the database, run once on each database: nothing is written for one of them only."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import pkgutil
import sys
from datetime import timedelta
from pathlib import Path
from types import CodeType, FrameType

import pytest

from curator import Workspace, jobs, overview, release, review, store
from curator.access import accounts, passwords, sessions
from curator.annotate import (
    adjudicate,
    agreement,
    answers,
    ask_again,
    assignment,
    comments,
    keymap,
    lookup,
    progress,
    questions,
    queue,
    settings,
    skipped_and_flagged,
    team,
    undo,
)
from curator.curate import bulk, workbench
from curator.curate.indexing import catch_up
from curator.curate.query import parse
from curator.errors import AccessError
from curator.ingest import import_file, quarantine, recent_imports, undo_import
from curator.review import comfort, follow_up, votes
from curator.store import (
    accepted,
    acts,
    annotations,
    bases,
    claims,
    corrections,
    duplicates,
    events,
    facts,
    gold,
    import_rows,
    outputs,
    projects,
    qualities,
    records,
    runs,
    selection,
    skips,
    suggestions,
    suites,
    systems,
    tallies,
    topics,
    traits,
    verdicts,
)
from curator.store import jobs as stored_jobs
from curator.store import quarantine as kept_rows
from curator.store import versions as frozen
from curator.store.jobs import Owner
from schemas.account import Role
from schemas.act import Assign
from schemas.annotation import Answer, RecordState, Suggestion
from schemas.audience import pool_audience
from schemas.duplicate import DuplicateKind, KeepRule
from schemas.event import Kind
from schemas.judgement import Judgement
from schemas.process import ProcessMark
from schemas.questions import Option, OptionMapping, Question, QuestionSet
from schemas.run import TrainConfig
from tests.curate.crowd import EVERY
from tests.jobs.counting import COUNTING
from tests.review.conftest import RUN, AddOutputs, add_outputs, reviewed

__all__ = ["add_outputs", "reviewed"]

_NO_QUERIES = {"engine", "schema", "tables", "migrations"}


def queries() -> dict[CodeType, str]:
    """Every public function of `curator.store` that takes a connection."""
    found = {}
    for module in pkgutil.iter_modules(store.__path__):
        if module.name in _NO_QUERIES:
            continue
        loaded = importlib.import_module(f"curator.store.{module.name}")
        for name, function in inspect.getmembers(loaded, inspect.isfunction):
            is_own = function.__module__ == loaded.__name__ and not name.startswith("_")
            if is_own and "connection" in inspect.signature(function).parameters:
                found[function.__code__] = f"{module.name}.{name}"
    return found


@pytest.mark.slow
def test_every_query_runs(reviewed: Workspace, add_outputs: AddOutputs, tmp_path: Path) -> None:
    wanted = queries()
    called: set[str] = set()

    def note(frame: FrameType, kind: str, _argument: object) -> None:
        if kind == "call" and frame.f_code in wanted:
            called.add(wanted[frame.f_code])

    sys.setprofile(note)
    try:
        _walk(reviewed, add_outputs, tmp_path)
    finally:
        sys.setprofile(None)
    # What the fixtures called before the walk began, on the same database.
    before = {"records.add_many", "versions.add", "runs.add", "runs.end", "projects.ensure_default", "projects.create"}
    assert sorted(set(wanted.values()) - called - before) == []


def _walk(workspace: Workspace, add_outputs: AddOutputs, tmp_path: Path) -> None:
    _import(workspace, tmp_path)
    _annotate(workspace)
    _lead(workspace)
    _train(workspace)
    _review(workspace, add_outputs)
    _curate(workspace)
    _accounts(workspace)
    _jobs(workspace)
    _bulk(workspace)
    _duplicates(workspace)
    overview.counts(workspace, project_id=1)
    overview.latest_events(workspace, limit=5)


def _duplicates(workspace: Workspace) -> None:
    """Two records are declared to be the same; setting one aside and putting it back leaves them as they were."""
    at, kind = workspace.clock(), DuplicateKind.BOTH
    with workspace.write() as connection:
        compared = duplicates.compared(connection, 1)
        kept, other = (str(id) for id in compared.ids[:2])
        hashes = {str(id): bytes(each).ljust(32, b"\0") for id, each in zip(compared.ids, compared.hashes, strict=True)}
        searches = [
            duplicates.begin(connection, 1, kind=kind, keep=KeepRule.LONGEST, least=0.8, records=2, actor="Lea", at=at)
            for _ in range(2)
        ]
        old, new = searches
        rows = [duplicates.Membership(id, hashes[id], kept, 1.0, None, id == kept) for id in (kept, other)]
        duplicates.add(connection, new, rows)
        assert duplicates.outdated(connection, 1, kind) == searches
        duplicates.finish(connection, new, clusters=1, members=1, largest=1)
        assert duplicates.outdated(connection, 1, kind, before=new) == [old]
        assert duplicates.remove_some(connection, old, 10)
        found = duplicates.latest(connection, 1, kind)
        assert found == duplicates.get(connection, new) and found is not None
        assert [each.kept_id for each in duplicates.clusters(connection, new)] == [kept]
        assert [each.record_id for each in duplicates.members(connection, new, kept)] == [other]
        duplicates.mark_applied(connection, new, actor="Lea", at=at)
        gone = duplicates.set_aside(connection, found, after="", limit=10)
        assert len(duplicates.applied(connection, 1)) == 1
        assert (duplicates.why(connection, other) is not None) == bool(gone.changed)
        assert duplicates.put_back(connection, found, after="", limit=10).changed == gone.changed
        duplicates.mark_undone(connection, new, actor="Lea", at=at)


def _jobs(workspace: Workspace) -> None:
    job_id = jobs.start(workspace, COUNTING, {"to": 6}, "Lea", detach=False)
    jobs.execute(workspace, job_id, on_progress=lambda *_: jobs.cancel(workspace, job_id, actor="Lea"))
    jobs.resume(workspace, job_id, actor="Lea", detach=False)
    gone = Owner("another machine", ProcessMark(1, 1.0))
    with workspace.write() as connection:
        stored_jobs.take(connection, job_id, gone, at=workspace.clock())
        assert stored_jobs.beat(connection, job_id, gone, at=workspace.clock())
    assert [job.id for job in jobs.watch(workspace)] == [job_id]


def _bulk(workspace: Workspace) -> None:
    bulk.select(workspace, "", Assign(person="Lea"), actor="Lea")
    for act in EVERY:
        bulk.preview(workspace, bulk.choose(workspace, "", project_id=1), act)
        report = bulk.select(workspace, "", act, actor="Lea")
        job = bulk.take_back(workspace, report.id, actor="Lea", detach=False)
        jobs.execute(workspace, job.id)
    with workspace.read() as connection:
        first = records.page(connection, 1, limit=1)[0].id
        assert acts.about(connection, first)
    assert bulk.choose(workspace, [first], project_id=1).keys.tolist() == [int(first)]
    [newest, *_] = bulk.recent(workspace, project_id=1)
    bulk.not_changed(workspace, newest.id)


def _import(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [{"prompt": f"Question {n}?", "completion": f"Answer {n}."} for n in range(12)]
    file.write_text("\n".join([*map(json.dumps, rows), '{"prompt": "x"}']))
    report = import_file(workspace, file, actor="me")
    assert (report.imported, report.quarantined) == (12, 1)
    assert len(recent_imports(workspace, project_id=1)) == 1
    [row] = quarantine.waiting(workspace)
    fixed = {row.id: '{"prompt": "x", "completion": "y"}'}
    assert quarantine.retry(workspace, actor="me", texts=fixed).imported == 1
    with workspace.write() as connection:
        assert kept_rows.count_open(connection, 1) == 0
        frozen.name_it(connection, "unknown", "gold")
    file.write_text('{"prompt": "undone", "completion": "z"}\n{"prompt": "x"}\n')
    import_file(workspace, file, actor="me")
    [waiting] = quarantine.waiting_by_rule(workspace)
    assert waiting.rows == 1
    assert import_file(workspace, file, actor="me").duplicates == 1  # the bad row waits under the newer import
    newest, older, _ = recent_imports(workspace, project_id=1)
    assert import_file(workspace, file, actor="me", accept=True).still_waiting == 1
    assert undo_import(workspace, newest.id + 1, actor="me").shared == 0
    assert undo_import(workspace, newest.id, actor="me").quarantined == 0
    assert undo_import(workspace, older.id, actor="me").removed == 1
    assert import_file(workspace, file, actor="me").imported == 1
    [newest, *_] = recent_imports(workspace, project_id=1)
    assert undo_import(workspace, newest.id, actor="me").removed == 1


def _annotate(workspace: Workspace) -> None:
    def task(person: str):
        return queue.next_task(workspace, person, project_id=1)

    def submit(person: str, **given: object) -> Answer:
        claimed = task(person)
        assert queue.record_of(workspace, claimed.claim, annotator=person) == claimed.record
        answer = Answer(response=claimed.record.response, rating=4, **given)
        answers.save_draft(workspace, claimed.claim, answer, annotator=person)
        answers.submit(workspace, claimed.claim, answer, annotator=person, active_seconds=5)
        return answer

    with workspace.write() as connection:
        first = records.page(connection, 1, limit=20)
        assert len(list(records.every(connection, 1))) >= len(first)
        still = (each for each in first if each.state.value == "waiting")
        waiting = sorted(still, key=lambda each: each.content.instruction)  # "x" comes last
        suggestions.add_many(
            connection,
            [(each.id, Suggestion(question="rating", value=4, source="a rule", score=0.5)) for each in waiting],
            at=workspace.clock(),
        )
        assert records.of_hash(connection, 1, [waiting[0].content_hash]) == {waiting[0].content_hash: waiting[0].id}
        assert records.hashes_of(connection, [waiting[0].id]) == {waiting[0].content_hash}
    submit("Ada")
    undo.undo_last(workspace, "Ada", project_id=1)
    submit("Ada")
    held = task("Ada")
    assert queue.record_of(workspace, held.claim, annotator="Ada") == held.record
    answers.skip(workspace, held.claim, Answer(response="x"), annotator="Ada")
    assert not answers.save_draft(workspace, held.claim, Answer(response=""), annotator="Ada").is_kept
    undo.undo_last(workspace, "Ada", project_id=1)
    queue.give_back(workspace, task("Ada").claim, annotator="Ada")
    flagged = task("Ada")
    answers.flag(workspace, flagged.claim, Answer(response="x", note="?"), annotator="Ada")
    ask_again.unflag(workspace, flagged.claim.record_id, actor="Lea", reason="All right.")
    queue.renew(workspace, task("Ada").claim, annotator="Ada", active_seconds=3)
    queue.claim_record(workspace, "Ben", waiting[-1].id)
    queue.why_empty(workspace, "Ben", project_id=1)
    queue.offer_skipped(workspace, "Ben", project_id=1)
    [newest, *_] = answers.history(workspace, "Ada", project_id=1)
    undo.reopen(workspace, newest.annotation.id, annotator="Ada")
    submit("Ada")
    ask_again.send_back(workspace, newest.annotation.record_id, reason="Once more.", actor="Lea")
    submit("Ada")
    progress(workspace, "Ada", project_id=1)
    comments.add(workspace, waiting[0].id, "Hm.", author="Ada")
    number = adjudicate.ask(workspace, waiting[0].id, "Really?", author="Ada")
    assert {each.kind for each in skipped_and_flagged(workspace, "Ada", project_id=1)} >= {"flagged", "asked"}
    assert len(adjudicate.inbox(workspace, project_id=1)) == 1
    adjudicate.rule(workspace, number, "Yes.", actor="Lea")
    assert lookup.find(workspace, waiting[0].id, project_id=1)[0].id == waiting[0].id
    assert lookup.find(workspace, "question", project_id=1)
    assert lookup.page(workspace, project_id=1, limit=1)
    assert catch_up(workspace, 1, actor="Lea").left == 0
    with workspace.read() as connection:
        assert traits.values(connection, 1, "source", limit=5)
        assert tallies.people(connection, 1)
        assert facts.of_records(connection, [waiting[0].id]) is not None
        asked = parse("state:waiting source:rows.jsonl question")
        ids = connection.execute(selection.statement(connection, asked, 1)).scalars().all()
        assert selection.count(connection, asked, 1) == len(ids) > 0
        assert sorted(selection.page(connection, asked, 1).ids) == sorted(ids)
    workbench.save_view(workspace, "asked", "question", sort="", columns=(), project_id=1, actor="Lea")
    assert [view.query for view in workbench.views(workspace, 1)] == ["question"]
    workbench.remove_view(workspace, "asked", project_id=1, actor="Lea")
    story = lookup.story(workspace, waiting[0].id)
    assert (len(story.comments), len(story.doubts)) == (1, 1)
    alike = [each.id for each in waiting if each.content.instruction.startswith("Question")]
    claimed = [queue.claim_record(workspace, "Eva", record_id) for record_id in alike]
    assert all(each.rulings for each in claimed if each is not None)
    assert any(each is not None for each in claimed)
    for each in filter(None, claimed):
        queue.give_back(workspace, each.claim, annotator="Eva")
    keymap.change_keys(workspace, "Ada", {"skip": "w"})
    assert keymap.keys_of(workspace, "Ada")["skip"] == "w"
    with workspace.write() as connection:
        now = workspace.clock()
        assert annotations.recent_seconds(connection, "Ada", project_id=1)
        assert annotations.records_of(connection, "Ada")
        assert annotations.people_of(connection, [newest.annotation.record_id])
        assert events.about(connection, newest.annotation.record_id)
        assert events.newest(connection, newest.annotation.record_id, [Kind.SUBMIT])
        skips.add(connection, waiting[0].id, "Zoe", at=now)
        skips.remove(connection, waiting[0].id, "Zoe")
        at_random = claims.claim_next(
            connection, "Zoe", project_id=1, now=now, until=now + timedelta(minutes=1), at_random=True
        )
        assert at_random is not None


def _lead(workspace: Workspace) -> None:
    settings.change(workspace, project_id=1, actor="Lea", gold_every=1)
    lease = assignment.leases(workspace, project_id=1)[0]
    assignment.release(workspace, lease.slot_id, project_id=1, actor="Lea")
    assignment.set_pool(workspace, "medical", ["Ada", "Ben"], project_id=1, actor="Lea")
    assignment.set_pool(workspace, "medical", ["Ada"], project_id=1, actor="Lea")
    assert assignment.pool_members(workspace, project_id=1) == {"medical": ["Ada"]}
    assert assignment.assign_next(workspace, 2, project_id=1, actor="Lea", pool="medical") == 2
    assert assignment.kept(workspace, project_id=1) == {pool_audience("medical"): 2}
    assert assignment.free(workspace, pool_audience("medical"), project_id=1, actor="Lea") == 2
    with workspace.read() as connection:
        everything = records.page(connection, 1, limit=50)
    waiting = [each.id for each in everything if each.state.value == "waiting"]
    *_, batch = recent_imports(workspace, project_id=1)
    assert assignment.set_priority(workspace, batch.id, 5, actor="Lea") > 0
    assert assignment.require_reviews(workspace, 2, project_id=1, actor="Lea") == len(waiting)
    assignment.mark_gold(workspace, waiting[1], Answer(response="x", rating=5), actor="Lea")
    with workspace.read() as connection:
        assert gold.next_for(connection, "Pia", project_id=1) == waiting[1]
    calibrated = queue.next_task(workspace, "Pia", project_id=1)
    assert calibrated.claim.record_id == waiting[1]
    answers.submit(workspace, calibrated.claim, Answer(response="x", rating=4), annotator="Pia")
    member = next(each for each in team(workspace, project_id=1).members if each.name == "Pia")
    assert (member.gold_right, member.gold_given) == (1, 1)
    assignment.unmark_gold(workspace, waiting[1], actor="Lea")
    agreement.report(workspace, project_id=1)
    assert adjudicate.cases(workspace, project_id=1) == []
    first, second, third = (Option(value=letter, label=letter) for letter in "abc")
    tone = Question(id="tone", kind="choice", title="Tone", options=(first, second))
    asked = QuestionSet(questions=(*QuestionSet().questions, tone))
    questions.change_questions(workspace, asked, project_id=1, actor="Lea")
    merged = tone.model_copy(update={"options": (second, third)})
    after = QuestionSet(questions=(*QuestionSet().questions, merged))
    mappings = [OptionMapping(question="tone", old="a", new="b")]
    assert questions.plan_change(workspace, after, project_id=1, mappings=mappings).kind.value == "mapping"
    before = queue.next_task(workspace, "Ada", project_id=1)
    questions.change_questions(workspace, after, project_id=1, actor="Lea", mappings=mappings)
    strict = [each if each.id != "tone" else each.model_copy(update={"required": True}) for each in after.questions]
    change = questions.change_questions(workspace, QuestionSet(questions=tuple(strict)), project_id=1, actor="Lea")
    assert change.records == questions.last_change(workspace, project_id=1).waiting > 0
    assert questions.take_back_change(workspace, project_id=1, actor="Lea") == change.records
    given = Answer(response="x", rating=4, values={"tone": "a"})
    answers.submit(workspace, before.claim, given, annotator="Ada", seen=before.seen)
    questions.set_guideline(workspace, "Be kind.", project_id=1, actor="Lea")
    seen = questions.since(
        workspace, project_id=1, questions_hash=before.questions_hash, guideline_hash=before.guideline_hash
    )
    assert (seen.guideline_before, seen.guideline_now) == ("", "Be kind.")
    settings.create(workspace, "second", actor="Lea")
    with workspace.read() as connection:
        assert [each.name for each in projects.all_projects(connection)] == ["default", "second"]
        done = [each.id for each in records.page(connection, 1, state=RecordState.ACCEPTED)]
        edited = [each.id for each in accepted.edited(connection, accepted.places(connection, 1).edited)]
        in_parts = accepted.places(connection, 1).records[:, 0].astype(str).tolist()
        assert sorted([*edited, *in_parts]) == sorted(done)
        assert len(edited) == len(accepted.places(connection, 1).edited)
        assert list(accepted.written_arrivals(connection, 1)) == []
    ask_again.send_back(workspace, done[0], reason="Again, please.", actor="Lea")
    with workspace.read() as connection:
        settled = [each.id for each in records.page(connection, 1, limit=50) if each.state.value == "accepted"]
    assignment.mark_gold(workspace, settled[0], Answer(response="x", rating=5), actor="Lea")
    assignment.unmark_gold(workspace, settled[0], actor="Lea")
    assert assignment.set_pool(workspace, "medical", [], project_id=1, actor="Lea") == 0


def _curate(workspace: Workspace) -> None:
    with workspace.write() as connection:
        set_id = facts.asked_id(connection, {"mine": "1"})
        [(first, _)] = facts.next_records(connection, 1, enough=[set_id], limit=1)
        assert records.texts_now(connection, [first])[0].record_id == first
        assert facts.count_records(connection, 1) > 1
        stored = records.get(connection, first)
        counted = facts.Facts(first, stored.text_hash, 2, 7, 1, None, None, ("mine",), {})
        facts.store(connection, [counted], set_id=set_id, revisions={"mine": "1"})
        assert facts.count_uncounted(connection, 1, enough=facts.asked_sets(connection)) > 0
        assert facts.coverage(connection, 1) == {set_id: 1}
        assert facts.examples(connection, 1, "mine", "1", most=2) == [first]
        assert facts.first_error(connection, 1, "mine", "1") is None
        assert [each.hits for each in facts.tallied(connection, 1)] == [1]
        facts.choose(connection, 1, "mine", facts.Setting(is_on=True, level="error"))
        assert facts.settings(connection, 1)["mine"].is_on
        facts.keep_profile(connection, 1, {}, at=workspace.clock())
        assert facts.kept_profile(connection, 1) is not None
        assert len(topics.text_hashes(connection, 1).ids) == topics.count_records(connection, 1)
        some = [topics.NewTopic(name, (name,), ()) for name in ("one", "other")]
        shown, old = topics.add(connection, 1, some, at=workspace.clock())
        text_hash = bytes.fromhex(stored.text_hash)
        topics.assign(connection, [(shown, first, text_hash), (old, first, text_hash)])
        topics.show(connection, 1, [shown])
        assert topics.remove_old(connection, 1, most=9) == 1
        assert [(each.name, each.records) for each in topics.shown(connection, 1)] == [("one", 1)]
        assert topics.counted_at(connection, 1) is not None
        assert topics.of_records(connection, [first]) == {first: "one"}
        assert [each.id for each in records.in_file_order(connection, [first])] == [first]
        assert qualities.ratings(connection, 1)
        assert qualities.rules_that_hit(connection, 1)
        assert qualities.response_lengths(connection, 1)
        assert qualities.imports_of(connection, 1)
        brought = import_rows.rows_of(connection, 1)
        assert len(list(import_rows.as_brought(connection, 1, brought.ids.tolist()))) == len(brought.ids) > 0


def _accounts(workspace: Workspace) -> None:
    now = workspace.clock()
    password = "four brown hens"
    accounts.setup_link(workspace)
    accounts.redeem(workspace, accounts.setup_link(workspace), name="Ada", password=password)
    accounts.redeem(workspace, accounts.invite(workspace, Role.LEAD, actor="Ada"), name="Lea", password=password)
    accounts.redeem(workspace, accounts.reset(workspace, "Lea", actor="Ada"), name="Lea", password=password)
    accounts.set_role(workspace, "Lea", Role.ADMIN, actor="Ada")
    accounts.disable(workspace, "Lea", actor="Ada")
    accounts.enable(workspace, "Lea", actor="Ada")
    with pytest.raises(AccessError):
        passwords.sign_in(workspace, "Lea", "wrong", address="10.0.0.1")
    token = passwords.sign_in(workspace, "Lea", password, address="10.0.0.1")
    assert sessions.who(workspace, token).role is Role.ADMIN
    later = dataclasses.replace(workspace, clock=lambda: now + timedelta(hours=2))
    assert sessions.who(later, token).name == "Lea"
    sessions.sign_out(workspace, token)
    assert sessions.who(workspace, token) is None


def _train(workspace: Workspace) -> None:
    now = workspace.clock()
    with workspace.write() as connection:
        version = runs.get(connection, RUN).version_id
        for name in ("one", "two"):
            runs.add(connection, name, version_id=version, config=TrainConfig(base="x"), actor="me", at=now)
        assert runs.launch_next(connection, at=now) == ["one"]
        assert runs.launched_at(connection, "one") == now
        runs.begin(connection, "one", ProcessMark(1, 1.0), at=now)
        runs.plan_steps(connection, "one", 5)
        assert runs.process_of(connection, "one") == ProcessMark(1, 1.0)
        assert runs.ask_to_stop(connection, "one")
        runs.promote(connection, RUN, at=now)
        runs.describe(connection, "one", name="short answers", note="")
        assert runs.is_called(connection, "Short answers") == "one"
        bases.add(connection, "small", "/models/small", actor="me", at=now)
        assert bases.newest_first(connection)[0].name == bases.name_of(connection, "/models/small") == "small"
        assert bases.remove(connection, "small")
        runs.delete(connection, "two", at=now)
        runs.queue_again(connection, "one")
        assert {run.id for run in runs.newest_first(connection)} == {RUN, "one"}


def _review(workspace: Workspace, add_outputs: AddOutputs) -> None:
    [output, *_] = add_outputs("Red.", "Blue.")
    with workspace.read() as connection:
        assert outputs.get(connection, output.id) == output
        [suite] = suites.summaries(connection)
        assert suites.get(connection, suite.name).name == suite.name
        assert len(outputs.done(connection, RUN, suite.id)) == 4  # two prompts, base and tuned
    review.screen_run(workspace, RUN, actor="me")
    review.draw(workspace, RUN, actor="me")
    pair = review.pairs.next_pair(workspace, "Ada", RUN)
    review.verdicts.give(workspace, pair.id, a=Judgement(fine=True), b=Judgement(unfactual=True), reviewer="Ada")
    judged = review.feedback.output_behind(workspace, pair.id, "B", reviewer="Ada")
    record_id = review.feedback.to_queue(
        workspace, judged, actor="Ada", instruction="A variant?", corrected="A colour."
    )
    with workspace.read() as connection:
        assert corrections.about(connection, record_id) == corrections.of_output(connection, judged)
    assert len(follow_up.sent_from(workspace, RUN, reviewer="Ada")) == 1
    comfort.uncover(workspace, pair.id, "A", reviewer="Ada")
    assert comfort.exposure(workspace, "Ada") == (1, 1)
    comfort.escalate(workspace, pair.id, reviewer="Ben")
    comfort.choose_opt_outs(workspace, ["hz.cse"], reviewer="Ada")
    assert comfort.opt_outs(workspace, "Ada") == {"hz.cse"}
    assert comfort.offer_skipped(workspace, RUN, reviewer="Ada") == 0
    review.verdicts.withdraw(workspace, pair.id, reviewer="Ada", reason="A slip.")
    with workspace.write() as connection:
        theirs = systems.ensure_named(connection, "theirs", project_id=1, actor="me", at=workspace.clock())
        assert systems.ensure_named(connection, "theirs", project_id=1, actor="me", at=workspace.clock()) == theirs
        assert {each.id for each in systems.all_systems(connection)} == {RUN, theirs.id}
        assert verdicts.count_before_plans(connection, RUN) == 0
    review.verdicts.close(workspace, RUN, reviewer="Ada")
    ballot = votes.next_pair(workspace, "Ada", RUN)
    votes.cast(workspace, RUN, ballot.id, "tie", voter="Ada")
    votes.tally(workspace, RUN)
    release.decide(workspace, RUN, actor="me")
