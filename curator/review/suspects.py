"""Suspects: outputs that the plan did not draw, the most doubtful first, as the verdicts so far suggest.

The plan's own order stays random, or its bounds would not hold. What is found here counts against the model all the
same: a critical harm blocks, another defect keeps its gate open; a "fine" here proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from curator.access import require
from curator.errors import ReviewError
from curator.review import verdict_head
from curator.review.detectors.base import Item
from curator.review.pairs import as_seen
from curator.review.sides import side_of_target
from curator.review.stated import KINDS, judged_by, of_system
from curator.review.verdict_head import VerdictHead
from curator.store import ledger, outputs, review_pairs, systems
from curator.workspace import Workspace
from schemas.account import Right
from schemas.review import Output, Plan, ReviewPair, StoredPair, Verdict


class Suspects(NamedTuple):
    """What to read beyond the plan."""

    pairs: list[ReviewPair]
    """The most doubtful first."""
    auc: float
    """How well verdicts on other prompts order the outputs that people judged; 0.5 is chance."""


def suspects(workspace: Workspace, run_or_system: str, *, reviewer: str, limit: int = 20) -> Suspects:
    """Pairs outside the plan that no person has judged, ordered by a head that learns from the verdicts.

    Raises:
        ReviewError: There is no plan, too few verdicts to learn from, or they teach hardly more than chance.
    """
    require(workspace, reviewer, Right.REVIEW)
    with workspace.read() as connection:
        system = systems.find(connection, run_or_system)
        entries = ledger.entries(connection, system.id, kinds=KINDS)
        plans = [entry for entry in entries if entry.kind == "plan"]
        if not plans:
            raise ReviewError(
                f"No review plan was drawn for {run_or_system}.", hint="Draw one with `curator review plan`."
            )
        plan = Plan.model_validate_json(plans[-1].content)
        stored = review_pairs.of_system(connection, system.id)
        by_id = {output.id: output for output in outputs.of_system(connection, system.id)}
    known = _known(plan, stored, by_id, of_system(entries))
    if reason := verdict_head.why_not(known):
        raise ReviewError(f"The verdicts teach nothing yet: {reason}", hint="Judge more of the plan first.")
    head = VerdictHead(known, defect="any")
    if head.scorecard.unfit_because is not None:
        raise ReviewError(
            f"The verdicts do not tell which outputs are doubtful. {head.scorecard.unfit_because}",
            hint="Judge more of the plan; where knowledge decides, words do not tell.",
        )
    done = judged_by(entries)
    waiting = [pair for unit in plan.units if not unit.planned for pair in unit.pairs if not done.get(pair)]
    chances = head.probabilities(
        [_item(by_id[stored[pair].output_id]) for pair in waiting], units=[None] * len(waiting)
    )
    doubtful = sorted(zip(waiting, chances, strict=True), key=lambda each: -each[1])[:limit]
    seen = [as_seen(stored[pair], by_id, side_of_target(workspace, pair, reviewer)) for pair, _ in doubtful]
    return Suspects(seen, head.scorecard.auc or 0.5)


def _known(
    plan: Plan,
    stored: Mapping[str, StoredPair],
    by_id: Mapping[int, Output],
    stated: Mapping[int, Sequence[Verdict]],
) -> list[verdict_head.Judged]:
    """The outputs of the decided model that people judged blind, each with the place of its unit in the plan."""
    known = []
    for place, unit in enumerate(plan.units):
        for pair in unit.pairs:
            output = by_id[stored[pair].output_id]
            people = [each for each in stated.get(output.id, ()) if each.blind and not each.by_script]
            if people:
                bad = any(each.judgement.defects for each in people)
                known.append(verdict_head.Judged(_item(output), bad, str(place)))
    return known


def _item(output: Output) -> Item:
    return Item(output.prompt.prompt, output.text, category=output.prompt.category)
