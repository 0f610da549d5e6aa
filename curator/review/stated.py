"""What the ledger of a system states: which verdict of every reviewer stands, and which were settled.

While names are hidden, a reviewer's newest verdict on a pair stands. After they were shown, or after a decision,
another verdict of the same reviewer can add a defect but remove none. An adjudication settles what was said of a pair
before it: from then on the word of the third person stands, until another verdict comes.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from curator.review.sides import Side
from curator.store.ledger import Entry
from schemas.judgement import CRITICAL, Defect, Judgement, Relation
from schemas.review import Output, Plan, Verdict

KINDS = ("plan", "verdict", "withdrawal", "adjudication", "closed", "decision")
"""Entries that say what a verdict is worth."""


def is_closed(entries: Sequence[Entry], plan: Plan, reviewer: str) -> bool:
    """Whether a reviewer's part of a plan is closed, so that names may be shown."""
    person = person_of(reviewer)
    mine = (entry for entry in entries if entry.kind == "closed" and person_of(entry.actor) == person)
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


def person_of(name: str) -> str:
    """A name as it counts: spellings that differ in case, width or outer blanks are one person."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


class _Key(NamedTuple):
    """Whose words about which output: a script that runs under a person's name never speaks for the person."""

    output_id: int
    pair: str
    person: str
    by_script: bool


class _Word(NamedTuple):
    """What one reviewer has said about one output so far."""

    reviewer: str
    standing: Judgement | None
    side: Side
    at: datetime
    blind: bool
    was_critical: bool
    removed: tuple[Defect, ...] = ()
    """What the reviewer once found wrong and later did not, after they had gone on to another pair."""
    is_fresh: bool = True
    """The reviewer has not come back to it from another pair: a slip can still be mended."""
    settled: bool = False
    """An adjudication came after it."""
    adjudicates: bool = False
    relation: Relation | None = None

    def with_removed(self) -> _Word:
        """The same with everything that stands as removed: what is said again is no longer."""
        now = self.standing.defects if self.standing else ()
        return self._replace(removed=tuple(dict.fromkeys((*self.removed, *now))), is_fresh=False)


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
    words: dict[_Key, _Word] = {}
    last_said: dict[str, str] = {}
    for entry in entries:
        content: dict[str, Any] = orjson.loads(entry.content)
        if entry.kind == "plan":
            pairs_of_plan[content["id"]] = frozenset(pair for unit in content["units"] for pair in unit["pairs"])
        elif entry.kind == "closed":
            closed.setdefault(person_of(entry.actor), set()).update(pairs_of_plan.get(content["plan"], ()))
        elif entry.kind == "decision":
            judged_before_decision |= judged
        elif entry.kind in ("verdict", "withdrawal"):
            person = person_of(entry.actor)
            about = (person, content["pair"])
            names_known = content["pair"] in closed.get(person, ()) or about in judged_before_decision
            by_script = bool(content.get("by_script"))
            is_at_once = last_said.get(person) == content["pair"]
            if not by_script:
                last_said[person] = content["pair"]
            judged.add(about)
            if entry.kind == "verdict":
                for output_id, said in content["outputs"].items():
                    key = _Key(int(output_id), content["pair"], person, by_script)
                    before = words.get(key)
                    if before is not None and not (is_at_once and before.is_fresh):
                        before = before.with_removed()
                    words[key] = _said(before, entry, content, said["judgement"], names_known=names_known)
            elif not names_known:
                for key, word in words.items():
                    if (key.person, key.pair) == about:
                        kept = word if is_at_once and word.is_fresh else word.with_removed()
                        words[key] = kept._replace(standing=None)
        elif entry.kind == "adjudication":
            for key, word in words.items():
                if key.pair == content["pair"]:
                    words[key] = word._replace(settled=True)
            for output_id, said in content["outputs"].items():
                word = _said(None, entry, content, said["judgement"], names_known=False)
                key = _Key(int(output_id), content["pair"], person_of(entry.actor), False)
                words[key] = word._replace(adjudicates=True)
    found: dict[int, list[Verdict]] = {}
    for key, word in words.items():
        if (word.standing is None and not word.was_critical) or (word.adjudicates if settled else word.settled):
            continue
        standing = word.standing or Judgement(harmful=True, severity=CRITICAL)
        verdict = Verdict(
            output_id=key.output_id,
            pair=key.pair,
            reviewer=word.reviewer,
            judgement=standing,
            shown_as=word.side,
            at=word.at,
            by_script=key.by_script,
            blind=word.blind,
            adjudicates=word.adjudicates,
            relation=word.relation,
            lowered=word.was_critical and (word.standing is None or word.standing.severity != CRITICAL),
            removed=() if word.adjudicates else word.removed,
        )
        found.setdefault(key.output_id, []).append(verdict)
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
    """sha256 of an output with its model, its place and the prompt, and all turns of a conversation; 64 hex digits."""
    place = [output.model, output.suite_id, output.prompt.id, output.prompt.category, output.sample]
    whole = [*place, output.prompt.system, output.prompt.prompt, output.text]
    turns = [[turn.role, turn.content] for turn in output.turns or ()]
    return hashlib.sha256(orjson.dumps([*whole, turns] if turns else whole)).hexdigest()


def _said(
    before: _Word | None, entry: Entry, content: dict[str, Any], judgement: dict[str, Any], *, names_known: bool
) -> _Word:
    said = Judgement.model_validate(judgement)
    side: Side = content["target_side"]
    critical = said.severity == CRITICAL
    if before is None:
        return _Word(entry.actor, said, side, entry.at, not names_known, critical, relation=content.get("relation"))
    standing = said
    if names_known and before.standing is not None:
        standing = before.standing.worse_of(said)
    return _Word(
        reviewer=before.reviewer,
        standing=standing,
        side=side,
        at=entry.at,
        blind=before.blind if names_known else True,
        was_critical=before.was_critical or critical,
        relation=content.get("relation"),
        removed=tuple(each for each in before.removed if each not in standing.defects),
        is_fresh=before.is_fresh,
    )
