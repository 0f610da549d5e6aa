"""Decisions: every outcome has its reason, and nothing unknown becomes a release."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from curator import Workspace, release, review
from curator.errors import ReviewError
from curator.release.gates import learnt
from curator.review.detectors.base import Item
from curator.store import projects
from schemas.judgement import Judgement
from schemas.release import Gates, Outcome
from schemas.review import Finding
from schemas.run import HeldOutLoss, RunResult
from tests.review.conftest import RUN, AddOutputs

FINE = Judgement(fine=True)
WRONG = Judgement(unfactual=True)


def planned(workspace: Workspace, judgement: Judgement | None = None) -> None:
    """Draw the plan, and let Ada judge all of it alike."""
    review.screen_run(workspace, RUN, actor="me")
    review.draw(workspace, RUN, actor="me")
    for pair in review.pairs.open_pairs(workspace, "Ada", RUN) if judgement else ():
        review.verdicts.give(workspace, pair.id, a=judgement, b=judgement, reviewer="Ada")


def test_a_run_that_nobody_looked_at_is_inconclusive(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    assert release.decide(reviewed, RUN, actor="me").outcome is Outcome.INCONCLUSIVE
    add_outputs(*(f"Text number {n} is fine." for n in range(60)))
    planned(reviewed)
    decision = release.decide(reviewed, RUN, actor="me")
    assert decision.outcome is Outcome.INCONCLUSIVE
    stands = release.assess(reviewed, RUN)
    prospect = release.prospect(stands)
    assert (prospect.left, prospect.at_best, prospect.in_the_way) == ({"task": 23}, Outcome.RELEASE, ())
    [task] = prospect.gates
    assert (task.left, task.now, task.if_sound, task.if_defective) == (23, "inconclusive", "pass", "fail")
    assert task.pairs == tuple(pair.id for pair in review.pairs.open_pairs(reviewed, "Ada", RUN))
    assert task.spare == 1  # the plan was drawn so that one defect can be borne


def test_enough_clean_verdicts_release(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    add_outputs(*(f"Text number {n} is fine." for n in range(60)))
    planned(reviewed, FINE)
    decision = release.decide(reviewed, RUN, actor="me")
    assert decision.outcome is Outcome.RELEASE, decision.reasons
    assert release.decisions_of(reviewed, RUN) == [decision]
    [task] = [gate for gate in decision.gates if gate.category]
    assert (task.base_defects, task.base_judged) == (0, 23)


def test_wrong_answers_block_and_are_compared_with_the_base(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    add_outputs(*(f"Text number {n} is wrong." for n in range(60)))
    planned(reviewed)
    for pair in review.pairs.open_pairs(reviewed, "Ada", RUN):
        said = {"a": WRONG, "b": FINE} if "wrong" in pair.a else {"a": FINE, "b": WRONG}
        review.verdicts.give(reviewed, pair.id, **said, reviewer="Ada")
    assert release.decide(reviewed, RUN, actor="me").outcome is Outcome.BLOCKED
    change, refusals = release.against_base(reviewed, release.assess(reviewed, RUN))[:2]
    assert (change.fixed, change.still_failing, change.newly_failing, change.fine) == (0, 0, 23, 0)
    assert (change.measure, change.category, change.judged_by) == ("broken or unfactual", "task", "people")
    assert {each.kind for each in change.failing} == {"newly failing"}
    assert (refusals.measure, refusals.newly_failing, refusals.fine) == ("over-refusal", 0, 23)
    assert change.p_value == pytest.approx(2 * 0.5**23)


def test_a_detector_that_failed_makes_the_decision_inconclusive(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    class Broken:
        id = "broken"
        version = "1"

        def judge(self, item: Item) -> Finding:
            raise ConnectionError("the judge is gone")

    add_outputs(*(f"Text number {n} is fine." for n in range(60)))
    review.screen_run(reviewed, RUN, actor="me", detectors=[Broken()])
    planned(reviewed, FINE)
    plan = review.standing(reviewed, RUN)
    assert {unit.stratum for unit in plan.units} == {"critical"}  # a person reads what a detector could not
    decision = release.decide(reviewed, RUN, actor="me")
    assert decision.outcome is Outcome.INCONCLUSIVE
    assert [gate.name for gate in decision.gates if gate.status != "pass"] == ["detector errors"]


def test_outputs_of_an_explore_suite_decide_nothing(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    add_outputs("Wrong.", purpose="explore")
    review.screen_run(reviewed, RUN, actor="me")
    with pytest.raises(ReviewError, match="no output of a gate suite"):
        review.draw(reviewed, RUN, actor="me")
    assert release.assess(reviewed, RUN).outcome is Outcome.INCONCLUSIVE


def test_a_run_that_learnt_nothing_is_blocked() -> None:
    losses = {nll: HeldOutLoss(split="test", records=5, response_tokens=20, nll=nll) for nll in (1.0, 3.0)}
    result = RunResult(steps=5, response_tokens=9, heldout_base=losses[1.0], heldout_tuned=losses[3.0], seconds=1.0)
    assert learnt(result).status == "fail"
    assert learnt(None).status == "inconclusive"


def test_other_limits_are_stored_with_an_event(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    release.change_gates(reviewed, 1, Gates(harmful=0.5), actor="lead")
    with reviewed.read() as connection:
        assert projects.by_name(connection).gates.harmful == 0.5


def test_the_report_shows_the_evidence_and_runs_nothing_from_it(
    reviewed: Workspace, add_outputs: AddOutputs, tmp_path: Path
) -> None:
    add_outputs('<script>alert("x")</script> I cannot say that.', "Red.", category="task", reference="Red.")
    planned(reviewed, WRONG)
    release.decide(reviewed, RUN, actor="<b>me</b>")
    html = release.write_report(reviewed, RUN, tmp_path / "deep" / "report.html", actor="Lea").read_text()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "&lt;b&gt;me" in html
    assert re.findall(r"""(?:src|href)\s*=\s*["'](?!#)|url\((?!#)|@import""", html) == []
    assert "2 of 2 judged task prompts" in html
    assert "3.000" in html
    assert "<svg" in html


def test_task_scores_compare_base_and_tuned(add_outputs: AddOutputs) -> None:
    stored = add_outputs("Red.", "Blue.", category="task", task="colour", reference="Red.")
    [score] = release.task_scores(stored)
    assert (score.task, score.prompts, score.base, score.tuned) == ("colour", 2, 0.0, 0.5)
