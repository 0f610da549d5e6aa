"""Project: questions are typed, checked, classed and changed, and nothing breaks without a word of consent."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from curator import Workspace
from curator.annotate import answers, questions, queue, settings
from curator.store import projects
from schemas.annotation import Answer
from schemas.questions import Option, Question, QuestionSet
from tests.app.pages import draw, press, states, texts

TONE = Question(
    id="tone", kind="choice", title="Tone", keeps_out=("cold",),
    options=(Option(value="warm", label="Warm"), Option(value="cold", label="Cold")),
)  # fmt: skip


def asked(workspace: Workspace) -> QuestionSet:
    with workspace.read() as connection:
        return projects.by_name(connection).questions


def ask_for_tone(workspace: Workspace) -> None:
    after = QuestionSet(questions=(*QuestionSet().questions, TONE))
    questions.change_questions(workspace, after, project_id=1, actor="Lea")


def field(app: AppTest, kind: str, name: str):
    """The field whose key begins with this name; what follows names the project and its questions."""
    return next(each for each in getattr(app, kind) if (each.key or "").startswith(f"{name} "))


def add_tone(app: AppTest, options: str = "yes = Yes [y]\nno = No [n]") -> AppTest:
    field(app, "text_input", "new id").set_value("tone")
    field(app, "text_input", "new title").set_value("Is the tone right?")
    return field(app, "text_area", "new options").set_value(options).run()


def said(app: AppTest) -> str:
    return "\n".join(error.value for error in app.error).replace("\\", "")


@pytest.fixture
def answered(stocked: Workspace) -> Workspace:
    """Two records that were answered, and one that waits."""
    for _ in range(2):
        task = queue.next_task(stocked, "Ada", project_id=1)
        answers.submit(stocked, task.claim, Answer(response="A.", rating=4), annotator="Ada")
    return stocked


def test_a_breaking_change_says_what_it_does_and_waits_for_consent(
    answered: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = draw("project", answered, monkeypatch, person="Lea")
    add_tone(app)
    field(app, "checkbox", "new required").check().run()
    assert "Breaking" in texts(app)
    assert "touches 2 answers by 1 person; 2 records to review again." in texts(app)
    assert next(button for button in app.button if button.label == "Make this change").disabled
    consent = field(app, "checkbox", "agreed")
    assert "Send 2 records to review again." in consent.label
    assert "become drafts of the annotators who wrote them" in consent.label
    consent.check().run()
    press(app, "Make this change")
    assert [(each.value, each.label, each.key) for each in asked(answered).by_id("tone").options] == [
        ("yes", "Yes", "y"),
        ("no", "No", "n"),
    ]
    assert states(answered) == ["waiting", "waiting", "waiting"]


def test_a_mistaken_change_is_taken_back_with_what_it_did(answered: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw("project", answered, monkeypatch, person="Lea")
    assert "Take this change back" not in [button.label for button in app.button]
    add_tone(app)
    field(app, "checkbox", "new required").check().run()
    field(app, "checkbox", "agreed").check().run()
    press(app, "Make this change")
    assert states(answered) == ["waiting", "waiting", "waiting"]
    assert "Asked again and not touched since: 2 records." in texts(app)
    press(app, "Take this change back")
    assert "The questions are as they were; as answered before: 2 records." in texts(app)
    assert not app.warning
    assert asked(answered) == QuestionSet()
    assert states(answered) == ["accepted", "accepted", "waiting"]


def test_consent_to_one_change_is_none_to_another(answered: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw("project", answered, monkeypatch, person="Lea")
    add_tone(app)
    field(app, "checkbox", "new required").check().run()
    field(app, "checkbox", "agreed").check().run()
    add_tone(app, "yes = Yes\nno = No\nmaybe = Maybe")
    assert field(app, "checkbox", "agreed").value is False
    assert next(button for button in app.button if button.label == "Make this change").disabled


def test_the_form_of_a_new_question_is_empty_after_it_was_added(
    stocked: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = draw("project", stocked, monkeypatch, person="Lea")
    add_tone(app)
    press(app, "Make this change")
    assert not app.error
    assert field(app, "text_input", "new id").value == ""
    assert "You have not changed anything." in texts(app)


def test_a_new_question_says_at_once_what_keeps_a_record_out(
    stocked: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = draw("project", stocked, monkeypatch, person="Lea")
    add_tone(app)
    field(app, "multiselect", "out new").select("no").run()
    press(app, "Make this change")
    assert asked(stocked).by_id("tone").keeps_out == ("no",)


def test_questions_are_moved_and_a_new_one_stands_before_the_note(
    stocked: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = draw("project", stocked, monkeypatch, person="Lea")
    field(app, "number_input", "place checks").set_value(1)
    add_tone(app)
    assert "Compatible" in texts(app)
    assert "The order changes." in texts(app)
    press(app, "Make this change")
    assert [each.id for each in asked(stocked).questions] == ["checks", "rating", "edit_reasons", "tone", "note"]
    field(app, "number_input", "place note").set_value(2).run()
    press(app, "Make this change")
    assert [each.id for each in asked(stocked).questions] == ["checks", "note", "rating", "edit_reasons", "tone"]


def test_nothing_is_complained_about_before_a_new_question_is_whole(
    stocked: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = draw("project", stocked, monkeypatch, person="Lea")
    add_tone(app, options="")
    assert not app.error
    assert "It is added once it has" in texts(app)


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("tone", "yes = Yes", "Question tone has too few options. Write at least 2, one a line, as value = Label."),
        ("tone", "a = A\na = B", "Question tone has the value a twice. Give every option a value of its own."),
        ("tone", "Yes!", "Option 1 cannot be read: “Yes!”. Write it as: value = Label [key]."),
        ("Tone?", "a = A\nb = B", "“Tone?” cannot be an id. Use small letters, digits and _, a letter first."),
        ("note", "a = A\nb = B", "There is a question note already. Choose another id, or change that one."),
        ("tone", "a = A [a]\nb = B", "key a does “Accept as is”. Use another letter, or none."),
        ("tone", "a = A [q]\nb = B [q]", "key q chooses option a of question tone, too."),
        ("tone", "a = A [1]\nb = B", "key 1 is a digit, and digits are for ratings."),
    ],
)
def test_what_cannot_be_asked_is_said_in_words_of_the_form(
    stocked: Workspace, monkeypatch: pytest.MonkeyPatch, name: str, options: str, complaint: str
) -> None:
    app = draw("project", stocked, monkeypatch, person="Lea")
    add_tone(app, options)
    field(app, "text_input", "new id").set_value(name).run()
    assert complaint in said(app)
    assert not re.search("Value error|validation", said(app))
    assert "Make this change" not in [button.label for button in app.button]


def test_values_of_built_in_questions_stay(stocked: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw("project", stocked, monkeypatch, person="Lea")
    field(app, "text_area", "options checks").set_value("harmful = Bad").run()
    assert "The values of checks stay in their order: harmful, unfactual, biased, personal_data." in said(app)


def test_a_renamed_option_still_keeps_records_out(stocked: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    ask_for_tone(stocked)
    app = draw("project", stocked, monkeypatch, person="Lea")
    field(app, "text_area", "options tone").set_value("warm = Warm\nharsh = Harsh")
    field(app, "text_area", "map tone").set_value("cold -> harsh").run()
    assert "Mapping" in texts(app)
    assert field(app, "multiselect", "out tone").value == ["harsh"]
    press(app, "Make this change")
    assert asked(stocked).by_id("tone").keeps_out == ("harsh",)


def test_the_forms_of_two_projects_are_two(stocked: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.create(stocked, "other", actor="Lea")
    app = draw("project", stocked, monkeypatch, person="Lea")
    field(app, "text_area", "guide rating").set_value("For the first project.").run()
    next(box for box in app.selectbox if box.label == "Project").select("other").run()
    assert field(app, "text_area", "guide rating").value != "For the first project."
    assert "Make this change" not in [button.label for button in app.button]


def test_a_change_that_somebody_else_made_is_not_turned_back(
    stocked: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = draw("project", stocked, monkeypatch, person="Lea")
    field(app, "text_area", "guide rating").set_value("Lea's rule.").run()
    ask_for_tone(stocked)
    press(app, "Make this change")
    assert "The questions were changed by another lead meanwhile." in app.warning[0].value
    assert asked(stocked).by_id("tone") is not None
    assert field(app, "text_area", "guide rating").value != "Lea's rule."
    assert "Make this change" not in [button.label for button in app.button]
    app.run()
    assert not app.warning


def test_settings_that_somebody_else_changed_meanwhile_stay(
    stocked: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = draw("project", stocked, monkeypatch, person="Lea")
    settings.change(stocked, project_id=1, actor="Max", reviews_required=3)
    next(each for each in app.number_input if each.label == "A gold record every so many answers").set_value(7)
    press(app, "Keep these settings")
    with stocked.read() as connection:
        project = projects.by_name(connection)
    assert (project.reviews_required, project.gold_every) == (3, 7)
