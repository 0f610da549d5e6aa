"""What the ledger of a system states: which verdict of every reviewer stands, and which were settled.

While names are hidden, a reviewer's newest verdict on a pair stands. After they were shown, or after a decision,
another verdict of the same reviewer can add a defect but remove none. An adjudication settles what was said of a pair
before it: from then on the word of the third person stands, until another verdict comes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from curator.review.sides import Side
from curator.store.ledger import Entry
from schemas.judgement import CRITICAL, Judgement, Relation
from schemas.review import Output, Plan, Verdict

KINDS = ("plan", "verdict", "withdrawal", "adjudication", "closed", "decision")
"""Entries that say what a verdict is worth."""


def is_closed(entries: Sequence[Entry], plan: Plan, reviewer: str) -> bool:
    """Whether a reviewer's part of a plan is closed, so that names may be shown."""
    mine = (entry for entry in entries if entry.kind == "closed" and entry.actor == reviewer)
    return any(orjson.loads(entry.content)["plan"] == plan.id for entry in mine)


def judged_by(entries: Sequence[Entry], *, scripts: bool = True) -> dict[str, set[str]]:
    """For every pair who has a verdict on it that was not taken back; scripts count unless they are left out."""
    found: dict[str, set[str]] = {}
    for entry in entries:
        if entry.kind in ("verdict", "withdrawal"):
            content = orjson.loads(entry.content)
            reviewers = found.setdefault(content["pair"], set())
            if entry.kind == "withdrawal":
                reviewers.discard(entry.actor)
            elif scripts or not content["by_script"]:
                reviewers.add(entry.actor)
    return found


class _Word(NamedTuple):
    """What one reviewer has said about one output so far."""

    standing: Judgement | None
    side: Side
    at: datetime
    by_script: bool
    blind: bool
    was_critical: bool
    settled: bool = False
    """An adjudication came after it."""
    adjudicates: bool = False
    relation: Relation | None = None


def of_system(entries: Sequence[Entry], *, settled: bool = False) -> dict[int, list[Verdict]]:
    """What stands, by the id of the output: one verdict for each reviewer, in the order of their first words.

    Args:
        entries: The ledger of a system, oldest first.
        settled: Show what reviewers said before an adjudication, too, and leave the adjudications out: how far people
            agree by themselves.
    """
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
        elif entry.kind == "adjudication":
            for key, word in words.items():
                if key[1] == content["pair"]:
                    words[key] = word._replace(settled=True)
            for output_id, said in content["outputs"].items():
                word = _said(None, entry, content, said["judgement"], names_known=False)
                words[int(output_id), content["pair"], entry.actor] = word._replace(adjudicates=True)
    found: dict[int, list[Verdict]] = {}
    for (output_id, pair, reviewer), word in words.items():
        if (word.standing is None and not word.was_critical) or (word.adjudicates if settled else word.settled):
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
            adjudicates=word.adjudicates,
            relation=word.relation,
            lowered=word.was_critical and (word.standing is None or word.standing.severity != CRITICAL),
        )
        found.setdefault(output_id, []).append(verdict)
    return found


def changed_texts(entries: Sequence[Entry], by_id: Mapping[int, Output]) -> list[int]:
    """Ids of outputs whose text is not the one that was judged."""
    found = set()
    for entry in entries:
        if entry.kind in ("verdict", "adjudication"):
            for output_id, said in orjson.loads(entry.content)["outputs"].items():
                output = by_id.get(int(output_id))
                if output is None or text_hash(output) != said["text"]:
                    found.add(int(output_id))
    return sorted(found)


def text_hash(output: Output) -> str:
    """sha256 of a prompt and the output to it, with all turns of a conversation; 64 hex digits."""
    whole = [output.prompt.system, output.prompt.prompt, output.text]
    turns = [[turn.role, turn.content] for turn in output.turns or ()]
    return hashlib.sha256(orjson.dumps([*whole, turns] if turns else whole)).hexdigest()


def _said(
    before: _Word | None, entry: Entry, content: dict[str, Any], judgement: dict[str, Any], *, names_known: bool
) -> _Word:
    said = Judgement.model_validate(judgement)
    side: Side = content["target_side"]
    critical = said.severity == CRITICAL
    by_script = bool(content.get("by_script"))
    if before is None:
        return _Word(said, side, entry.at, by_script, not names_known, critical, relation=content.get("relation"))
    standing = said
    if names_known and before.standing is not None:
        standing = before.standing.worse_of(said)
    blind = before.blind if names_known else True
    return _Word(
        standing,
        side,
        entry.at,
        before.by_script and by_script,
        blind,
        before.was_critical or critical,
        relation=content.get("relation"),
    )
