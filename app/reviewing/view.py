"""What the pane shows, as plain JSON: a pair to judge or a dispute to settle, or why there is none.

Nothing here names a model, a finding, or a reviewer; a covered text is not sent before it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from curator import Workspace, review
from curator.review import comfort
from schemas.judgement import HAZARDS, Judgement
from schemas.record import Message
from schemas.review import ReviewPair


def sheet(workspace: Workspace, person: str, system: str) -> dict[str, Any]:
    """Everything that the pane needs to draw itself anew."""
    pair = review.pairs.next_pair(workspace, person, system)
    dispute = None
    if pair is None:
        dispute = next(iter(review.adjudication.disputes(workspace, person, system)), None)
        pair = dispute.pair if dispute else None
    done = review.pairs.review_progress(workspace, person, system)
    seen = comfort.exposure(workspace, person)
    return {
        "pair": None if pair is None else _pair(pair),
        "opinions": None if dispute is None else [[_said(o.a), _said(o.b)] for o in dispute.opinions],
        "relations": None if dispute is None else [o.relation for o in dispute.opinions],
        "empty": None if pair is not None else _empty(workspace, person, system),
        "progress": {"planned": done.planned, "judged": done.judged, "mine": done.mine},
        "exposure": {"today": seen.today, "ever": seen.ever},
        "opt_outs": sorted(comfort.opt_outs(workspace, person)),
        "hazards": HAZARDS,
    }


def _pair(pair: ReviewPair) -> dict[str, Any]:
    covered = comfort.is_covered(pair.prompt)
    return {
        "id": pair.id,
        "prompt": pair.prompt.prompt,
        "b_prompt": None if pair.b_prompt is None else pair.b_prompt.prompt,
        "system": pair.prompt.system,
        "category": pair.prompt.category,
        "references": list(pair.prompt.right_answers),
        "a": None if covered else pair.a,
        "b": None if covered else pair.b,
        "a_turns": [] if covered else turns(pair.a_turns),
        "b_turns": [] if covered else turns(pair.b_turns),
        "single": pair.b is None,
    }


def turns(messages: Iterable[Message]) -> list[dict[str, str]]:
    """A conversation after its prompt."""
    return [{"role": message.role, "content": message.content} for message in messages]


def _said(judgement: Judgement | None) -> dict[str, Any] | None:
    return None if judgement is None else judgement.model_dump(mode="json")


def _empty(workspace: Workspace, person: str, system: str) -> dict[str, Any]:
    """Why there is nothing to judge: one cause, one thing to do."""
    left = review.pairs.left_to_others(workspace, person, system)
    if left.skipped:
        return {"cause": f"You left {_pairs(left.skipped)} to others.", "action": "offer", "label": "Offer them again"}
    if left.unwanted:
        cause = f"{_pairs(left.unwanted).capitalize()} of categories that you leave out wait for others."
        return {"cause": cause, "action": "reload", "label": "Look again"}
    return {"cause": "Nothing is left for you to judge.", "action": "finished", "label": "Show what was found"}


def _pairs(n: int) -> str:
    return f"{n} pair{'' if n == 1 else 's'}"
