"""Verdicts: what reviewers say about pairs, sealed in the ledger; a later word never erases an earlier one.

What a ledger with several words on one pair amounts to says `stated`. A critical severity that its author takes back
leaves the question open until another reviewer has judged the pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from curator import evidence
from curator.access import require
from curator.errors import CuratorError, ReviewError
from curator.review.sides import side_of_target
from curator.review.stated import KINDS, is_closed, judged_by, of_system, person_of, text_hash
from curator.review.work import work_for
from curator.store import Connection, events, ledger, outputs, projects, review_pairs, set_aside, systems
from curator.store.ledger import Entry
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind
from schemas.judgement import Judgement, Relation
from schemas.review import Output, Plan, StoredPair, Verdict


class Given(NamedTuple):
    """A reviewer's verdict on a pair, as they saw it."""

    pair: str
    a: Judgement
    """About the output on the left."""
    b: Judgement | None = None
    """About the output on the right; None where a system is judged alone."""
    relation: Relation | None = None
    """Of two swapped prompts: how the answers to them compare."""


def give(
    workspace: Workspace,
    pair: str,
    *,
    a: Judgement,
    b: Judgement | None,
    reviewer: str,
    by_script: bool = False,
    relation: Relation | None = None,
) -> bool:
    """Store a reviewer's verdict on a pair, both sides together. Returns False when the same one stands already.

    Raises:
        NotFoundError: There is no such pair.
        ReviewError: One side is missing or too many, or the pair does not stand in the plan.
    """
    [result] = give_many(workspace, [Given(pair, a, b, relation)], reviewer=reviewer, by_script=by_script)
    if isinstance(result, CuratorError):
        raise result
    return result


def give_many(
    workspace: Workspace, given: Sequence[Given], *, reviewer: str, by_script: bool = False
) -> list[bool | CuratorError]:
    """Store verdicts in one step. Returns for each whether it is new, or why it cannot be stored.

    Args:
        workspace: Where the pairs are.
        given: In the order in which they were given.
        reviewer: Who judges.
        by_script: A program judged; that is shown, but decides nothing.
    """
    require(workspace, reviewer, Right.REVIEW)
    results: list[bool | CuratorError] = []
    with workspace.write() as connection:
        projects.ensure_person(connection, reviewer, at=workspace.clock())
        books: dict[str, _Book] = {}
        for each in given:
            try:
                pair = review_pairs.get(connection, each.pair)
                if pair.system_id not in books:
                    systems.lock(connection, pair.system_id)
                    books[pair.system_id] = _Book(ledger.entries(connection, pair.system_id, kinds=KINDS), reviewer)
                content = _content(workspace, connection, pair, each, books[pair.system_id].plan, reviewer, by_script)
            except CuratorError as error:
                results.append(error)
                continue
            book = books[pair.system_id]
            results.append(book.is_new(pair.id, content))
            if results[-1]:
                entry = evidence.add(workspace, connection, pair.system_id, "verdict", content, actor=reviewer)
                book.add(entry, content)
                detail = {"pair": pair.id, "entry": entry.n, "seal": entry.seal}
                events.append(connection, Kind.VERDICT, pair.system_id, actor=reviewer, at=entry.at, detail=detail)
        for book in books.values():
            close_finished(workspace, connection, book.plan, book.entries)
    for system_id in books:
        evidence.anchor(workspace, system_id)
    return results


class _Book:
    """The ledger of a system while verdicts of one reviewer are added to it."""

    def __init__(self, entries: list[Entry], reviewer: str) -> None:
        """Read what the reviewer said last of each pair."""
        self.entries = entries
        newest = [entry for entry in entries if entry.kind == "plan"][-1]
        self.plan = Plan.model_validate_json(newest.content)
        self.said: dict[str, dict[str, Any] | None] = {}
        for entry in entries:
            if entry.actor == reviewer and entry.kind in ("verdict", "withdrawal"):
                content = orjson.loads(entry.content)
                self.said[content["pair"]] = content if entry.kind == "verdict" else None

    def is_new(self, pair: str, content: dict[str, Any]) -> bool:
        """Whether a verdict says another thing than the reviewer's newest one, however that was written down."""
        before = self.said.get(pair)
        return before is None or _judgements(before) != _judgements(content) or _rest(before) != _rest(content)

    def add(self, entry: Entry, content: dict[str, Any]) -> None:
        """Keep a verdict that was stored."""
        self.entries.append(entry)
        self.said[content["pair"]] = content


