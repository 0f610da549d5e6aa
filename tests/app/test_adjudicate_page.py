"""A lead's own decision: everything that it says has a field, and everything that is asked can be answered."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from streamlit.testing.v1 import AppTest

from curator import Workspace
from curator.annotate import answers, queue, settings
from curator.store import events, gold, projects, records
from schemas.annotation import Answer, Preference
from schemas.event import Adjudicated, Kind
from schemas.questions import Option, Question, QuestionSet
from schemas.record import Message, Origin, Record
from tests.app.pages import draw, press, texts
from tests.conftest import make_record

OWN = (
    Question(id="tone", kind="choice", title="Tone", required=True, keeps_out=("cold",),
             options=(Option(value="warm", label="Warm"), Option(value="cold", label="Cold"))),
    Question(id="topics", kind="choices", title="Topics", required=True, options=(Option(value="sky", label="Sky"),)),
    Question(id="ease", kind="rating", title="Ease", required=True,
             options=(Option(value="1", label="1"), Option(value="2", label="Easy"))),
    Question(id="source", kind="text", title="Source", required=True),
)  # fmt: skip


def dispute(
    workspace: Workspace, made: Sequence[Record], *given: Answer, asked: tuple[Question, ...] = ()
) -> list[str]:
    """Ids of records on which the people who gave these answers differ."""
    settings.change(workspace, project_id=1, actor="Lea", reviews_required=len(given))
    with workspace.write() as connection:
        project = projects.by_name(connection)
        project = project.model_copy(
            update={"questions": QuestionSet(questions=(*project.questions.questions, *asked))}
        )
        projects.change(connection, project)
        ids = records.add_many(connection, made, project=project, at=workspace.clock())
    for person, answer in zip(("Ada", "Ben"), given, strict=False):
        while (task := queue.next_task(workspace, person, project_id=1)) is not None:
            answers.submit(workspace, task.claim, answer, annotator=person)
    return ids


def choose(app: AppTest, name: str, value: str) -> None:
    app.selectbox(key=name).select(value)


def decided(workspace: Workspace, record_id: str) -> Answer:
    with workspace.read() as connection:
        last = events.newest(connection, record_id, [Kind.ADJUDICATE])
    return last.read(Adjudicated).answer


def test_an_own_decision_holds_nothing_that_one_annotator_said(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [make_record(f"Question {n}?", "A.") for n in range(4)]  # whose answer comes first differs by record
    given = Answer(response="A.", rating=4), Answer(response="A.", reject="wrong", edit_reasons=("fact",))
    dispute(workspace, made, *given)
    for _ in made:
        app = draw("adjudicate", workspace, monkeypatch, person="Lea")
        record_id = next(each.key for each in app.button if each.label == "Store this decision").split()[-1]
        assert app.selectbox(key=f"rating {record_id}").value is None
        choose(app, f"rating {record_id}", "5")
        press(app, "Store this decision")
        assert decided(workspace, record_id) == Answer(response="A.", rating=5)
        with workspace.read() as connection:
            assert records.get(connection, record_id).state.value == "accepted"


def test_what_all_annotators_say_is_filled_in(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    given = Answer(response="B.", rating=4), Answer(response="B.", rating=2)
    [record_id] = dispute(workspace, [make_record("Question?", "A.")], *given)
    app = draw("adjudicate", workspace, monkeypatch, person="Lea")
    assert app.text_area(key=f"text {record_id}").value == "B."
    press(app, "Store this decision")
    assert "“Quality of the final text” needs an answer." in app.error[0].value
    choose(app, f"rating {record_id}", "3")
    press(app, "Store this decision")
    assert decided(workspace, record_id) == Answer(response="B.", rating=3)


def test_a_lead_rejects_a_record_themselves(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    given = Answer(response="A.", rating=4), Answer(response="A.", rating=1)
    [record_id] = dispute(workspace, [make_record("Question?", "A.")], *given)
    app = draw("adjudicate", workspace, monkeypatch, person="Lea")
    choose(app, f"reject {record_id}", "off topic")
    press(app, "Store this decision")
    assert "Decided: rejected." in texts(app)
    assert decided(workspace, record_id).reject == "off topic"


def test_a_lead_says_which_of_two_responses_is_better(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    given = [
        Answer(response="A.", preference=Preference(choice=choice, shown_left="alternative"))
        for choice in ("response", "alternative")
    ]
    [record_id] = dispute(workspace, [make_record("Question?", "A.", alternative="B.")], *given)
    app = draw("adjudicate", workspace, monkeypatch, person="Lea")
    press(app, "Store this decision")
    assert "Say which of the two responses is better." in app.error[0].value
    app.selectbox(key=f"preference {record_id}").select("alternative").run()
    app.selectbox(key=f"strength {record_id}").select(2)
    press(app, "Store this decision")
    with workspace.read() as connection:
        final = records.get(connection, record_id).final
    assert (final.response, final.rejected[0].content) == ("B.", "A.")
    assert decided(workspace, record_id).preference.strength == 2


@pytest.mark.parametrize("button", ["Store this decision", "Make it a gold record"])
def test_every_question_of_the_project_can_be_answered(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, button: str
) -> None:
    values = {"tone": "warm", "topics": ("sky",), "ease": 1, "source": "a book"}
    given = [Answer(response="A.", rating=4, values={**values, "tone": tone}) for tone in ("warm", "cold")]
    [record_id] = dispute(workspace, [make_record("Question?", "A.")], *given, asked=OWN)
    app = draw("adjudicate", workspace, monkeypatch, person="Lea")
    app.text_input(key=f"source {record_id}").set_value("")
    press(app, button)
    assert "“Tone” needs an answer. “Source” needs an answer." in app.error[0].value
    choose(app, f"tone {record_id}", "cold")
    choose(app, f"ease {record_id}", "2")
    app.multiselect(key=f"checks {record_id}").select("biased")
    app.text_input(key=f"source {record_id}").set_value("a letter")
    press(app, button)
    assert not app.error
    with workspace.read() as connection:
        known = [each.expected for each in gold.answers(connection, 1)]
    kept = known[0] if known else decided(workspace, record_id)
    assert kept.values == {"tone": "cold", "topics": ("sky",), "ease": 2, "source": "a letter"}
    assert (kept.rating, kept.checks.ticked) == (4, ("biased",))


def test_the_responses_that_are_trained_are_chosen(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    roles = ("user", "assistant", "user", "assistant")
    turns = tuple(Message(role=role, content=f"Turn {n}.") for n, role in enumerate(roles))
    given = Answer(response="Turn 3.", rating=4), Answer(response="Turn 3.", rating=1)
    [record_id] = dispute(workspace, [Record(messages=turns, origin=Origin(source="made.jsonl"))], *given)
    app = draw("adjudicate", workspace, monkeypatch, person="Lea")
    choose(app, f"rating {record_id}", "4")
    app.multiselect(key=f"trains {record_id}").select(1)
    press(app, "Store this decision")
    assert decided(workspace, record_id).trains == (False, True, False, True)
