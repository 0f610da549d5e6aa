"""Editing a set of questions: one folded form per question, options as lines of text.

What is typed is checked here, so that every complaint says in words of this form what to do about it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import streamlit as st
from pydantic import ValidationError
from streamlit.delta_generator import DeltaGenerator

from app.components import notice
from schemas.questions import BUILT_IN, NOTE, Option, OptionMapping, Question, QuestionSet

_ID = re.compile(r"[a-z][a-z0-9_]*")
_LINE = re.compile(r"^\s*([a-z0-9_]+)\s*=\s*(.*?)\s*(?:\[([a-z0-9])\])?\s*$")
_MAPPING = re.compile(r"^\s*([a-z0-9_]+)\s*->\s*([a-z0-9_]+)\s*$")
_FIXED = {question.id: question for question in BUILT_IN}
_KINDS = ("choice", "choices", "rating", "text")
_RULE = "Help shown while it is answered"
_OPTIONS = "Options: value = Label [key]"


class _Placed(NamedTuple):
    """A question and where it is wanted, counted from 1."""

    question: Question
    place: int


def edit(present: QuestionSet, *, scope: str) -> tuple[QuestionSet, list[OptionMapping]]:
    """The questions as they are typed now, and how old values are to be read.

    Args:
        present: The questions as they are.
        scope: Of whose questions, and which: another scope begins with empty hands.

    Raises:
        ValueError: A line cannot be read, or the questions cannot be asked like this; it says what to do.
    """
    try:
        return _edit(present, scope)
    except ValidationError as error:
        found = error.errors()[0]["msg"].removeprefix("Value error, ")
        step = "" if found.endswith(".") else ". Correct it, or reload the page to begin anew."
        raise ValueError(f"{found[:1].upper()}{found[1:]}{step}") from error


def _edit(present: QuestionSet, scope: str) -> tuple[QuestionSet, list[OptionMapping]]:
    kept: list[_Placed] = []
    moved: list[_Placed] = []
    mappings: list[OptionMapping] = []
    for n, question in enumerate(present.questions, 1):
        with st.expander(f"{question.id}: {notice.plain(question.title)}"):
            changed, read_as, removed = _question(question, n, len(present.questions), scope)
        mappings += read_as
        if not removed:
            kept.append(changed)
            if changed.place != n:
                moved.append(changed)
    with st.expander("Add a question"):
        added = _new_question(present, scope)
    if added is not None:
        moved.append(added)
    ordered = [each.question for each in kept]
    for question, place in moved:
        ordered = [each for each in ordered if each.id != question.id]
        ordered.insert(place - 1, question)
    return QuestionSet(questions=tuple(ordered)), mappings


def _question(question: Question, n: int, last: int, scope: str) -> tuple[_Placed, list[OptionMapping], bool]:
    key, is_fixed = f"{question.id} {scope}", question.id in _FIXED
    left, right = st.columns([3, 1])
    title = left.text_input("Title", question.title, key=f"title {key}")
    guide = left.text_area(_RULE, question.guide, key=f"guide {key}", height=80)
    place = right.number_input("Place", 1, last, n, key=f"place {key}")
    required = right.checkbox("Required", question.required, key=f"required {key}", disabled=is_fixed)
    must_agree = right.checkbox("Annotators must agree", question.must_agree, key=f"agree {key}")
    safety = right.checkbox("About safety", question.safety, key=f"safety {key}", disabled=is_fixed)
    removed = not is_fixed and right.checkbox("Remove it", key=f"remove {key}")
    options, read_as, keeps_out = question.options, [], question.keeps_out
    if question.kind != "text":
        options = _options(left.text_area(_OPTIONS, _lines(question.options), key=f"options {key}"))
        _check_options(question.id, question.kind, options)
    if question.kind != "text" and not is_fixed:
        typed = left.text_area("Read old values as: old -> new", key=f"map {key}", height=68)
        read_as = _mappings(question.id, typed)
        renamed = {each.old: each.new for each in read_as}
        kept = [renamed.get(value, value) for value in question.keeps_out]
        keeps_out = _keeps_out(left, options, kept, key=key)
    update = {
        "title": title, "guide": guide, "required": required, "must_agree": must_agree, "safety": safety,
        "options": options, "keeps_out": keeps_out,
    }  # fmt: skip
    changed = Question.model_validate(question.model_dump() | update)
    return _Placed(changed, int(place)), read_as, removed


def _new_question(present: QuestionSet, scope: str) -> _Placed | None:
    """The question that is typed in, once it has all that it needs."""
    last = len(present.questions) + 1
    before_note = last - 1 if present.questions[-1].id == NOTE else last
    columns = st.columns([1, 1, 2, 1])
    name = columns[0].text_input("Id", placeholder="tone", key=f"new id {scope}").strip()
    kind = columns[1].selectbox("Kind", _KINDS, key=f"new kind {scope}")
    title = columns[2].text_input("Title", placeholder="Is the tone right?", key=f"new title {scope}").strip()
    place = columns[3].number_input("Place", 1, last, before_note, key=f"new place {scope}")
    row = st.container(horizontal=True)
    required = row.checkbox("Required", key=f"new required {scope}")
    must_agree = row.checkbox("Annotators must agree", key=f"new agree {scope}")
    options: tuple[Option, ...] = ()
    keeps_out: tuple[str, ...] = ()
    if kind != "text":
        example = "1 = Poor\n2 = Good" if kind == "rating" else "warm = Warm\ncold = Cold"
        options = _options(st.text_area(_OPTIONS, placeholder=example, key=f"new options {scope}"))
        keeps_out = _keeps_out(st.container(), options, [], key=f"new {scope}")
    guide = st.text_area(_RULE, key=f"new guide {scope}", height=68)
    if not name or not title or (kind != "text" and not options):
        st.caption("It is added once it has an id, a title and, unless it is a text, options.")
        return None
    if not _ID.fullmatch(name):
        raise ValueError(f"“{name}” cannot be an id. Use small letters, digits and _, a letter first.")
    if present.by_id(name) is not None:
        raise ValueError(f"There is a question {name} already. Choose another id, or change that one.")
    _check_options(name, kind, options)
    made = Question.model_validate({
        "id": name, "kind": kind, "title": title, "required": required, "must_agree": must_agree, "guide": guide,
        "options": options, "keeps_out": keeps_out,
    })  # fmt: skip
    return _Placed(made, int(place))


def _keeps_out(column: DeltaGenerator, options: tuple[Option, ...], kept: list[str], *, key: str) -> tuple[str, ...]:
    """Values of options that keep a record out. Other values are another choice, which begins with those `kept`."""
    values = [option.value for option in options]
    chosen = column.multiselect(
        "Keep a record out of versions",
        values,
        [value for value in dict.fromkeys(kept) if value in values],
        key=f"out {key} {values} {kept}",
        placeholder="none of them",
    )
    return tuple(chosen)


def _check_options(name: str, kind: str, options: tuple[Option, ...]) -> None:
    values = [option.value for option in options]
    least = 1 if kind == "choices" else 2
    if len(values) < least:
        raise ValueError(f"Question {name} has too few options. Write at least {least}, one a line, as value = Label.")
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"Question {name} has the value {value} twice. Give every option a value of its own.")
        if kind == "rating" and not value.isdigit():
            raise ValueError(f"The value {value} of {name} is not a number. Write the options of a rating as 1 = Poor.")
    if name in _FIXED and values != [option.value for option in _FIXED[name].options]:
        fixed = ", ".join(option.value for option in _FIXED[name].options)
        raise ValueError(f"The values of {name} stay in their order: {fixed}. Their labels may change.")


def _lines(options: tuple[Option, ...]) -> str:
    return "\n".join(f"{each.value} = {each.label}{f' [{each.key}]' if each.key else ''}" for each in options)


def _options(lines: str) -> tuple[Option, ...]:
    found = []
    for n, line in enumerate(lines.splitlines(), 1):
        if not line.strip():
            continue
        match = _LINE.match(line)
        if match is None:
            raise ValueError(f"Option {n} cannot be read: “{line}”. Write it as: value = Label [key].")
        found.append(Option(value=match[1], label=match[2] or match[1], key=match[3]))
    return tuple(found)


def _mappings(question: str, lines: str) -> list[OptionMapping]:
    found = []
    for line in filter(str.strip, lines.splitlines()):
        match = _MAPPING.match(line)
        if match is None:
            raise ValueError(f"“{line}” cannot be read. Write it as: old -> new.")
        found.append(OptionMapping(question=question, old=match[1], new=match[2]))
    return found
