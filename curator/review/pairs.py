"""Pairs: what a reviewer sees next, and on which side each model stands.

The order is that of the plan. The side is drawn for each pair and reviewer with the secret of the workspace, so a
reload shows the same, and no reader of the run can work out which side is the tuned model.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from curator.access import require
from curator.errors import ReviewError
from curator.review.comfort import is_left_out
from curator.review.sides import Side, side_of_target
from curator.review.stated import KINDS, judged_by
from curator.review.work import work_for
from curator.store import Connection, ledger, outputs, review_pairs, set_aside, systems
from curator.workspace import Workspace
from schemas.account import Right
from schemas.review import Output, Plan, ReviewPair, StoredPair


class ReviewProgress(NamedTuple):
    """How far the review of a plan is."""

    planned: int
    """Pairs that the plan drew."""
    judged: int
    """Of those, judged by any person."""
    mine: int
    """Of those, judged by this reviewer."""


def next_pair(workspace: Workspace, reviewer: str, run_or_system: str) -> ReviewPair | None:
    """The pair that a reviewer should judge next, None when nothing is left for them.

    First those of the plan that no person judged, then what the plan wants a second person to read. The reviewer is not
    told which of the two it is.
    """
    require(workspace, reviewer, Right.REVIEW)
    with workspace.read() as connection:
        plan = _plan_of(connection, run_or_system)
        if plan is None:
            return None
        for pair in _waiting(workspace, connection, plan, reviewer):
            return pair
    return None


def _waiting(workspace: Workspace, connection: Connection, plan: Plan, reviewer: str) -> Iterator[ReviewPair]:
    """What is left for a reviewer, without what they set aside or do not want to read."""
    work = work_for(
        workspace,
        plan,
        ledger.entries(connection, plan.system_id, kinds=KINDS),
        reviewer,
        aside=set_aside.of_person(connection, reviewer, plan.system_id),
        passed_on=set_aside.escalated(connection, plan.system_id),
    )
    unwanted = set_aside.opt_outs(connection, reviewer)
    for pair_id in (*work.first, *work.second):
        pair = _seen(workspace, connection, review_pairs.get(connection, pair_id), reviewer)
        if not is_left_out(pair.prompt, unwanted):
            yield pair


class LeftToOthers(NamedTuple):
    """Pairs without a verdict that a reviewer is not offered."""

    skipped: int
    unwanted: int
    """Of categories that they do not want to read."""


def left_to_others(workspace: Workspace, reviewer: str, run_or_system: str) -> LeftToOthers:
    """Why nothing is offered to a reviewer while pairs wait."""
    require(workspace, reviewer, Right.REVIEW)
    with workspace.read() as connection:
        plan = _plan_of(connection, run_or_system)
        if plan is None:
            return LeftToOthers(0, 0)
        work = work_for(workspace, plan, ledger.entries(connection, plan.system_id, kinds=KINDS), reviewer)
        aside = set_aside.of_person(connection, reviewer, plan.system_id)
        unwanted = set_aside.opt_outs(connection, reviewer)
        rest = [pair for pair in (*work.first, *work.second) if pair not in aside]
        prompts = [outputs.get(connection, review_pairs.get(connection, pair).output_id).prompt for pair in rest]
        skipped = len({*work.first, *work.second} & aside)
        return LeftToOthers(skipped, sum(is_left_out(prompt, unwanted) for prompt in prompts))


def open_pairs(
    workspace: Workspace, reviewer: str, run_or_system: str, *, limit: int | None = None
) -> list[ReviewPair]:
    """The pairs that a reviewer has not judged, in the order of the plan.

    Raises:
        ReviewError: No plan was drawn.
    """
    require(workspace, reviewer, Right.REVIEW)
    with workspace.read() as connection:
        plan = _plan_of(connection, run_or_system)
        if plan is None:
            raise ReviewError(
                f"No review plan was drawn for {run_or_system}.", hint="Draw one with `curator review plan`."
            )
        done = judged_by(ledger.entries(connection, plan.system_id, kinds=["verdict", "withdrawal"]))
        waiting = [pair for pair in plan.pairs if reviewer not in done.get(pair, ())][:limit]
        stored = review_pairs.of_system(connection, plan.system_id)
        by_id = {output.id: output for output in outputs.of_system(connection, plan.system_id)}
    return [as_seen(stored[pair], by_id, side_of_target(workspace, pair, reviewer)) for pair in waiting]


def review_progress(workspace: Workspace, reviewer: str, run_or_system: str) -> ReviewProgress:
    """How many pairs are planned and how many are judged."""
    require(workspace, reviewer, Right.REVIEW)
    with workspace.read() as connection:
        plan = _plan_of(connection, run_or_system)
        if plan is None:
            return ReviewProgress(0, 0, 0)
        done = judged_by(ledger.entries(connection, plan.system_id, kinds=["verdict", "withdrawal"]), scripts=False)
    people = [done.get(pair, set()) for pair in plan.pairs]
    return ReviewProgress(len(people), sum(map(bool, people)), sum(reviewer in each for each in people))


def outputs_of(workspace: Workspace, run_or_system: str) -> list[tuple[Output, Output]]:
    """Base and tuned output of every prompt and sample of a run, names known: for programs and votes."""
    with workspace.read() as connection:
        stored = outputs.of_system(connection, systems.find(connection, run_or_system).id)
    by_key: dict[tuple[str, str, int], dict[str, Output]] = {}
    for output in stored:
        by_key.setdefault((output.suite_id, output.prompt.id, output.sample), {})[output.model] = output
    return [(pair["base"], pair["tuned"]) for pair in by_key.values() if len(pair) == 2]


def _plan_of(connection: Connection, run_or_system: str) -> Plan | None:
    system = systems.find(connection, run_or_system)
    entry = ledger.newest(connection, system.id, "plan")
    return None if entry is None else Plan.model_validate_json(entry.content)


def _seen(workspace: Workspace, connection: Connection, pair: StoredPair, reviewer: str) -> ReviewPair:
    shown = [pair.output_id] if pair.other_id is None else [pair.output_id, pair.other_id]
    by_id = {output_id: outputs.get(connection, output_id) for output_id in shown}
    return as_seen(pair, by_id, side_of_target(workspace, pair.id, reviewer))


def as_seen(pair: StoredPair, by_id: dict[int, Output], side: Side) -> ReviewPair:
    """A pair as a reviewer sees it for whom the decided model stands on this side."""
    target = by_id[pair.output_id]
    if pair.other_id is None:
        return ReviewPair(id=pair.id, prompt=target.prompt, a=target.text, b=None, a_turns=target.turns or ())
    both = (target, by_id[pair.other_id])
    first, second = both if side == "A" else both[::-1]
    is_swapped = first.model == second.model
    return ReviewPair(
        id=pair.id,
        prompt=first.prompt,
        a=first.text,
        b=second.text,
        b_prompt=second.prompt if is_swapped else None,
        a_turns=first.turns or (),
        b_turns=second.turns or (),
    )