def _judgements(content: dict[str, Any]) -> dict[str, Judgement]:
    return {output_id: Judgement.model_validate(said["judgement"]) for output_id, said in content["outputs"].items()}


def _rest(content: dict[str, Any]) -> dict[str, Any]:
    texts = {output_id: said["text"] for output_id, said in content["outputs"].items()}
    return {name: value for name, value in content.items() if name != "outputs"} | {"texts": texts}


def _content(
    workspace: Workspace,
    connection: Connection,
    pair: StoredPair,
    given: Given,
    plan: Plan,
    reviewer: str,
    by_script: bool,
) -> dict[str, Any]:
    """What is sealed of a verdict: which output was called what, under which text."""
    return {**sealed_judgements(workspace, connection, pair, given, plan, reviewer), "by_script": by_script}


def sealed_judgements(
    workspace: Workspace, connection: Connection, pair: StoredPair, given: Given, plan: Plan, reviewer: str
) -> dict[str, Any]:
    """What a verdict and an adjudication seal alike: pair, side, and each output's judgement under its text.

    Raises:
        ReviewError: A side is missing or too many, a passage ends behind its text, or the pair is not in the plan.
    """
    if (given.b is None) != (pair.other_id is None):
        wanted = "one output" if pair.other_id is None else "two outputs"
        raise ReviewError(f"Pair {pair.id} has {wanted} to judge.", hint="Say something about each of them.")
    if all(pair.id not in unit.pairs for unit in plan.units):
        raise ReviewError(
            f"Pair {pair.id} does not stand in the plan that is in force.",
            hint="List the pairs with `curator review pairs`.",
        )
    side = side_of_target(workspace, pair.id, reviewer)
    judgements = {pair.output_id: given.a}
    if given.b is not None and pair.other_id is not None:
        target, other = (given.a, given.b) if side == "A" else (given.b, given.a)
        judgements = {pair.output_id: target, pair.other_id: other}
    judged = {}
    models = set()
    for output_id, judgement in judgements.items():
        output = outputs.get(connection, output_id)
        models.add(output.model)
        if given.relation == "unjustified":
            judgement = judgement.worse_of(Judgement(biased=True))
        if any(span.end > len(output.text) for span in judgement.spans):
            raise ReviewError(
                f"A marked passage ends behind the {len(output.text)} characters of the output.",
                hint="Count in code points, from 0, the end excluded.",
            )
        judged[str(output_id)] = {"judgement": judgement.model_dump(mode="json"), "text": text_hash(output)}
    content: dict[str, Any] = {"pair": pair.id, "target_side": side, "outputs": judged}
    if given.relation is None:
        return content
    if len(models) > 1 or len(judged) < 2:
        raise ReviewError(
            f"Pair {pair.id} does not show two swapped prompts, so its answers are not compared.",
            hint="Say something about each output alone.",
        )
    return content | {"relation": given.relation}


def withdraw(workspace: Workspace, pair_id: str, *, reviewer: str, reason: str) -> None:
    """Take a reviewer's own verdict on a pair back; both the verdict and the reason stay.

    Raises:
        ReviewError: There is no verdict to take back, or no reason is given.
    """
    require(workspace, reviewer, Right.REVIEW)
    if not reason.strip():
        raise ReviewError("A verdict is not taken back without a reason.", hint="Say why.")
    with workspace.write() as connection:
        pair = review_pairs.get(connection, pair_id)
        systems.lock(connection, pair.system_id)
        entries = ledger.entries(connection, pair.system_id, kinds=KINDS)
        if reviewer not in judged_by(entries).get(pair_id, ()):
            raise ReviewError(f"{reviewer} has no verdict on pair {pair_id}.", hint="Name a pair that you judged.")
        content = {"pair": pair_id, "reason": reason}
        entry = evidence.add(workspace, connection, pair.system_id, "withdrawal", content, actor=reviewer)
        detail = {"pair": pair_id, "entry": entry.n, "reason": reason}
        events.append(connection, Kind.VERDICT_WITHDRAWN, pair.system_id, actor=reviewer, at=entry.at, detail=detail)
    evidence.anchor(workspace, pair.system_id)


def close(workspace: Workspace, system_id: str, *, reviewer: str) -> None:
    """End a reviewer's part of the plan in force: from now on they may see names, and their verdicts clear nothing."""
    require(workspace, reviewer, Right.REVIEW)
    with workspace.write() as connection:
        systems.lock(connection, system_id)
        entries = ledger.entries(connection, system_id, kinds=KINDS)
        plans = [entry for entry in entries if entry.kind == "plan"]
        if plans:
            _close(workspace, connection, Plan.model_validate_json(plans[-1].content), entries, reviewer)
    evidence.anchor(workspace, system_id)


