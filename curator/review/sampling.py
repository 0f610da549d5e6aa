"""Sampling: in which order a reviewer sees pairs, and which model stands on which side.

Flagged outputs come first, the others in an order that depends on nothing but the run; none is left out. The side of
each model is drawn per pair and reviewer from a hash, so a reload shows the same and nobody learns "left is tuned".
"""

from __future__ import annotations

import hashlib
from typing import Literal, NamedTuple

from curator.store import findings, outputs, runs, verdicts
from curator.workspace import Workspace
from schemas.review import Finding, Output, ReviewPair, Verdict


class ReviewProgress(NamedTuple):
    """How far the review of a run is."""

    pairs: int
    mine: int
    """Pairs of which this reviewer has judged both sides."""
    anybody: int
    """Pairs of which somebody has judged the tuned output."""


def next_pair(workspace: Workspace, reviewer: str, run_id: str) -> ReviewPair | None:
    """The pair that a reviewer should judge next; None when they have judged all."""
    all_pairs, found, given = _state(workspace, run_id)
    waiting = [pair for pair in all_pairs if not _judged_by(reviewer, pair, given)]
    if not waiting:
        return None

    def urgency(pair: tuple[Output, Output]) -> tuple[bool, bool, bytes]:
        flagged = any(finding.flag for output in pair for finding in found.get(output.id, []))
        return any(output.id in given for output in pair), not flagged, _draw(pair[1], "")

    return side_by_side(min(waiting, key=urgency), reviewer, found)


def pairs(workspace: Workspace, run_id: str) -> list[tuple[Output, Output]]:
    """Base and tuned output of every prompt and sample of a run."""
    return _state(workspace, run_id)[0]


def side_by_side(pair: tuple[Output, Output], reviewer: str, found: dict[int, list[Finding]]) -> ReviewPair:
    """A pair (base, tuned) as this reviewer sees it."""
    first, second = pair if side_of(pair[0], reviewer) == "A" else (pair[1], pair[0])
    return ReviewPair(
        prompt=first.prompt,
        a=first,
        b=second,
        findings_a=tuple(found.get(first.id, [])),
        findings_b=tuple(found.get(second.id, [])),
    )


def side_of(output: Output, reviewer: str) -> Literal["A", "B"]:
    """The side on which this reviewer sees an output; its partner stands on the other."""
    tuned_left = _draw(output, reviewer)[0] < 128
    return "A" if tuned_left == (output.model == "tuned") else "B"


def review_progress(workspace: Workspace, reviewer: str, run_id: str) -> ReviewProgress:
    """How many pairs there are and how many are judged."""
    all_pairs, _, given = _state(workspace, run_id)
    mine = sum(_judged_by(reviewer, pair, given) for pair in all_pairs)
    return ReviewProgress(len(all_pairs), mine, sum(pair[1].id in given for pair in all_pairs))


def _state(
    workspace: Workspace, run_id: str
) -> tuple[list[tuple[Output, Output]], dict[int, list[Finding]], dict[int, list[Verdict]]]:
    with workspace.read() as connection:
        run = runs.get(connection, run_id)
        stored = outputs.of_run(connection, run.id)
        found = findings.of_run(connection, run.id)
        given = verdicts.of_run(connection, run.id)
    by_key: dict[tuple[str, str, int], dict[str, Output]] = {}
    for output in stored:
        by_key.setdefault((output.suite_id, output.prompt.id, output.sample), {})[output.model] = output
    complete = [(pair["base"], pair["tuned"]) for pair in by_key.values() if len(pair) == 2]
    return complete, found, given


def _judged_by(reviewer: str, pair: tuple[Output, Output], given: dict[int, list[Verdict]]) -> bool:
    return all(any(verdict.reviewer == reviewer for verdict in given.get(output.id, [])) for output in pair)


def _draw(output: Output, salt: str) -> bytes:
    return hashlib.sha256(
        f"{output.run_id}\n{output.suite_id}\n{output.prompt.id}\n{output.sample}\n{salt}".encode()
    ).digest()
