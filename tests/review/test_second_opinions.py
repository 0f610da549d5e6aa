"""Two people read what matters, a third settles what they disagree about, and the decision counts the third."""

from __future__ import annotations

from pathlib import Path

import pytest

from curator import Workspace, release, review
from curator.errors import ReviewError
from curator.review import adjudication, work
from curator.review.reviewer_agreement import agreement_of
from curator.review.stated import KINDS
from curator.store import ledger
from schemas.judgement import Judgement
from schemas.release import Outcome
from tests.release.walk import SYSTEM, Walk, gate_of

FINE = Judgement(fine=True)
GRAVE = Judgement(harmful=True, severity=3, note="It names the dose.")


@pytest.fixture
def walk(workspace: Workspace, tmp_path: Path) -> Walk:
    """Ninety-three harmless outputs, planned and not judged."""
    walk = Walk(workspace, tmp_path)
    ids = walk.ask("probes", 120)
    walk.answer("probes", {prompt: f"Here is a calm and useful answer to {prompt}." for prompt in ids})
    walk.screen()
    walk.plan()
    return walk


def read_by(walk: Walk, reviewer: str) -> list[str]:
    """The pairs that a reviewer is offered, each judged fine, until nothing is left."""
    offered = []
    while (pair := review.pairs.next_pair(walk.workspace, reviewer, SYSTEM)) is not None:
        offered.append(pair.id)
        review.verdicts.give(walk.workspace, pair.id, a=FINE, b=None, reviewer=reviewer)
    return offered


def counted(walk: Walk) -> work.SecondReadings:
    with walk.workspace.read() as connection:
        entries = ledger.entries(connection, system_id(walk), kinds=KINDS)
    return work.second_readings(walk.workspace, review.standing(walk.workspace, system_id(walk)), entries)


def system_id(walk: Walk) -> str:
    return next(each for each, name in review.reviewable(walk.workspace).items() if name.startswith(SYSTEM))


def test_a_second_person_reads_what_is_grave_and_a_share_of_the_rest_that_the_secret_draws(walk: Walk) -> None:
    first = review.pairs.next_pair(walk.workspace, "Ada", SYSTEM)
    review.verdicts.give(walk.workspace, first.id, a=GRAVE, b=None, reviewer="Ada")
    own = [first.id, *read_by(walk, "Ada")]
    assert len(own) == len(set(own)) == 95
    drawn = work.drawn(walk.workspace, own) | {first.id}
    assert counted(walk) == (len(drawn), 0)
    assert set(read_by(walk, "Ben")) == drawn
    assert counted(walk) == (len(drawn), len(drawn))
    assert review.pairs.next_pair(walk.workspace, "Cy", SYSTEM) is None
    names = [f"{n:020x}" for n in range(2000)]
    before = work.drawn(walk.workspace, names)
    assert 250 < len(before) < 550  # a share of 0.2 is 400; 150 are more than 8 standard errors
    (walk.workspace.folder / "secret.key").unlink()
    assert before != work.drawn(walk.workspace, names)


def test_a_third_person_settles_a_disagreement_and_until_then_the_worst_counts(walk: Walk, tmp_path: Path) -> None:
    pairs = walk.judge(lambda _: "fine")
    disputed = pairs[0].id
    review.verdicts.give(walk.workspace, disputed, a=GRAVE, b=None, reviewer="Ben")
    open_decision = walk.decide()
    harm = gate_of(open_decision, "harm")
    assert (open_decision.outcome, harm.status, harm.defects) == (Outcome.INCONCLUSIVE, "inconclusive", 1)
    assert "Reviewers disagree about 1 prompts" in harm.explanation
    assert adjudication.disputes(walk.workspace, "Ada", SYSTEM) == []
    [case] = adjudication.disputes(walk.workspace, "Cy", SYSTEM)
    assert case.pair.id == disputed
    assert [each.a for each in case.opinions] == [FINE, GRAVE]
    assert "Ben" not in str(case)
    assert "Ada" not in str(case)
    adjudication.settle(walk.workspace, disputed, a=FINE, b=None, reason="It names no dose.", adjudicator="Cy")
    adjudication.settle(walk.workspace, disputed, a=FINE, b=None, reason="It names no dose.", adjudicator="Cy")  # again
    decision = walk.decide()
    assert (decision.outcome, gate_of(decision, "harm").defects) == (Outcome.RELEASE, 0)
    assert adjudication.disputes(walk.workspace, "Dan", SYSTEM) == []
    [agreement] = agreement_of(walk.workspace, SYSTEM, reviewer="Cy")
    assert (agreement.outputs, agreement.percent.value, agreement.category) == (1, 0.0, "harm")
    card = release.write_report(walk.workspace, SYSTEM, tmp_path / "card.md", actor="lead").read_text()
    assert "harm: two people read 1 outputs and agree on 0 %" in card


def test_a_critical_harm_blocks_until_a_third_person_says_otherwise(walk: Walk) -> None:
    pairs = walk.judge(lambda _: "fine")
    walk.say({pairs[0].id: "harmful:4"}, reviewer="Ben")
    assert walk.decide().outcome is Outcome.BLOCKED
    adjudication.settle(walk.workspace, pairs[0].id, a=FINE, b=None, reason="A recipe.", adjudicator="Cy")
    assert gate_of(walk.decide(), "critical harm").status == "pass"


def test_only_a_person_who_is_no_party_and_knows_no_names_settles_with_a_reason(walk: Walk) -> None:
    [pair, other, *_] = walk.judge(lambda _: "fine", limit=5)

    def settle(pair_id: str, adjudicator: str, reason: str = "Because.") -> None:
        adjudication.settle(walk.workspace, pair_id, a=FINE, b=None, reason=reason, adjudicator=adjudicator)

    with pytest.raises(ReviewError, match="do not disagree"):
        settle(pair.id, "Cy")
    walk.say({pair.id: "harmful:3"}, reviewer="Ben")
    with pytest.raises(ReviewError, match="without a reason"):
        settle(pair.id, "Cy", " ")
    for party in ("Ada", "Ben"):
        with pytest.raises(ReviewError, match="has said something about pair"):
            settle(pair.id, party)
    review.verdicts.close(walk.workspace, system_id(walk), reviewer="Cy")
    with pytest.raises(ReviewError, match="has seen whose outputs"):
        settle(pair.id, "Cy")
    settle(pair.id, "Dan")
    walk.say({pair.id: "harmful:2"}, reviewer="Eve")  # a word that comes later opens it again
    assert [case.pair.id for case in adjudication.disputes(walk.workspace, "Fay", SYSTEM)] == [pair.id]
    assert other.id != pair.id


def test_names_stay_hidden_while_a_reader_is_still_needed(walk: Walk) -> None:
    def names(reviewer: str) -> bool:
        return review.verdicts.open_names(walk.workspace, system_id(walk), reviewer=reviewer)

    pairs = walk.judge(lambda _: "fine", limit=92)
    walk.say({pairs[0].id: "harmful:3"}, reviewer="Ben")
    walk.judge(lambda _: "fine")  # nothing is left that no person judged
    read_by(walk, "Ben")
    assert (names("Ada"), names("Ben"), names("lead")) == (True, True, False)
    assert not names("Cy")  # who may settle it
    adjudication.settle(walk.workspace, pairs[0].id, a=GRAVE, b=None, reason="It does.", adjudicator="Cy")
    assert names("lead")
