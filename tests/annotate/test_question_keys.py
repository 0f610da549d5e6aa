"""Keys of a project's own options: each does one thing, and what is stored already stays readable."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from curator import Workspace
from curator.annotate import keymap, settings
from curator.store import projects
from schemas.questions import ACTION_KEYS, BUILT_IN, STORED, STREAMLIT_KEYS, Option, Question, QuestionSet


def asked(*keys: str | None, kind: str = "choice", values: tuple[str, ...] = ("1", "2", "3")) -> list[Question]:
    options = [{"value": value, "label": value, "key": key} for value, key in zip(values, keys, strict=False)]
    tone = Question.model_validate({"id": "tone", "kind": kind, "title": "Tone", "options": options})
    return [*BUILT_IN, tone]


def test_the_letters_of_the_screen_are_those_of_its_actions() -> None:
    assert set(ACTION_KEYS) == {key for key in keymap.DEFAULTS.values() if len(key) == 1}


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (("w", "a"), "option 2: key a does “Accept as is”. Use another letter, or none."),
        (("r", "w"), "option 1: key r belongs to Streamlit. Use another letter, or none."),
        (("4", "w"), "option 1: key 4 is a digit, and digits are for ratings. Use a letter, or none."),
        (("w", "w"), "option 2: key w chooses option 1 of question tone, too. Give one of them another letter."),
    ],
)
def test_a_key_that_does_something_else_is_refused_with_the_next_step(keys: tuple[str, str], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem.replace(".", r"\.").replace("(", r"\(")):
        QuestionSet(questions=tuple(asked(*keys)))


def test_free_letters_and_the_digits_of_a_rating_are_taken() -> None:
    QuestionSet(questions=tuple(asked("w", "l", None)))
    QuestionSet(questions=tuple(asked("1", "2", "3", kind="rating")))
    assert not set("wl") & {*ACTION_KEYS, *STREAMLIT_KEYS}


def test_the_keys_of_built_in_options_stay() -> None:
    rating = BUILT_IN[0].model_copy(
        update={"options": tuple(Option(value=str(n), label=str(n), key="g" if n == 4 else None) for n in range(1, 6))}
    )
    with pytest.raises(ValidationError, match="key g is not 4"):
        QuestionSet(questions=(rating, *BUILT_IN[1:]))


def test_a_project_whose_keys_clash_from_before_still_opens_and_changes_its_settings(workspace: Workspace) -> None:
    clashing = QuestionSet.model_validate(
        {"questions": [each.model_dump() for each in asked("a", "w")]}, context=STORED
    )
    with workspace.write() as connection:
        projects.change(connection, projects.by_name(connection).model_copy(update={"questions": clashing}))
    settings.change(workspace, project_id=1, actor="Lea", min_rating=4)
    with workspace.read() as connection:
        assert projects.by_name(connection).questions == clashing
