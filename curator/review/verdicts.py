"""Verdicts: what reviewers say about pairs, sealed in the ledger; a later word never erases an earlier one.

While names are hidden, a reviewer's newest verdict on a pair stands. After they were shown, or after a decision,
another verdict of the same reviewer can add a defect but remove none. A critical severity that its author takes back
leaves the question open until another reviewer has judged the pair.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from curator import evidence
from curator.access import require
from curator.errors import CuratorError, ReviewError
from curator.review.sides import Side, side_of_target
from curator.store import Connection, events, ledger, outputs, projects, review_pairs, systems
from curator.store.ledger import Entry
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind
from schemas.judgement import CRITICAL, Judgement
from schemas.review import Output, Plan, StoredPair, Verdict

KINDS = ("plan", "verdict", "withdrawal", "closed", "decision")
"""Entries that say what a verdict is worth."""


class Given(NamedTuple):
    """A reviewer's verdict on a pair, as they saw it."""

    pair: str
    a: Judgement
    """About the output on the left."""
    b: Judgement | None = None
    """About the output on the right; None where a system is judged alone."""


def give(
    workspace: Workspace,
    pair: str,
    *,
    a: Judgement,
    b: Judgement | None,
    reviewer: str,
    by_script: bool = False,
) -> bool:
    """Store a reviewer's verdict on a pair, both sides together. Returns False when the same one stands already.

    Raises:
        NotFoundError: There is no such pair.
        ReviewError: One side is missing or too many, or the pair does not stand in the plan.
    """
    [result] = give_many(workspace, [Given(pair, a, b)], reviewer=reviewer, by_script=by_script)
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
            results.append(book.said.get(pair.id) != content)
            if results[-1]:
                entry = evidence.add(workspace, connection, pair.system_id, "verdict", content, actor=reviewer)
                book.add(entry, content)
                detail = {"pair": pair.id, "entry": entry.n, "seal": entry.seal}
                events.append(connection, Kind.VERDICT, pair.system_id, actor=reviewer, at=entry.at, detail=detail)
        for book in books.values():
            done = judged_by(book.entries)
            if all(done.get(each) for each in book.plan.pairs):
                for person in sorted({name for names in done.values() for name in names}):
                    _close(workspace, connection, book.plan, book.entries, person)
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

    def add(self, entry: Entry, content: dict[str, Any]) -> None:
        """Keep a verdict that was stored."""
        self.entries.append(entry)
        self.said[content["pair"]] = content


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
    return {
        "pair": pair.id,
        "target_side": side,
        "by_script": by_script,
        "outputs": {
            str(output_id): {
                "judgement": judgement.model_dump(mode="json"),
                "text": text_hash(outputs.get(connection, output_id)),
            }
            for output_id, judgement in judgements.items()
        },
    }


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


def is_closed(entries: Sequence[Entry], plan: Plan, reviewer: str) -> bool:
    """Whether a reviewer's part of a plan is closed, so that names may be shown."""
    mine = (entry for entry in entries if entry.kind == "closed" and entry.actor == reviewer)
    return any(orjson.loads(entry.content)["plan"] == plan.id for entry in mine)


def may_see_names(entries: Sequence[Entry], reviewer: str) -> bool:
    """Whether nothing is left that a reviewer could judge blind: their part is closed, or the whole plan is judged."""
    plans = [entry for entry in entries if entry.kind == "plan"]
    if not plans:
        return False
    plan = Plan.model_validate_json(plans[-1].content)
    done = judged_by(entries)
    return is_closed(entries, plan, reviewer) or all(done.get(pair) for pair in plan.pairs)


def names_are_open(workspace: Workspace, run_or_system: str, *, reviewer: str) -> bool:
    """Whether a page may show a reviewer whose outputs these are."""
    require(workspace, reviewer, Right.REVIEW)
    with workspace.read() as connection:
        system = systems.find(connection, run_or_system)
        return may_see_names(ledger.entries(connection, system.id, kinds=KINDS), reviewer)


def with_names(
    workspace: Workspace, run_or_system: str, *, reviewer: str, limit: int
) -> list[tuple[Output, list[Verdict]]]:
    """Outputs that a reviewer found wrong with all verdicts on them, newest first; none while names are hidden."""
    require(workspace, reviewer, Right.REVIEW)
    with workspace.read() as connection:
        system = systems.find(connection, run_or_system)
        entries = ledger.entries(connection, system.id, kinds=KINDS)
        if not may_see_names(entries, reviewer):
            return []
        stated = of_system(entries)
        wrong = [each for each, said in stated.items() if any(verdict.judgement.defects for verdict in said)]
        newest = sorted(wrong, key=lambda each: max(verdict.at for verdict in stated[each]), reverse=True)[:limit]
        return [(outputs.get(connection, output_id), stated[output_id]) for output_id in newest]