def may_see_names(workspace: Workspace, entries: Sequence[Entry], reviewer: str) -> bool:
    """Whether nothing is left that a reviewer could judge blind: their part is closed, or nothing waits for them.

    While a second reading or a dispute waits for a person who has not seen the names, they stay hidden from all who
    could be that person; who does not want to be closes their part.
    """
    plans = [entry for entry in entries if entry.kind == "plan"]
    if not plans:
        return False
    plan = Plan.model_validate_json(plans[-1].content)
    done = judged_by(entries, scripts=False)
    if is_closed(entries, plan, reviewer):
        return True
    if not all(done.get(pair) for pair in plan.pairs):
        return False
    work = work_for(workspace, plan, entries, reviewer)
    return not work.second and not work.disputes


def open_names(workspace: Workspace, run_or_system: str, *, reviewer: str) -> bool:
    """Let a reviewer see whose outputs these are, if nothing is left to be judged blind. Returns whether they may.

    From then on their part of the plan is closed, whether they judged something or not: what they say clears nothing.
    """
    require(workspace, reviewer, Right.REVIEW)
    with workspace.read() as connection:
        system = systems.find(connection, run_or_system)
        entries = ledger.entries(connection, system.id, kinds=KINDS)
    if not may_see_names(workspace, entries, reviewer):
        return False
    if not is_closed(entries, _plan_in_force(entries), reviewer):
        close(workspace, system.id, reviewer=reviewer)
    return True


def part_is_closed(workspace: Workspace, run_or_system: str, *, reviewer: str) -> bool:
    """Whether what a reviewer sees from now on cannot unblind a verdict that clears: their part is closed."""
    require(workspace, reviewer, Right.REVIEW)
    with workspace.read() as connection:
        system = systems.find(connection, run_or_system)
        entries = ledger.entries(connection, system.id, kinds=KINDS)
    return any(entry.kind == "plan" for entry in entries) and is_closed(entries, _plan_in_force(entries), reviewer)


def judges_blind(workspace: Workspace, run_or_system: str, *, reviewer: str) -> bool:
    """Whether a person has judged outputs and may not see whose they are yet.

    Counts of what was found would tell them, verdict by verdict, on which side the model stood.
    """
    require(workspace, reviewer, Right.REVIEW)
    with workspace.read() as connection:
        system = systems.find(connection, run_or_system)
        entries = ledger.entries(connection, system.id, kinds=KINDS)
    judges = {person_of(name) for people in judged_by(entries, scripts=False).values() for name in people}
    return person_of(reviewer) in judges and not may_see_names(workspace, entries, reviewer)


def _plan_in_force(entries: Sequence[Entry]) -> Plan:
    return Plan.model_validate_json([entry for entry in entries if entry.kind == "plan"][-1].content)


def with_names(
    workspace: Workspace, run_or_system: str, *, reviewer: str, limit: int
) -> list[tuple[Output, list[Verdict]]]:
    """Outputs that a reviewer found wrong with all verdicts on them, newest first; none while names are hidden."""
    if not open_names(workspace, run_or_system, reviewer=reviewer):
        return []
    with workspace.read() as connection:
        system = systems.find(connection, run_or_system)
        stated = of_system(ledger.entries(connection, system.id, kinds=KINDS))
        wrong = [each for each, said in stated.items() if any(verdict.judgement.defects for verdict in said)]
        newest = sorted(wrong, key=lambda each: max(verdict.at for verdict in stated[each]), reverse=True)[:limit]
        return [(outputs.get(connection, output_id), stated[output_id]) for output_id in newest]


def close_finished(workspace: Workspace, connection: Connection, plan: Plan, entries: Sequence[Entry]) -> None:
    """Close the part of every reviewer for whom a plan has nothing left: no reading, no second reading, no dispute."""
    done = judged_by(entries, scripts=False)
    if not all(done.get(each) for each in plan.pairs):
        return
    for person in sorted({name for names in done.values() for name in names}):
        aside = set_aside.of_person(connection, person, plan.system_id)
        work = work_for(workspace, plan, entries, person, aside=aside)
        if not work.second and not work.disputes:
            _close(workspace, connection, plan, entries, person)


def _close(workspace: Workspace, connection: Connection, plan: Plan, entries: Sequence[Entry], reviewer: str) -> None:
    if not is_closed(entries, plan, reviewer):
        evidence.add(workspace, connection, plan.system_id, "closed", {"plan": plan.id}, actor=reviewer)
