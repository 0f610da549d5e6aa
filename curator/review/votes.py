"""Votes: which of two answers people prefer, without knowing whose it is.

It asks for a preference, where a verdict asks for defects. A vote must tell nothing about a review: its pairs have ids
and sides of their own, and the outputs of a gate suite are offered to those only whose part of the review is closed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from curator.access import require
from curator.errors import ReviewError
from curator.review.pairs import outputs_of
from curator.review.sides import ballot_id, ballot_side
from curator.review.verdicts import part_is_closed
from curator.stats.intervals import wilson
from curator.store import events, projects, suites
from curator.store import votes as vote_store
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind, of_output
from schemas.review import Choice, Output, ReviewPair, Vote, VoteTally


def next_pair(workspace: Workspace, voter: str, run_id: str) -> ReviewPair | None:
    """The pair that a voter should see next: one with few votes first; None when they have voted on all.

    Two answers that are equal word for word are left out: there is nothing to prefer.
    """
    require(workspace, voter, Right.REVIEW)
    with workspace.read() as connection:
        cast_so_far = vote_store.of_run(connection, run_id)
    waiting = [
        pair
        for pair in _offered(workspace, run_id, voter)
        if pair[0].text != pair[1].text and all(vote.voter != voter for vote in cast_so_far.get(pair[1].id, []))
    ]
    if not waiting:
        return None
    base, tuned = min(waiting, key=lambda pair: len(cast_so_far.get(pair[1].id, [])))
    name = ballot_id(workspace, tuned.id, base.id)
    texts = (tuned.text, base.text) if ballot_side(workspace, name, voter) == "A" else (base.text, tuned.text)
    return ReviewPair(id=name, prompt=tuned.prompt, a=texts[0], b=texts[1])


def cast(workspace: Workspace, run_id: str, pair: str, choice: str, *, voter: str) -> bool:
    """Store a vote; False when the same one stands already.

    Args:
        workspace: Where the run is.
        run_id: Whose outputs were compared.
        pair: Id of the pair, as the voter saw it.
        choice: `A`, `B`, `tie` or `both bad`.
        voter: Who votes.

    Raises:
        ReviewError: The run has no such pair for this voter, or the choice is unknown.
    """
    require(workspace, voter, Right.REVIEW)
    side = ballot_side(workspace, pair, voter)
    left: Literal["base", "tuned"] = "tuned" if side == "A" else "base"
    right: Literal["base", "tuned"] = "base" if side == "A" else "tuned"
    by_side: dict[str, Choice] = {"A": left, "B": right, "tie": "tie", "both bad": "both bad"}
    if choice not in by_side:
        raise ReviewError(f"{choice} is not a choice.", hint="Say A, B, tie or both bad.")
    offered = _offered(workspace, run_id, voter)
    meant = [tuned for base, tuned in offered if ballot_id(workspace, tuned.id, base.id) == pair]
    if not meant:
        raise ReviewError(f"Run {run_id} has no pair {pair}.", hint="Reload the page.")
    with workspace.write() as connection:
        now = workspace.clock()
        projects.ensure_person(connection, voter, at=now)
        new = vote_store.cast(connection, meant[0].id, by_side[choice], voter=voter, shown_left=left, at=now)
        if new:
            detail = {"run": run_id, "choice": by_side[choice], "left": left}
            events.append(connection, Kind.VOTE, of_output(meant[0].id), actor=voter, at=now, detail=detail)
    return new


def kept_for_review(workspace: Workspace, voter: str, run_id: str) -> int:
    """Pairs of a run that a voter is not offered before their part of its review is closed."""
    require(workspace, voter, Right.REVIEW)
    return len(outputs_of(workspace, run_id)) - len(_offered(workspace, run_id, voter))


def _offered(workspace: Workspace, run_id: str, voter: str) -> list[tuple[Output, Output]]:
    """Base and tuned output of every pair that a voter may see."""
    pairs = outputs_of(workspace, run_id)
    if part_is_closed(workspace, run_id, reviewer=voter):
        return pairs
    with workspace.read() as connection:
        gates = {each.id for each in suites.summaries(connection) if each.purpose == "gate"}
    return [pair for pair in pairs if pair[1].suite_id not in gates]


def tally(workspace: Workspace, run_id: str) -> VoteTally:
    """The votes on a run, each pair counted once."""
    with workspace.read() as connection:
        stored = vote_store.of_run(connection, run_id)
    said = Counter(_settled(votes) for votes in stored.values())
    decided = said["tuned"] + said["base"]
    interval = wilson(said["tuned"], decided) if decided else None
    return VoteTally(
        pairs=len(stored),
        votes=sum(map(len, stored.values())),
        tuned=said["tuned"],
        base=said["base"],
        ties=said["tie"],
        both_bad=said["both bad"],
        win_rate=said["tuned"] / decided if decided else None,
        lower=interval.lower if interval else None,
        upper=interval.upper if interval else None,
    )


def _settled(votes: Sequence[Vote]) -> Choice:
    """What most voters say of a pair; a tie where the two most frequent are even."""
    counted = Counter(vote.choice for vote in votes).most_common()
    if len(counted) > 1 and counted[0][1] == counted[1][1]:
        return "tie"
    return counted[0][0]