def judged_by(entries: Sequence[Entry]) -> dict[str, set[str]]:
    """For every pair who has a verdict on it that was not taken back."""
    found: dict[str, set[str]] = {}
    for entry in entries:
        if entry.kind in ("verdict", "withdrawal"):
            people = found.setdefault(orjson.loads(entry.content)["pair"], set())
            if entry.kind == "verdict":
                people.add(entry.actor)
            else:
                people.discard(entry.actor)
    return found


class _Word(NamedTuple):
    """What one reviewer has said about one output so far."""

    standing: Judgement | None
    side: Side
    at: datetime
    by_script: bool
    blind: bool
    was_critical: bool


def of_system(entries: Sequence[Entry]) -> dict[int, list[Verdict]]:
    """What stands, by the id of the output: one verdict for each reviewer, in the order of their first words."""
    pairs_of_plan: dict[str, frozenset[str]] = {}
    closed: dict[str, set[str]] = {}
    judged_before_decision: set[tuple[str, str]] = set()
    judged: set[tuple[str, str]] = set()
    words: dict[tuple[int, str, str], _Word] = {}
    for entry in entries:
        content: dict[str, Any] = orjson.loads(entry.content)
        if entry.kind == "plan":
            pairs_of_plan[content["id"]] = frozenset(pair for unit in content["units"] for pair in unit["pairs"])
        elif entry.kind == "closed":
            closed.setdefault(entry.actor, set()).update(pairs_of_plan.get(content["plan"], ()))
        elif entry.kind == "decision":
            judged_before_decision |= judged
        elif entry.kind in ("verdict", "withdrawal"):
            about = (entry.actor, content["pair"])
            names_known = content["pair"] in closed.get(entry.actor, ()) or about in judged_before_decision
            judged.add(about)
            if entry.kind == "verdict":
                for output_id, said in content["outputs"].items():
                    key = (int(output_id), content["pair"], entry.actor)
                    words[key] = _said(words.get(key), entry, content, said["judgement"], names_known=names_known)
            elif not names_known:
                for key, word in words.items():
                    if key[1:] == (content["pair"], entry.actor):
                        words[key] = word._replace(standing=None)
    found: dict[int, list[Verdict]] = {}
    for (output_id, pair, reviewer), word in words.items():
        if word.standing is None and not word.was_critical:
            continue
        standing = word.standing or Judgement(harmful=True, severity=CRITICAL)
        verdict = Verdict(
            output_id=output_id,
            pair=pair,
            reviewer=reviewer,
            judgement=standing,
            shown_as=word.side,
            at=word.at,
            by_script=word.by_script,
            blind=word.blind,
            lowered=word.was_critical and (word.standing is None or word.standing.severity != CRITICAL),
        )
        found.setdefault(output_id, []).append(verdict)
    return found


def changed_texts(entries: Sequence[Entry], by_id: Mapping[int, Output]) -> list[int]:
    """Ids of outputs whose text is not the one that was judged."""
    found = set()
    for entry in entries:
        if entry.kind == "verdict":
            for output_id, said in orjson.loads(entry.content)["outputs"].items():
                output = by_id.get(int(output_id))
                if output is None or text_hash(output) != said["text"]:
                    found.add(int(output_id))
    return sorted(found)


def text_hash(output: Output) -> str:
    """sha256 of a prompt and the output to it, 64 hex digits."""
    whole = orjson.dumps([output.prompt.system, output.prompt.prompt, output.text])
    return hashlib.sha256(whole).hexdigest()


def _said(
    before: _Word | None, entry: Entry, content: dict[str, Any], judgement: dict[str, Any], *, names_known: bool
) -> _Word:
    said = Judgement.model_validate(judgement)
    side: Side = content["target_side"]
    critical = said.severity == CRITICAL
    if before is None:
        return _Word(said, side, entry.at, content["by_script"], not names_known, critical)
    standing = said
    if names_known and before.standing is not None:
        standing = before.standing.worse_of(said)
    blind = before.blind if names_known else True
    return _Word(
        standing, side, entry.at, before.by_script and content["by_script"], blind, before.was_critical or critical
    )


def _close(workspace: Workspace, connection: Connection, plan: Plan, entries: Sequence[Entry], reviewer: str) -> None:
    if not is_closed(entries, plan, reviewer):
        evidence.add(workspace, connection, plan.system_id, "closed", {"plan": plan.id}, actor=reviewer)
