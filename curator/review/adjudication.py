"""Adjudication: what two reviewers disagree about, settled by a third person who sees both reasons and no names.

The ledger keeps all three words. `decide` counts the third from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson

from curator import evidence
from curator.access import require
from curator.errors import ReviewError
from curator.review.disputes import disputed_pairs
from curator.review.pairs import as_seen
from curator.review.sides import side_of_target
from curator.review.stated import KINDS, is_closed, of_system
from curator.review.verdicts import Given, close_finished, sealed_judgements
from curator.review.work import work_for
from curator.store import Connection, events, ledger, outputs, projects, review_pairs, systems
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind
from schemas.judgement import Judgement, Relation
from schemas.review import Plan, ReviewPair, StoredPair, Verdict


class Opinion(NamedTuple):
    """What one reviewer said about a pair, as the adjudicator sees its sides; who they are is not told."""

    a: Judgement
    b: Judgement | None
    relation: Relation | None = None
    """Of two swapped prompts."""


class Dispute(NamedTuple):
    """A pair on which reviewers disagree."""

    pair: ReviewPair
    opinions: tuple[Opinion, ...]
    """In the order in which they were given."""


def disputes(workspace: Workspace, adjudicator: str, run_or_system: str) -> list[Dispute]:
    """What a person may settle: pairs on which others disagree and about which they said nothing, in plan order."""
    require(workspace, adjudicator, Right.REVIEW)
    with workspace.read() as connection:
        system = systems.find(connection, run_or_system)
        entries = ledger.entries(connection, system.id, kinds=KINDS)
        plan = _plan_of(entries)
        if plan is None or is_closed(entries, plan, adjudicator):
            return []
        waiting = work_for(workspace, plan, entries, adjudicator).disputes
        stated = of_system(entries)
        return [
            _dispute(workspace, connection, review_pairs.get(connection, pair), stated, adjudicator) for pair in waiting
        ]


def _dispute(
    workspace: Workspace,
    connection: Connection,
    pair: StoredPair,
    stated: Mapping[int, Sequence[Verdict]],
    adjudicator: str,
) -> Dispute:
    side = side_of_target(workspace, pair.id, adjudicator)
    left, right = pair.output_id, pair.other_id
    if right is not None and side == "B":
        left, right = right, left
    shown = [left] if right is None else [left, right]
    seen = as_seen(pair, {each: outputs.get(connection, each) for each in shown}, side)
    said = {each: {v.reviewer: v for v in stated.get(each, ()) if not v.by_script} for each in shown}
    opinions = []
    for reviewer, verdict in said[left].items():
        beside = None if right is None else said[right].get(reviewer)
        opinions.append(Opinion(verdict.judgement, None if beside is None else beside.judgement, verdict.relation))
    return Dispute(seen, tuple(opinions))


def settle(
    workspace: Workspace,
    pair_id: str,
    *,
    a: Judgement,
    b: Judgement | None,
    reason: str,
    adjudicator: str,
    relation: Relation | None = None,
) -> None:
    """Store the word of a third person on a disputed pair; from now on it counts in place of those before.

    Args:
        workspace: Where the pair is.
        pair_id: What is settled.
        a: About the output that the adjudicator saw on the left.
        b: About the one on the right; None where a system is judged alone.
        reason: Why; it stands beside both other reasons.
        relation: Of two swapped prompts, how the answers to them compare.
        adjudicator: A person who said nothing about the pair and does not know the names.

    Raises:
        ReviewError: The pair is not disputed, the person is a party or knows the names, or the reason is missing.
    """
    require(workspace, adjudicator, Right.REVIEW)
    if not reason.strip():
        raise ReviewError("A disagreement is not settled without a reason.", hint="Say what decided it.")
    with workspace.write() as connection:
        pair = review_pairs.get(connection, pair_id)
        systems.lock(connection, pair.system_id)
        projects.ensure_person(connection, adjudicator, at=workspace.clock())
        entries = ledger.entries(connection, pair.system_id, kinds=KINDS)
        plan = _plan_of(entries)
        if plan is None:
            raise ReviewError("No review plan was drawn.", hint="Draw one with `curator review plan`.")
        content = sealed_judgements(workspace, connection, pair, Given(pair_id, a, b, relation), plan, adjudicator)
        content["reason"] = reason
        mine = (orjson.loads(each.content) for each in entries if each.actor == adjudicator)
        if content in mine:
            return  # the same word, which came twice
        if pair_id not in disputed_pairs(of_system(entries)):
            raise ReviewError(f"Reviewers do not disagree about pair {pair_id}.", hint="Reload the page.")
        if is_closed(entries, plan, adjudicator):
            raise ReviewError(
                f"{adjudicator} has seen whose outputs these are, and what is settled has to be settled blind.",
                hint="Ask a person whose part of the plan is not closed.",
            )
        if pair_id not in work_for(workspace, plan, entries, adjudicator).disputes:
            raise ReviewError(
                f"{adjudicator} has said something about pair {pair_id} before.", hint="A third person settles it."
            )
        entry = evidence.add(workspace, connection, pair.system_id, "adjudication", content, actor=adjudicator)
        detail = {"pair": pair_id, "entry": entry.n, "seal": entry.seal}
        events.append(connection, Kind.VERDICT_SETTLED, pair.system_id, actor=adjudicator, at=entry.at, detail=detail)
        close_finished(workspace, connection, plan, [*entries, entry])
    evidence.anchor(workspace, pair.system_id)


def _plan_of(entries: list[ledger.Entry]) -> Plan | None:
    plans = [entry for entry in entries if entry.kind == "plan"]
    return Plan.model_validate_json(plans[-1].content) if plans else None
