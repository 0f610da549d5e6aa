"""A form for a whole answer: a field for everything that the labelling screen asks, so nothing is decided unseen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import get_args

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.components import notice
from schemas.annotation import Answer, Preference, RejectReason
from schemas.questions import CHECKS, EDIT_REASONS, NOTE, RATING, Question, QuestionSet, Value
from schemas.record import Record

_CHOICES = {"response": "Response", "alternative": "Alternative", "tie": "Tie", "both bad": "Both bad"}
_STRENGTHS = {1: "slightly", 2: "clearly", 3: "by far"}


def common(answers: Sequence[Answer], record: Record) -> Answer:
    """What all of these answers say; what they differ on is left open, and passages and notes are left out.

    Example:
        >>> from schemas.record import Message, Origin
        >>> turns = (Message(role="user", content="Hi"), Message(role="assistant", content="Hello"))
        >>> record = Record(messages=turns, origin=Origin(source="a.csv"))
        >>> both = [Answer(response="Hey", rating=4), Answer(response="Hey", rating=2, reject="other")]
        >>> start = common(both, record)
        >>> start.response, start.rating, start.reject
        ('Hey', None, None)
    """
    start = Answer(response=record.response)
    if not answers:
        return start
    first = answers[0]
    names = ("response", "rating", "checks", "edit_reasons", "trains", "reject")
    said = {name: getattr(first, name) for name in names}
    agreed: dict[str, object] = {
        name: value for name, value in said.items() if all(getattr(each, name) == value for each in answers)
    }
    agreed["values"] = {
        question: value
        for question, value in first.values.items()
        if all(each.values.get(question) == value for each in answers)
    }
    if first.preference is not None and len({_preferred(each) for each in answers}) == 1:
        agreed["preference"] = first.preference.model_copy(update={"shown_left": "response"})
    return start.model_copy(update=agreed)


def _preferred(answer: Answer) -> object:
    """Which response is better, whichever of them stood on the left."""
    return answer.preference and (answer.preference.choice, answer.preference.strength)


def edit(start: Answer, record: Record, asked: QuestionSet, *, key: str) -> Answer:
    """The answer as it is filled in now, from `start`; everything but its note, which the caller asks for."""
    response = st.text_area("Final response", start.response, height=160, key=f"text {key}")
    fields = cycle(st.columns(3))
    reject = next(fields).selectbox(
        "Reject as",
        get_args(RejectReason),
        index=None if start.reject is None else get_args(RejectReason).index(start.reject),
        key=f"reject {key}",
        placeholder="not rejected",
        help="The record is not used at all; then nothing else has to be answered.",
    )
    preference = None if record.alternative is None else _preference(fields, start.preference, key=key)
    given: dict[str, Value | None] = {}
    for question in asked.questions:
        is_asked = not question.if_edited or response != record.response
        if question.id == NOTE or not is_asked or (question.id == RATING and record.alternative is not None):
            continue
        given[question.id] = _field(fields, question, start.value(question.id), key=key)
    checks = given.pop(CHECKS, None) or ()
    return Answer.model_validate({
        "response": response,
        "rating": given.pop(RATING, None),
        "checks": dict.fromkeys(checks, True) if isinstance(checks, tuple) else {},
        "edit_reasons": given.pop(EDIT_REASONS, None) or (),
        "values": {name: value for name, value in given.items() if value not in (None, "", ())},
        "trains": _switches(next(fields), start.trains, record, key=key),
        "reject": reject,
        "preference": preference,
    })  # fmt: skip


def _preference(fields: Iterator[DeltaGenerator], start: Preference | None, *, key: str) -> Preference | None:
    choice = next(fields).selectbox(
        "Which response is better (required)",
        list(_CHOICES),
        index=None if start is None else list(_CHOICES).index(start.choice),
        format_func=_CHOICES.__getitem__,
        key=f"preference {key}",
        placeholder="open",
    )
    strength = next(fields).selectbox(
        "By how much",
        list(_STRENGTHS),
        index=None if start is None or start.strength is None else start.strength - 1,
        format_func=_STRENGTHS.__getitem__,
        key=f"strength {key}",
        placeholder="open",
        disabled=choice not in ("response", "alternative"),
    )
    if choice is None:
        return None
    decided = strength if choice in ("response", "alternative") else None
    return Preference.model_validate({"choice": choice, "strength": decided, "shown_left": "response"})


def _field(fields: Iterator[DeltaGenerator], question: Question, start: Value | None, *, key: str) -> Value | None:
    """What is filled in for a question: a number for a rating, values of options, or text."""
    label = notice.plain(question.title) + (" (required)" if question.required else "")
    place, name, guide = next(fields), f"{question.id} {key}", notice.plain(question.guide) or None
    if question.kind == "text":
        return place.text_input(label, start if isinstance(start, str) else "", key=name, help=guide).strip()
    shown = {option.value: option.label for option in question.options}
    if question.kind == "choices":
        ticked = [value for value in start if value in shown] if isinstance(start, tuple) else []
        chosen = place.multiselect(
            label, list(shown), ticked, format_func=shown.__getitem__, key=name, help=guide, placeholder="none"
        )
        return tuple(chosen)
    if question.kind == "rating":
        shown = {value: value if label == value else f"{value} {label}" for value, label in shown.items()}
    values = list(shown)
    one = place.selectbox(
        label,
        values,
        index=values.index(str(start)) if start is not None and str(start) in values else None,
        format_func=shown.__getitem__,
        key=name,
        help=guide,
        placeholder="open",
    )
    return int(one) if one is not None and question.kind == "rating" else one


def _switches(
    place: DeltaGenerator, start: tuple[bool, ...] | None, record: Record, *, key: str
) -> tuple[bool, ...] | None:
    """For every message whether it is trained on; None when that is as the record has it, or there is one response."""
    own = tuple(bool(message.train) for message in record.messages)
    responses = [n for n, message in enumerate(record.messages) if message.role == "assistant"]
    if len(responses) < 2:
        return None
    on = place.multiselect(
        "Responses that are trained",
        responses,
        [n for n in responses if (start or own)[n]],
        format_func=lambda n: f"{responses.index(n) + 1}. {record.messages[n].content[:40]}",
        key=f"trains {key}",
    )
    switches = tuple(n in on for n in range(len(record.messages)))
    return None if switches == own else switches
