"""What the labelling screen knows in JavaScript and the server in Python is the same; node runs the same tables."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import pytest

from app.labelling import view
from curator import Workspace
from curator.annotate import keymap, queue
from curator.annotate.settle import problems, reasons_to_keep_out
from schemas.annotation import Answer, RejectReason
from schemas.project import Project
from schemas.questions import BUILT_IN, Question, QuestionSet
from schemas.record import Message, Origin, Record
from tests.conftest import REPOSITORY

TABLE: dict[str, Any] = json.loads((REPOSITORY / "tests/labelling/answers.json").read_text(encoding="utf-8"))
SHEET: dict[str, Any] = json.loads((REPOSITORY / "tests/labelling/sheet.json").read_text(encoding="utf-8"))
QUESTIONS = QuestionSet(questions=(*BUILT_IN, *map(Question.model_validate, TABLE["questions"])))
CASES = {case["name"]: case for case in TABLE["cases"]}


def record_of(case: dict[str, Any]) -> Record:
    calls = {"tool_calls": [{"name": "look"}]} if case.get("calls_a_tool") else {}
    messages = tuple(map(Message.model_validate, (*TABLE["messages"][:-1], {**TABLE["messages"][-1], **calls})))
    alternative = TABLE["alternative"] if case.get("pair") else None
    return Record(messages=messages, origin=Origin(source="made.jsonl"), alternative=alternative)


@pytest.mark.parametrize("name", CASES)
def test_the_server_says_of_an_answer_what_the_table_says(name: str) -> None:
    case = CASES[name]
    answer = Answer.model_validate(case["answer"])
    project = Project(id=1, name="Table", questions=QUESTIONS, min_rating=TABLE["min_rating"])
    assert [problem.text for problem in problems(answer, record_of(case), QUESTIONS)] == case["open"]
    assert reasons_to_keep_out(answer, project) == case["kept_out"]


def test_the_server_takes_answers_for_the_same_as_the_table_does() -> None:
    for kind in ("same", "different"):
        for one, another in TABLE[kind]:
            is_same = Answer.model_validate(one) == Answer.model_validate(another)
            assert is_same == (kind == "same"), f"{one} and {another}"


def shape(value: Any) -> Any:
    """Names and nothing else, however deep."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return None


def test_the_modules_are_tested_with_what_the_server_sends(stocked: Workspace) -> None:
    task = queue.next_task(stocked, "Ada", project_id=1)
    sheet = json.loads(json.dumps(view.screen(stocked, "Ada", task, project_id=1)))
    assert shape(sheet) == shape(SHEET)
    assert sheet["task"]["questions"] == SHEET["task"]["questions"]
    assert sheet["keys"] == SHEET["keys"] == keymap.DEFAULTS
    assert sheet["reject_reasons"] == SHEET["reject_reasons"] == list(get_args(RejectReason))


def test_the_types_of_the_screen_name_every_field_that_the_server_sends() -> None:
    types = (REPOSITORY / "app/labelling/assets/types.d.ts").read_text(encoding="utf-8")
    fields = {name: set(re.findall(r"^  (\w+)\??:", body, re.M)) for name, body in _INTERFACE.findall(types)}
    assert fields["Answer"] == set(Answer.model_fields)
    assert fields["Sheet"] - {"done"} == set(SHEET)
    assert fields["Progress"] == set(SHEET["progress"])
    assert fields["Project"] == set(SHEET["project"])
    assert fields["Task"] | fields["Conversation"] == set(SHEET["task"])


_INTERFACE = re.compile(r"export interface (\w+)[^{]*\{\n(.*?)\n\}", re.S)
