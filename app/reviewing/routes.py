"""What the pane asks the server: the next pair, a covered text, nearest records, and to store what was judged.

A verdict is stored before it is answered, and storing it again is harmless: the same verdict counts once. Feedback
follows its verdict; what of it is refused comes back with the reason, and the pair stays open for it.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import ValidationError
from starlette.routing import BaseRoute, Route

from app.json_api import Body, Handler, UnreadableError, endpoint, text_of, text_or_none
from app.reviewing import view
from curator import CuratorError, Workspace, review
from curator.review import claims, comfort
from schemas.judgement import Judgement, Relation

_PREFIX = "/api/v1/review"
Side = Literal["A", "B"]


def routes() -> list[BaseRoute]:
    """The routes of the pane; its files are served with those of the labelling screen."""
    handlers: dict[str, Handler] = {
        "next": _next,
        "uncover": _uncover,
        "nearest": _nearest,
        "claims": _claims,
        "store": _store,
        "aside": _aside,
        "offer": _offer,
        "comfort": _comfort,
    }
    return [Route(f"{_PREFIX}/{name}", endpoint(handler), methods=["POST"]) for name, handler in handlers.items()]


def _next(workspace: Workspace, person: str, body: Body) -> Body:
    return view.sheet(workspace, person, text_of(body, "system"))


def _uncover(workspace: Workspace, person: str, body: Body) -> Body:
    output = comfort.uncover(workspace, text_of(body, "pair"), _side(body), reviewer=person)
    seen = {"text": output.text, "turns": view.turns(output.turns or ())}
    return seen | {"exposure": comfort.exposure(workspace, person)._asdict()}


def _nearest(workspace: Workspace, person: str, body: Body) -> Body:
    rows = review.feedback.nearest_records(workspace, _output(workspace, person, body), reviewer=person)
    return {"rows": [each.model_dump(mode="json") for each in rows]}


def _claims(_workspace: Workspace, _person: str, body: Body) -> Body:
    """The statements of a text that the pane shows."""
    return {"claims": claims.split(text_of(body, "text"))}


def _store(workspace: Workspace, person: str, body: Body) -> Body:
    """Store a verdict or settle a dispute, then send back what came with it; next, unless some of that was refused."""
    pair, reason, feedback = text_of(body, "pair"), text_or_none(body, "settles"), _listed(body, "feedback")
    first, second = _judgement(body, "a"), None if body.get("b") is None else _judgement(body, "b")
    about: dict[str, Any] = {"a": first, "b": second, "relation": _relation(body)}
    if reason is None:
        review.verdicts.give(workspace, pair, reviewer=person, **about)
    else:
        review.adjudication.settle(workspace, pair, reason=reason, adjudicator=person, **about)
    results = [_send_back(workspace, person, pair, each) for each in feedback]
    answer: Body = {"feedback": results, "sheet": None}
    if all(each is None for each in results):
        answer["sheet"] = view.sheet(workspace, person, text_of(body, "system"))
    return answer


def _send_back(workspace: Workspace, person: str, pair: str, wanted: Body) -> str | None:
    """Send one thing back to the data. Returns why it was refused, or None."""
    output_id = review.feedback.output_behind(workspace, pair, _side(wanted), reviewer=person)
    kind, reason = text_of(wanted, "kind"), text_of(wanted, "reason", default="")
    try:
        if kind == "taught":
            review.feedback.blame(workspace, output_id, text_of(wanted, "record"), actor=person, reason=reason)
        else:
            send = review.feedback.prefer if kind == "preference" else review.feedback.to_queue
            corrected, instruction = text_or_none(wanted, "corrected"), text_or_none(wanted, "instruction")
            send(workspace, output_id, actor=person, corrected=corrected, instruction=instruction, reason=reason)
    except CuratorError as error:
        return f"{error.problem} {error.hint}"
    return None


def _aside(workspace: Workspace, person: str, body: Body) -> Body:
    pair = text_of(body, "pair")
    if body.get("escalate"):
        comfort.escalate(workspace, pair, reviewer=person, note=text_of(body, "note", default=""))
    else:
        comfort.skip(workspace, pair, reviewer=person)
    return view.sheet(workspace, person, text_of(body, "system"))


def _offer(workspace: Workspace, person: str, body: Body) -> Body:
    comfort.offer_skipped(workspace, text_of(body, "system"), reviewer=person)
    return view.sheet(workspace, person, text_of(body, "system"))


def _comfort(workspace: Workspace, person: str, body: Body) -> Body:
    hazards = body.get("opt_outs")
    if not isinstance(hazards, list) or not all(isinstance(each, str) for each in hazards):
        raise UnreadableError("opt_outs is not a list of categories")
    comfort.choose_opt_outs(workspace, hazards, reviewer=person)
    return view.sheet(workspace, person, text_of(body, "system"))


def _output(workspace: Workspace, person: str, body: Body) -> int:
    return review.feedback.output_behind(workspace, text_of(body, "pair"), _side(body), reviewer=person)


def _side(body: Body) -> Side:
    side = text_of(body, "side")
    if side not in ("A", "B"):
        raise UnreadableError("side is not A or B")
    return "A" if side == "A" else "B"


def _relation(body: Body) -> str | None:
    relation = text_or_none(body, "relation")
    if relation is not None and relation not in get_args(Relation):
        raise UnreadableError(f"relation is none of {', '.join(get_args(Relation))}")
    return relation


def _listed(body: Body, name: str) -> list[dict[str, Any]]:
    found = body.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise UnreadableError(f"{name} is not a list of objects")
    return found


def _judgement(body: Body, name: str) -> Judgement:
    try:
        return Judgement.model_validate(body.get(name))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, (name, *first["loc"])))
        raise UnreadableError(f"{place}: {first['msg']}") from error
