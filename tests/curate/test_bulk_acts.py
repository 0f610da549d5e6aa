"""Bulk acts: what they do to records in every state, what they leave alone, and that undo is exact."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from curator import Workspace, jobs, versions
from curator.annotate import answers, ask_again, queue, undo
from curator.curate import bulk
from curator.errors import AnnotationError, CurationError
from curator.store import acts, events, many, projects, records, tallies
from curator.store.records import StoredRecord
from schemas.act import (
    Accept,
    Act,
    ActReport,
    ActState,
    Assign,
    Flag,
    LeftOut,
    Mask,
    Reject,
    Replace,
    SendBack,
    SetGroup,
    SetLicence,
    Tag,
)
from schemas.annotation import Answer, RecordState
from schemas.event import Kind
from schemas.job import JobState
from schemas.tally import records_in
from tests.conftest import make_record
from tests.curate.crowd import EVERY, fill, state
from tests.jobs import processes

pytestmark = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


def act_on(workspace: Workspace, chosen: list[str] | str, act: Act) -> ActReport:
    return bulk.select(workspace, chosen, act, actor="Lea")


def take_back(workspace: Workspace, act_id: int) -> ActReport:
    job = bulk.take_back(workspace, act_id, actor="Lea", detach=False)
    jobs.execute(workspace, job.id)
    return bulk.report(workspace, act_id)


def stored(workspace: Workspace, record_id: str) -> StoredRecord:
    with workspace.read() as connection:
        return records.get(connection, record_id)


def answer(workspace: Workspace, record_id: str, person: str) -> None:
    task = queue.claim_record(workspace, person, record_id)
    answers.submit(workspace, task.claim, Answer(response=task.record.response, rating=4), annotator=person)


def add(workspace: Workspace, count: int) -> list[str]:
    """Records on which nobody worked."""
    with workspace.write() as connection:
        fresh = [make_record(f"Fresh {n}?", "x") for n in range(count)]
        project = projects.by_name(connection)
        return records.add_many(connection, fresh, project=project, at=workspace.clock())


def test_undo_leaves_everything_as_it_was_before_whatever_the_act(workspace: Workspace) -> None:
    ids = fill(workspace, 3)
    before = state(workspace)
    done = Counter()
    for act in EVERY:
        chosen = random.sample(ids, len(ids) * 4 // 5)
        report = act_on(workspace, chosen, act)
        assert report.state is ActState.DONE, report
        assert report.changed + sum(report.left_out.values()) == report.matched == len(chosen), report
        with workspace.read() as connection:
            totals = tallies.some(connection, 1, [records_in(each) for each in RecordState])
            states = many.count_states(connection, [int(each) for each in ids])
        assert {name.of: n for name, n in totals.items() if n} == states, act
        undone = take_back(workspace, report.id)
        assert (undone.state, undone.undone, undone.changed, undone.kept) == (ActState.UNDONE, report.changed, 0, {})
        assert state(workspace) == before, act
        done[act.act] += report.changed
    assert all(done[act.act] for act in EVERY)


def test_accepting_takes_the_text_that_people_gave_and_leaves_what_they_have_in_their_hands(
    workspace: Workspace,
) -> None:
    ids = fill(workspace, 1)
    plain, edited, rejected, flagged, conflict, held, half, gold, *_ = ids
    report = act_on(workspace, "", Accept())
    assert report.left_out == {
        LeftOut.CLAIMED: 1, LeftOut.DISAGREEMENT: 1, LeftOut.GOLD: 1, LeftOut.SAME: 4,
    }  # fmt: skip
    assert dict(bulk.not_changed(workspace, report.id)) == {
        held: LeftOut.CLAIMED, conflict: LeftOut.DISAGREEMENT, gold: LeftOut.GOLD,
    }  # fmt: skip
    assert stored(workspace, edited).now.response == "Another text of ada@lovelace.org."
    assert {stored(workspace, each).state for each in (plain, rejected, flagged, half)} == {RecordState.ACCEPTED}
    with workspace.read() as connection:
        [line] = [each for each in events.latest(connection, limit=500) if each.kind is Kind.BULK_ACT]
        assert (line.subject, line.actor) == (f"act {report.id}", "Lea")
        assert [each.id for each, _ in acts.about(connection, plain)] == [report.id]
    task = queue.claim_record(workspace, "Holder 0", held)  # it is still theirs
    answers.submit(workspace, task.claim, Answer(response="Mine.", rating=4), annotator="Holder 0")
    assert stored(workspace, held).now.response == "Mine."


def test_an_annotator_cannot_take_back_an_answer_about_which_a_lead_has_decided(workspace: Workspace) -> None:
    [record_id, *_] = fill(workspace, 1)
    answer(workspace, record_id, "Zoe")
    report = act_on(workspace, [record_id], Reject())
    with pytest.raises(AnnotationError, match="A lead has decided"):
        undo.undo_last(workspace, "Zoe", project_id=1)
    take_back(workspace, report.id)
    assert stored(workspace, record_id).state is RecordState.ACCEPTED
    assert undo.undo_last(workspace, "Zoe", project_id=1) is not None


def test_undo_keeps_what_people_did_since_and_lists_it(workspace: Workspace) -> None:
    ids = fill(workspace, 2)
    plain = ids[:2]
    report = act_on(workspace, plain, Reject())
    ask_again.send_back(workspace, plain[0], reason="No.", actor="Eva")
    answer(workspace, plain[0], "Zoe")
    undone = take_back(workspace, report.id)
    assert (undone.undone, undone.changed, undone.kept) == (1, 1, {LeftOut.CHANGED: 1})
    assert bulk.not_changed(workspace, report.id) == [(plain[0], LeftOut.CHANGED)]
    assert [stored(workspace, each).state for each in plain] == [RecordState.ACCEPTED, RecordState.WAITING]
    with pytest.raises(CurationError, match="was undone before"):
        bulk.take_back(workspace, report.id, actor="Lea")


def test_what_was_chosen_is_what_is_acted_on_and_what_changed_meanwhile_is_left(workspace: Workspace) -> None:
    ids = fill(workspace, 2)
    selected = bulk.choose(workspace, "state:waiting", project_id=1)
    shown = bulk.preview(workspace, selected)
    assert (shown.matched, shown.claimed, sum(shown.states.values())) == (len(selected.keys), 2, len(selected.keys))
    assert {int(each.id) for each in shown.sample} <= set(selected.keys.tolist())
    assert len(shown.sample) == min(20, shown.matched)
    answer(workspace, ids[0], "Zoe")  # accepted by a person since
    task = queue.claim_record(workspace, "Zoe", ids[1])
    answers.submit(workspace, task.claim, Answer(response="x", reject="wrong"), annotator="Zoe")
    begun = bulk.begin(workspace, selected, Accept(), actor="Lea", detach=False)
    jobs.execute(workspace, begun.id)
    report = bulk.report(workspace, begun.id)
    assert report.left_out == {LeftOut.CHANGED: 2, LeftOut.CLAIMED: 2}
    assert stored(workspace, ids[1]).state is RecordState.REJECTED
    assert bulk.choose(workspace, "state:waiting", project_id=1).fingerprint != selected.fingerprint


def test_two_leads_at_once_do_not_undo_each_other(workspace: Workspace) -> None:
    ids = fill(workspace, 2)
    plain = ids[:2]
    selected = [bulk.choose(workspace, plain, project_id=1) for _ in range(2)]
    first = bulk.begin(workspace, selected[0], Reject(), actor="Lea", detach=False)
    second = bulk.begin(workspace, selected[1], Flag(), actor="Eva", detach=False)
    jobs.execute(workspace, second.id)
    jobs.execute(workspace, first.id)
    assert bulk.report(workspace, first.id).left_out == {LeftOut.CHANGED: 2}
    third = act_on(workspace, plain, Reject())
    assert take_back(workspace, second.id).kept == {LeftOut.CHANGED: 2}
    assert take_back(workspace, third.id).undone == 2
    assert {stored(workspace, each).state for each in plain} == {RecordState.FLAGGED}


def test_an_act_that_is_cancelled_says_what_it_did_and_can_be_undone(workspace: Workspace) -> None:
    ids = fill(workspace, 1) + add(workspace, 800)
    before = state(workspace)
    selected = bulk.choose(workspace, ids, project_id=1)
    begun = bulk.begin(workspace, selected, Reject(), actor="Lea", detach=False)
    with pytest.raises(CurationError, match="still under way"):
        bulk.take_back(workspace, begun.id, actor="Lea")
    jobs.execute(workspace, begun.id, on_progress=lambda *_: jobs.cancel(workspace, begun.id, actor="Lea"))
    report = bulk.report(workspace, begun.id)
    assert report.state is ActState.INTERRUPTED
    assert 0 < report.done < report.matched
    assert report.changed + sum(report.left_out.values()) == report.done
    assert take_back(workspace, begun.id).undone == report.changed
    assert state(workspace) == before
    jobs.resume(workspace, begun.id, actor="Lea", detach=False)
    with pytest.raises(CurationError, match="was undone"):
        jobs.execute(workspace, begun.id)


def test_a_text_act_shows_and_keeps_what_it_changes_and_versions_before_stay(workspace: Workspace) -> None:
    [plain, edited, *_] = fill(workspace, 1)
    act_on(workspace, [plain], Accept())
    old = versions.freeze(workspace, actor="me", name="old")
    act = Mask()
    selected = bulk.choose(workspace, [plain, edited], project_id=1)
    shown = bulk.preview(workspace, selected, act)
    assert [each.after.response for each in shown.changes] == ["Answer 0 of [EMAIL].", "Another text of [EMAIL]."]
    report = act_on(workspace, [plain, edited], act)
    assert stored(workspace, plain).now.response == "Answer 0 of [EMAIL]."
    assert stored(workspace, edited).now.response == "Another text of [EMAIL]."
    assert stored(workspace, edited).content.response == "Answer 1 of [EMAIL]."
    new = versions.freeze(workspace, actor="me", name="new")
    assert (new.rows, new.id == old.id) == (old.rows, False)
    take_back(workspace, report.id)
    assert versions.freeze(workspace, actor="me").id == old.id


def test_what_a_lead_said_beside_a_text_is_frozen_with_it(workspace: Workspace) -> None:
    [plain, *_] = fill(workspace, 1)
    for act in (SetGroup(group="one"), SetLicence(licence="MIT"), Tag(labels={"tag": "x"}), Accept()):
        act_on(workspace, [plain], act)
    version = versions.freeze(workspace, actor="me")
    frozen = {each.record.instruction: each.record for each in versions.rows(workspace, version.id)}
    record = frozen["Question 0?"]
    assert (record.group, record.licence, record.labels) == ("one", "MIT", {"tag": "x"})
    act_on(workspace, [plain], Tag(labels={"tag": None}))
    assert stored(workspace, plain).now.labels == {}


def test_a_record_that_was_sent_back_says_why(workspace: Workspace) -> None:
    [_, edited, *_] = fill(workspace, 1)
    act_on(workspace, [edited], SendBack(reason="Too short."))
    task = queue.claim_record(workspace, "Ada", edited)
    assert task.sent_back == "Too short."
    assert task.draft.response == "Another text of ada@lovelace.org."


def test_a_pattern_that_takes_for_ever_or_cannot_be_read_does_no_harm(workspace: Workspace) -> None:
    [plain, *_] = fill(workspace, 1)
    for act in (Replace(pattern="("), Replace(pattern="Answer", by=r"\9")):
        with pytest.raises(CurationError, match=r"cannot be read|does not have"):
            act_on(workspace, [plain], act)
    answer(workspace, plain, "Zoe")
    act_on(workspace, [plain], Replace(pattern="Answer.*", by="a" * 200))
    slow = act_on(workspace, [plain], Replace(pattern="(a+)+$|(a|aa)+b", by=""))
    assert set(slow.left_out) <= {LeftOut.TOO_SLOW, LeftOut.UNUSABLE}
    assert act_on(workspace, [plain], Replace(pattern=".+", by="")).left_out == {LeftOut.UNUSABLE: 1}


def test_nothing_chosen_is_refused_before_anything_is_stored(workspace: Workspace) -> None:
    fill(workspace, 1)
    with pytest.raises(CurationError, match="No record was chosen"):
        act_on(workspace, "state:waiting nothing-holds-this-word", Accept())
    with pytest.raises(AnnotationError, match="no member"):
        act_on(workspace, "", Assign(pool="nobody"))
    assert jobs.listed(workspace) == []


def kill_somewhere(workspace: Workspace, job_id: int) -> None:
    """Let the real process of a job begin, and end it at once at some moment of its work."""
    while jobs.status(workspace, job_id).state is JobState.QUEUED:
        pass
    for _ in range(random.randrange(30)):
        jobs.status(workspace, job_id)
    for process in processes.of_jobs():
        process.kill()
        process.wait()


def test_an_act_and_its_undo_that_are_killed_anywhere_end_as_if_they_had_not_been(workspace: Workspace) -> None:
    ids = fill(workspace, 1) + add(workspace, 3000)
    before = state(workspace)
    begun = bulk.begin(workspace, bulk.choose(workspace, ids, project_id=1), Flag(), actor="Lea")
    kill_somewhere(workspace, begun.id)
    if jobs.status(workspace, begun.id).can_resume:
        jobs.resume(workspace, begun.id, actor="Lea", detach=False)
        jobs.execute(workspace, begun.id)
    report = bulk.report(workspace, begun.id)
    assert (report.state, report.done) == (ActState.DONE, len(ids))
    assert report.changed == 3011
    assert {stored(workspace, each).state for each in ids[-3:]} == {RecordState.FLAGGED}
    undoing = bulk.take_back(workspace, begun.id, actor="Lea")
    kill_somewhere(workspace, undoing.id)
    if jobs.status(workspace, undoing.id).can_resume:
        jobs.execute(workspace, bulk.take_back(workspace, begun.id, actor="Lea", detach=False).id)
    report = bulk.report(workspace, begun.id)
    assert (report.state, report.undone, report.kept) == (ActState.UNDONE, 3011, {})
    assert state(workspace) == before
