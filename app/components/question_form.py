"""Editing a set of questions: one folded form per question, options as lines of text."""

from __future__ import annotations

import re

import streamlit as st
from pydantic import ValidationError

from schemas.questions import BUILT_IN, Mapping, Option, Question, QuestionSet

_LINE = re.compile(r"^\s*([a-z0-9_]+)\s*=\s*(.*?)\s*(?:\[([a-z0-9])\])?\s*$")
_MAPPING = re.compile(r"^\s*([a-z0-9_]+)\s*->\s*([a-z0-9_]+)\s*$")
_FIXED = {question.id for question in BUILT_IN}
_KINDS = ("choice", "choices", "rating", "text")


def edit(present: QuestionSet) -> tuple[QuestionSet, list[Mapping]]:
    """The questions as they are typed now, and how old values are to be read.

    Raises:
        ValueError: A line cannot be read, or the questions break a rule of their schema.
    """
    edited: list[Question] = []
    mappings: list[Mapping] = []
    for question in present.questions:
        with st.expander(f"{question.id}: {question.title}"):
            changed, read_as, removed = _question(question)
        mappings += read_as
        if not removed:
            edited.append(changed)
    with st.expander("Add a question"):
        added = _new_question()
    if added is not None:
        edited.append(added)
    try:
        return QuestionSet(questions=tuple(edited)), mappings
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(str(first.get("ctx", {}).get("error", first["msg"]))) from error


def _question(question: Question) -> tuple[Question, list[Mapping], bool]:
    key, is_fixed = question.id, question.id in _FIXED
    left, right = st.columns([3, 1])
    title = left.text_input("Title", question.title, key=f"title {key}")
    guide = left.text_area("Rule shown while it has the focus", question.guide, key=f"guide {key}", height=80)
    required = right.checkbox("Required", question.required, key=f"required {key}", disabled=is_fixed)
    must_agree = right.checkbox("Annotators must agree", question.must_agree, key=f"agree {key}")
    safety = right.checkbox("About safety", question.safety, key=f"safety {key}", disabled=is_fixed)
    removed = not is_fixed and right.checkbox("Remove it", key=f"remove {key}")
    options, read_as, keeps_out = question.options, [], question.keeps_out
    if question.kind != "text":
        lines = left.text_area("Options: value = Label [key]", _lines(question.options), key=f"options {key}")
        options = _options(lines)
        if not is_fixed:
            values = [option.value for option in options]
            kept = [value for value in question.keeps_out if value in values]
            keeps_out = tuple(left.multiselect("Keep a record out of versions", values, kept, key=f"out {key}"))
            typed = left.text_area("Read old values as: old -> new", key=f"map {key}", height=68)
            read_as = _mappings(question.id, typed)
    update = {
        "title": title, "guide": guide, "required": required, "must_agree": must_agree, "safety": safety,
        "options": options, "keeps_out": keeps_out,
    }  # fmt: skip
    return Question.model_validate(question.model_dump() | update), read_as, removed


def _new_question() -> Question | None:
    columns = st.columns([1, 1, 2])
    name = columns[0].text_input("Id", placeholder="tone", key="new id").strip()
    kind = columns[1].selectbox("Kind", _KINDS, key="new kind")
    title = columns[2].text_input("Title", placeholder="Is the tone right?", key="new title")
    required = st.checkbox("Required", key="new required")
    must_agree = st.checkbox("Annotators must agree", key="new agree")
    lines = "" if kind == "text" else st.text_area("Options: value = Label [key]", key="new options")
    guide = st.text_area("Rule shown while it has the focus", key="new guide", height=68)
    if not name or not title:
        return None
    return Question.model_validate({
        "id": name, "kind": kind, "title": title, "required": required, "must_agree": must_agree, "guide": guide,
        "options": _options(lines),
    })  # fmt: skip


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


def _mappings(question: str, lines: str) -> list[Mapping]:
    found = []
    for line in filter(str.strip, lines.splitlines()):
        match = _MAPPING.match(line)
        if match is None:
            raise ValueError(f"“{line}” cannot be read. Write it as: old -> new.")
        found.append(Mapping(question=question, old=match[1], new=match[2]))
    return found
