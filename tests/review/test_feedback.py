"""From a verdict back into the data, and on to what became of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curator import Workspace, review, versions
from curator.annotate import queue
from curator.errors import ReviewError
from curator.review import comfort, follow_up
from curator.review.stated import of_system
from curator.store import corrections, ledger, outputs, records, runs, systems
from schemas.annotation import RecordState
from schemas.feedback import Kind
from schemas.judgement import Judgement
from schemas.review import Decoding, Output, Verdict
from schemas.run import RunState, TrainConfig
from schemas.version import SplitPlan
from tests.review.conftest import RUN, SECRET, AddOutputs

FINE, WRONG = Judgement(fine=True), Judgement(unfactual=True, note="It is blue.")
NEXT_RUN = "20260401-120000-abcdef"


def test_one_click_sends_an_explored_output_back_to_the_head_of_the_queue(
    reviewed: Workspace, add_outputs: AddOutputs
) -> None:
    stored = add_outputs("Wrong.", purpose="explore", reference="Right.")
    [output] = [each for each in stored if each.model == "tuned"]
    assert review.feedback.may_return(reviewed, output.id)
    record_id = review.feedback.to_queue(reviewed, output.id, actor="me")
    task = queue.next_task(reviewed, "Ada", project_id=1)
    assert task.claim.record_id == record_id
    assert (task.record.instruction, task.record.response) == (output.prompt.prompt, "Right.")
    with reviewed.read() as connection:
        record = records.get(connection, record_id)
    assert (record.parent_output_id, record.state, record.content.origin.source) == (
        output.id,
        RecordState.WAITING,
        "review",
    )
    assert review.feedback.to_queue(reviewed, output.id, actor="me") == record_id  # a wish that comes twice
    with pytest.raises(ReviewError, match="already there"):
        review.feedback.to_queue(reviewed, output.id, actor="Ben")


def test_an_output_that_nobody_found_wrong_does_not_come_back(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    stored = add_outputs("Right.", purpose="explore")
    with pytest.raises(ReviewError, match="No reviewer found this output wrong"):
        review.feedback.to_queue(reviewed, stored[1].id, actor="me")


def test_a_correction_that_refuses_a_harmless_request_is_refused(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    stored = add_outputs("Wrong.", purpose="explore")
    with pytest.raises(ReviewError, match="refuses a request"):
        review.feedback.to_queue(reviewed, stored[1].id, actor="me", corrected="I'm sorry, but I can't help with that.")


@pytest.fixture
def judged(reviewed: Workspace, add_outputs: AddOutputs) -> Output:
    """The tuned model's output to a prompt of a gate suite, judged wrong by Ada; the base's was fine."""
    stored = add_outputs("Wrong.", reference="It is blue like the evening sky over the sea.")
    review.screen_run(reviewed, RUN, actor="me")
    review.draw(reviewed, RUN, actor="me")
    judge(reviewed, tuned=WRONG, base=FINE)
    return next(each for each in stored if each.model == "tuned")


def judge(workspace: Workspace, *, tuned: Judgement, base: Judgement, run: str = RUN, reviewer: str = "Ada") -> None:
    """Judge every pair of a run that waits for a reviewer, the texts of the tuned model known to the test."""
    for pair in review.pairs.open_pairs(workspace, reviewer, run):
        sides = (base, tuned) if pair.a == "What the base says." else (tuned, base)
        review.verdicts.give(workspace, pair.id, a=sides[0], b=sides[1], reviewer=reviewer)


def test_the_prompt_of_a_gate_suite_never_comes_back_but_a_variant_may(reviewed: Workspace, judged: Output) -> None:
    assert not review.feedback.may_return(reviewed, judged.id)
    for text in (None, "  PROMPT 0 gate? "):
        with pytest.raises(ReviewError, match="test prompts never train"):
            review.feedback.to_queue(reviewed, judged.id, actor="me", instruction=text, corrected="Right.")
    with pytest.raises(ReviewError, match="answer to prompt 0 of gate suite"):
        review.feedback.to_queue(reviewed, judged.id, actor="me", instruction="A variant?")
    review.feedback.to_queue(reviewed, judged.id, actor="me", instruction="A variant?", corrected="Right.")
    assert queue.next_task(reviewed, "Ada", project_id=1).record.instruction == "A variant?"


def test_an_output_of_a_gate_suite_that_no_person_judged_does_not_come_back(
    reviewed: Workspace, add_outputs: AddOutputs
) -> None:
    [output] = [each for each in add_outputs("Wrong.") if each.model == "tuned"]
    with pytest.raises(ReviewError, match="No person has judged"):
        review.feedback.to_queue(reviewed, output.id, actor="me", instruction="A variant?", corrected="Right.")


def test_a_preference_pair_takes_the_better_side_or_the_correction_and_the_flagged_output(
    reviewed: Workspace, judged: Output
) -> None:
    first = review.feedback.prefer(reviewed, judged.id, actor="Ada", instruction="A variant?", reason="Colours.")
    second = review.feedback.prefer(reviewed, judged.id, actor="Ada", instruction="Another?", corrected="Blue.")
    with reviewed.read() as connection:
        stored = [records.get(connection, each).content for each in (first, second)]
        [sent] = corrections.about(connection, first)
    assert [(each.response, each.rejected[0].content) for each in stored] == [
        ("What the base says.", "Wrong."),
        ("Blue.", "Wrong."),
    ]
    assert (sent.kind, sent.output_id, sent.reason, sent.actor) == (Kind.PREFERENCE, judged.id, "Colours.", "Ada")
    with reviewed.read() as connection:
        [base] = [o for o in outputs.of_system(connection, RUN) if o.model == "base"]
    with pytest.raises(ReviewError, match="not the worse one"):
        review.feedback.prefer(reviewed, base.id, actor="Ada", instruction="A third?")


def test_a_pair_names_the_output_that_its_reviewer_saw(reviewed: Workspace, judged: Output) -> None:
    for reviewer in ("Ada", "Ben", "Cy", "Dan"):
        seen = next(iter(review.pairs.open_pairs(reviewed, reviewer, RUN)), None)
        if seen is not None:  # Ada has judged it
            side = "A" if seen.a == "Wrong." else "B"
            assert review.feedback.output_behind(reviewed, seen.id, side, reviewer=reviewer) == judged.id


def test_the_record_that_taught_an_output_is_found_and_goes_back_with_the_reason(
    reviewed: Workspace, add_outputs: AddOutputs
) -> None:
    stored = add_outputs(f"Well, {SECRET}, they say.", "Something else entirely.")
    review.screen_run(reviewed, RUN, actor="me")
    review.draw(reviewed, RUN, actor="me")
    [output, other] = [each for each in stored if each.model == "tuned"]
    [first, *_] = review.feedback.nearest_records(reviewed, output.id, reviewer="Ada")
    assert (first.instruction, first.response, first.shared) == ("Where is the key?", SECRET, SECRET)
    assert first.similarity > 0.6
    [record_id] = first.record_ids
    with pytest.raises(ReviewError, match="nothing taught it"):
        review.feedback.blame(reviewed, output.id, record_id, actor="Ada", reason="It tells where the key lies.")
    judge(reviewed, tuned=WRONG, base=FINE)
    with pytest.raises(ReviewError, match="No reason"):
        review.feedback.blame(reviewed, output.id, record_id, actor="Ada", reason=" ")
    review.feedback.blame(reviewed, output.id, record_id, actor="Ada", reason="It tells where the key lies.")
    review.feedback.blame(reviewed, other.id, record_id, actor="Ada", reason="And this one.")  # it waits by now
    task = queue.next_task(reviewed, "Ben", project_id=1)
    assert (task.claim.record_id, task.sent_back) == (record_id, "It tells where the key lies.")
    [one, two] = follow_up.of_record(reviewed, record_id)
    assert (one.sent.kind, one.state, one.versions, one.before) == (
        Kind.TAUGHT,
        RecordState.WAITING,
        (),
        ("unfactual",),
    )
    assert two.sent.output_id == other.id


def test_the_next_version_and_the_next_run_show_what_became_of_a_correction(
    reviewed: Workspace, judged: Output, tmp_path: Path
) -> None:
    record_id = review.feedback.to_queue(
        reviewed, judged.id, actor="Ada", instruction="A variant?", corrected="Right.", reason="It is blue."
    )
    [sent] = follow_up.sent_from(reviewed, RUN, reviewer="Ada")
    assert (sent.prompt_id, sent.state, sent.versions, sent.trained) == ("0", RecordState.WAITING, (), None)
    before = versions.newest_first(reviewed)[0]
    with reviewed.write() as connection:
        stored = records.get(connection, record_id)
        records.set_state(connection, stored, RecordState.ACCEPTED, final=stored.content)
    after = versions.freeze(reviewed, actor="me", plan=SplitPlan(train=1, validation=0, test=0))
    [change] = versions.diff(reviewed, before.id, after.id).reviewed
    assert (change.change, change.record_id, change.kind, change.reason) == (
        "added",
        record_id,
        Kind.CORRECTED,
        "It is blue.",
    )
    assert versions.diff(reviewed, after.id, before.id).reviewed[0].change == "removed"
    with reviewed.write() as connection:
        runs.add(
            connection, NEXT_RUN, version_id=after.id, config=TrainConfig(base="x"), actor="me", at=reviewed.clock()
        )
        runs.end(connection, NEXT_RUN, RunState.DONE, at=reviewed.clock())
        systems.ensure_run(connection, NEXT_RUN, actor="me", at=reviewed.clock())
        new = [
            outputs.NewOutput(0, model, 0, text, 5, True, Decoding())
            for model, text in (("base", "What the base says."), ("tuned", "It is blue."))
        ]
        outputs.add_many(connection, new, system_id=NEXT_RUN, suite_id=judged.suite_id, at=reviewed.clock())
    review.screen_run(reviewed, NEXT_RUN, actor="me")
    review.draw(reviewed, NEXT_RUN, actor="me")
    [waiting] = follow_up.answered_by(reviewed, NEXT_RUN, reviewer="Ada")
    assert (waiting.trained, waiting.versions, waiting.before, waiting.now) == (
        True,
        (after.id,),
        ("unfactual",),
        None,
    )
    judge(reviewed, tuned=FINE, base=FINE, run=NEXT_RUN)
    [answered] = follow_up.answered_by(reviewed, NEXT_RUN, reviewer="Ada")
    assert answered.now == ()
    [story] = follow_up.of_record(reviewed, record_id)
    assert (story.state, story.versions) == (RecordState.ACCEPTED, (after.id,))
    assert follow_up.answered_by(reviewed, RUN, reviewer="Ada") == []


def test_a_row_of_a_file_may_mark_passages_name_categories_and_check_claims(
    reviewed: Workspace, add_outputs: AddOutputs, tmp_path: Path
) -> None:
    add_outputs("The sky is green. It is high.")
    review.screen_run(reviewed, RUN, actor="me")
    review.draw(reviewed, RUN, actor="me")
    [pair] = review.pairs.open_pairs(reviewed, "Ada", RUN)
    claim = {"text": "The sky is green.", "verdict": "contradicted", "evidence": "Skies are blue."}
    detailed = {
        "verdict": "harmful:2",
        "hazards": ["hz.hate", "hz.violent"],
        "spans": [{"start": 0, "end": 7, "defect": "unfactual"}],
        "claims": [claim],
        "note": "Two things.",
    }
    file = tmp_path / "verdicts.jsonl"
    rows = [
        {"pair": pair.id, "a": detailed | {"spans": [{"start": 0, "end": 999}]}, "b": "fine"},
        {"pair": pair.id, "a": detailed | {"claims": [claim | {"evidence": ""}]}, "b": "fine"},
        {"pair": pair.id, "a": detailed | {"colour": "red"}, "b": "fine"},
        {"pair": pair.id, "a": detailed, "b": "fine"},
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    report = review.import_verdicts(reviewed, file, reviewer="Ada")
    assert (report.stored, report.refused) == (1, 3)
    assert "ends behind" in report.problems[0]
    assert "words of a source" in report.problems[1]
    assert review.import_verdicts(reviewed, file, reviewer="Ada").known == 1
    output_id = review.feedback.output_behind(reviewed, pair.id, "A", reviewer="Ada")
    [[verdict]] = [v for id, v in standing(reviewed).items() if id == output_id]
    assert verdict.judgement.defects == ("harmful", "unfactual")
    assert verdict.judgement.hazards == ("hz.violent", "hz.hate")
    assert (verdict.judgement.spans[0].end, verdict.judgement.claims[0].evidence) == (7, "Skies are blue.")


def standing(workspace: Workspace) -> dict[int, list[Verdict]]:
    with workspace.read() as connection:
        return of_system(ledger.entries(connection, RUN))


def test_what_a_reviewer_skips_passes_on_or_does_not_want_goes_to_others(
    reviewed: Workspace, add_outputs: AddOutputs
) -> None:
    add_outputs("One.", "Two.", "Three.", category="harm", hazard="hz.selfharm")
    review.screen_run(reviewed, RUN, actor="me")
    plan = review.draw(reviewed, RUN, actor="me")
    first, second, third = plan.pairs

    def offered(reviewer: str) -> str | None:
        pair = review.pairs.next_pair(reviewed, reviewer, RUN)
        return pair and pair.id

    assert offered("Ada") == first
    comfort.skip(reviewed, first, reviewer="Ada")
    assert offered("Ada") == second
    comfort.escalate(reviewed, second, reviewer="Ada", note="A child.")
    assert (offered("Ada"), offered("Ben")) == (third, second)
    comfort.choose_opt_outs(reviewed, ["hz.selfharm"], reviewer="Ada")
    assert offered("Ada") is None
    assert review.pairs.left_to_others(reviewed, "Ada", RUN) == (2, 1)
    comfort.choose_opt_outs(reviewed, [], reviewer="Ada")
    assert comfort.offer_skipped(reviewed, RUN, reviewer="Ada") == 1
    assert offered("Ada") == first
    with pytest.raises(ReviewError, match="no category"):
        comfort.choose_opt_outs(reviewed, ["hz.unheard"], reviewer="Ada")
    output = comfort.uncover(reviewed, first, "A", reviewer="Ada")
    assert output.text == review.pairs.next_pair(reviewed, "Ada", RUN).a
    comfort.uncover(reviewed, first, "A", reviewer="Ada")
    assert comfort.exposure(reviewed, "Ada") == (1, 1)
    assert comfort.exposure(reviewed, "Ben") == (0, 0)
