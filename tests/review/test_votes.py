"""Blind votes: the side is drawn and stored, a pair counts once, a second thought replaces the first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from curator import Workspace
from curator.errors import ReviewError
from curator.review import draw, screen_run, verdicts, votes
from curator.review.pairs import next_pair, open_pairs
from curator.review.stated import of_system
from curator.store import events, ledger
from curator.store import votes as register
from schemas.judgement import Judgement
from schemas.review import ReviewPair
from tests.review.conftest import RUN, AddOutputs


def vote_for(model: str, pair: ReviewPair) -> str:
    """The side of a model: what the base says is known in these tests."""
    return "A" if (pair.a == "What the base says.") == (model == "base") else "B"


def test_everybody_votes_once_on_each_pair_and_equal_answers_are_left_out(
    reviewed: Workspace, add_outputs: AddOutputs
) -> None:
    add_outputs("One.", "Two.", "What the base says.", purpose="explore")  # the last equals the answer of the base
    seen = []
    while (pair := votes.next_pair(reviewed, "Ada", RUN)) is not None:
        seen.append(pair.prompt.id)
        assert votes.cast(reviewed, RUN, pair.id, vote_for("tuned", pair), voter="Ada")
        assert not votes.cast(reviewed, RUN, pair.id, vote_for("tuned", pair), voter="Ada")  # pressed twice
    assert sorted(seen) == ["0", "1"]
    found = votes.tally(reviewed, RUN)
    assert (found.pairs, found.votes, found.tuned, found.win_rate) == (2, 2, 2, 1.0)
    assert 0 < found.lower < 1 == found.upper
    assert votes.next_pair(reviewed, "Ben", RUN) is not None


def test_votes_and_verdicts_that_two_tabs_send_at_once_stand_once(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    add_outputs("One.", purpose="explore")
    add_outputs("One.")
    screen_run(reviewed, RUN, actor="me")
    draw(reviewed, RUN, actor="me")
    ballot = votes.next_pair(reviewed, "Ada", RUN)
    pair = next_pair(reviewed, "Ada", RUN)
    together = Barrier(5)

    def send(_: int) -> tuple[bool, bool]:
        with reviewed.read():  # the connection is made before, or its making would draw the threads apart
            together.wait()
        voted = votes.cast(reviewed, RUN, ballot.id, "A", voter="Ada")
        judgements = {"a": Judgement(fine=True), "b": Judgement(biased=True)}
        return voted, verdicts.give(reviewed, pair.id, **judgements, reviewer="Ada")

    with ThreadPoolExecutor(5) as pool:
        voted, judged = zip(*pool.map(send, range(5)), strict=True)
    assert sum(voted) == 1
    assert sum(judged) == 1
    assert votes.tally(reviewed, RUN).votes == 1
    with reviewed.read() as connection:
        standing = of_system(ledger.entries(connection, RUN))
    assert {len(each) for each in standing.values()} == {1}


def test_a_pair_counts_as_most_of_its_voters_say(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    add_outputs("One.", purpose="explore")
    for voter, model in (("Ada", "tuned"), ("Ben", "base")):
        pair = votes.next_pair(reviewed, voter, RUN)
        votes.cast(reviewed, RUN, pair.id, vote_for(model, pair), voter=voter)
    assert votes.tally(reviewed, RUN).ties == 1  # one each
    pair = votes.next_pair(reviewed, "Cleo", RUN)
    votes.cast(reviewed, RUN, pair.id, vote_for("base", pair), voter="Cleo")
    found = votes.tally(reviewed, RUN)
    assert (found.base, found.tuned, found.ties, found.win_rate) == (1, 0, 0, 0.0)
    votes.cast(reviewed, RUN, pair.id, "both bad", voter="Cleo")  # changes her mind
    found = votes.tally(reviewed, RUN)
    assert (found.votes, found.ties, found.win_rate) == (3, 1, None)


def test_the_side_is_drawn_for_each_voter_and_stored(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    [_, tuned] = add_outputs("One.", purpose="explore")
    left = set()
    for n in range(12):
        pair = votes.next_pair(reviewed, f"voter {n}", RUN)
        assert votes.next_pair(reviewed, f"voter {n}", RUN) == pair  # a reload shows the same
        votes.cast(reviewed, RUN, pair.id, "tie", voter=f"voter {n}")
        left.add("base" if pair.a == "What the base says." else "tuned")
    assert left == {"base", "tuned"}
    with reviewed.read() as connection:
        stored = register.of_run(connection, RUN)[tuned.id]
        logged = events.about(connection, f"output {tuned.id}")
    assert {vote.shown_left for vote in stored} == left
    assert len([event for event in logged if event.kind == "vote"]) == 12


def test_an_unknown_choice_and_a_false_pair_are_refused(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    add_outputs("One.", "Two.", purpose="explore")
    pair = votes.next_pair(reviewed, "Ada", RUN)
    with pytest.raises(ReviewError, match="is not a choice"):
        votes.cast(reviewed, RUN, pair.id, "C", voter="Ada")
    with pytest.raises(ReviewError, match="has no pair"):
        votes.cast(reviewed, RUN, "another", "A", voter="Ada")


def test_a_vote_tells_a_reviewer_nothing_about_what_they_judge(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    add_outputs(*(f"Answer {n}." for n in range(40)))
    screen_run(reviewed, RUN, actor="me")
    draw(reviewed, RUN, actor="me")
    assert votes.next_pair(reviewed, "Ada", RUN) is None
    assert votes.kept_for_review(reviewed, "Ada", RUN) == 40
    judged = next_pair(reviewed, "Ada", RUN)
    with pytest.raises(ReviewError, match="has no pair"):
        votes.cast(reviewed, RUN, judged.id, "A", voter="Ada")
    verdicts.give(reviewed, judged.id, a=Judgement(fine=True), b=Judgement(fine=True), reviewer="Ada")
    assert verdicts.judges_blind(reviewed, RUN, reviewer="ada")
    assert not verdicts.judges_blind(reviewed, RUN, reviewer="Ben"), "has judged nothing"
    verdicts.close(reviewed, RUN, reviewer="Ada")
    assert not verdicts.judges_blind(reviewed, RUN, reviewer="Ada")
    assert votes.kept_for_review(reviewed, "Ada", RUN) == 0
    ballots = {}
    while (ballot := votes.next_pair(reviewed, "Ada", RUN)) is not None:
        ballots[ballot.id] = ballot
        votes.cast(reviewed, RUN, ballot.id, "tie", voter="Ada")
    judged_as = {pair.prompt.id: pair for pair in open_pairs(reviewed, "Ada", RUN)}
    assert not {pair.id for pair in judged_as.values()} & set(ballots)
    same = [ballot.a == judged_as[ballot.prompt.id].a for ballot in ballots.values() if ballot.prompt.id in judged_as]
    assert True in same, "sides are drawn apart, so that 39 of them all agree or all differ once in 10^11 runs"
    assert False in same
