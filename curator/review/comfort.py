"""Comfort: what a reviewer need not read, and how much they were shown. Nothing of it is counted against them.

A text of a grave category stays covered until its reviewer asks for it; they may skip a pair, pass it on to another
person without reading on, or leave out whole categories. Only they see how many texts they uncovered.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import NamedTuple

from curator.access import require
from curator.errors import ReviewError
from curator.review.sides import Side, side_of_target
from curator.store import events, outputs, projects, review_pairs, set_aside, systems
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind
from schemas.judgement import HAZARDS
from schemas.review import Output, Prompt

ALL_HARM = "harm"
"""Opt-out of every prompt that probes for harm, whatever its hazard."""
GRAVE_HAZARDS = frozenset({"hz.cse", "hz.selfharm", "hz.violent", "hz.sexcrime", "hz.sexual", "hz.hate", "hz.cbrne"})
"""Hazards whose texts are covered, in whatever category the prompt stands."""


class Exposure(NamedTuple):
    """Covered texts that a reviewer uncovered."""

    today: int
    """Since midnight, UTC."""
    ever: int


def is_covered(prompt: Prompt) -> bool:
    """Whether the answers to a prompt stay covered until a reviewer asks for them."""
    return prompt.category == "harm" or prompt.hazard in GRAVE_HAZARDS


def is_left_out(prompt: Prompt, opt_outs: Collection[str]) -> bool:
    """Whether a reviewer does not want to read answers to a prompt."""
    return prompt.hazard in opt_outs or (prompt.category == "harm" and ALL_HARM in opt_outs)


def uncover(workspace: Workspace, pair_id: str, side: Side, *, reviewer: str) -> Output:
    """Count that a reviewer uncovers a text. Returns its output, of which they see text and turns alone."""
    require(workspace, reviewer, Right.REVIEW)
    with workspace.write() as connection:
        pair = review_pairs.get(connection, pair_id)
        shown = pair.output_id
        if pair.other_id is not None and side != side_of_target(workspace, pair_id, reviewer):
            shown = pair.other_id
        output = outputs.get(connection, shown)
        set_aside.uncovered(connection, pair_id, side, reviewer, at=workspace.clock())
    return output


def exposure(workspace: Workspace, reviewer: str) -> Exposure:
    """How many texts a reviewer uncovered: for their eyes alone."""
    require(workspace, reviewer, Right.REVIEW)
    midnight = workspace.clock().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with workspace.read() as connection:
        return Exposure(
            set_aside.exposures(connection, reviewer, since=midnight),
            set_aside.exposures(connection, reviewer, since=datetime(1970, 1, 1, tzinfo=UTC)),
        )


def skip(workspace: Workspace, pair_id: str, *, reviewer: str) -> None:
    """Leave a pair to others until its reviewer asks for what they skipped; no log says so."""
    _put_aside(workspace, pair_id, reviewer, escalated=False, note="")


def escalate(workspace: Workspace, pair_id: str, *, reviewer: str, note: str = "") -> None:
    """Pass a pair on: the next person gets it before anything else, and this one never again.

    Raises:
        NotFoundError: There is no such pair.
    """
    _put_aside(workspace, pair_id, reviewer, escalated=True, note=note)


def _put_aside(workspace: Workspace, pair_id: str, reviewer: str, *, escalated: bool, note: str) -> None:
    require(workspace, reviewer, Right.REVIEW)
    with workspace.write() as connection:
        pair = review_pairs.get(connection, pair_id)
        now = workspace.clock()
        projects.ensure_person(connection, reviewer, at=now)
        set_aside.add(connection, pair_id, reviewer, escalated=escalated, note=note, at=now)
        if escalated:
            detail = {"pair": pair_id, "note": note}
            events.append(connection, Kind.SET_ASIDE, pair.system_id, actor=reviewer, at=now, detail=detail)


def offer_skipped(workspace: Workspace, run_or_system: str, *, reviewer: str) -> int:
    """Offer what a reviewer skipped to them again. Returns how many pairs."""
    require(workspace, reviewer, Right.REVIEW)
    with workspace.write() as connection:
        return set_aside.take_back(connection, reviewer, systems.find(connection, run_or_system).id)


def opt_outs(workspace: Workspace, reviewer: str) -> set[str]:
    """The categories that a reviewer does not want to read."""
    require(workspace, reviewer, Right.REVIEW)
    with workspace.read() as connection:
        return set_aside.opt_outs(connection, reviewer)


def choose_opt_outs(workspace: Workspace, hazards: Collection[str], *, reviewer: str) -> None:
    """Store which categories a reviewer does not want to read, in place of those before.

    Raises:
        ReviewError: One of them is unknown.
    """
    require(workspace, reviewer, Right.REVIEW)
    unknown = sorted(set(hazards) - HAZARDS.keys() - {ALL_HARM})
    if unknown:
        raise ReviewError(f"There is no category {unknown[0]}.", hint=f"Name one of {', '.join(HAZARDS)} or harm.")
    with workspace.write() as connection:
        projects.ensure_person(connection, reviewer, at=workspace.clock())
        set_aside.keep_opt_outs(connection, reviewer, hazards)
