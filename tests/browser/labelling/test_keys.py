"""Keys: they act on the record and never on a sentence, and each project and annotator has their own."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from curator import Workspace
from curator.annotate import questions
from schemas.questions import Option, Question, QuestionSet
from tests.browser.labelling.screen import Serve, editor, open_queue, shown_question, stored, submitted

pytestmark = pytest.mark.browser


def test_keys_do_nothing_while_typing(stocked: Workspace, serve: Serve, page: Page) -> None:
    first = open_queue(page, serve(stocked.folder))
    editor(page).fill("")
    editor(page).press_sequentially("skip if fuzzy, hub, rc 12345")
    assert shown_question(page) == first
    expect(editor(page)).to_have_value("skip if fuzzy, hub, rc 12345")
    expect(page.locator("[aria-pressed=true]")).to_have_count(0)
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_letters_of_the_projects_own_options_choose_them(stocked: Workspace, serve: Serve, page: Page) -> None:
    options = (Option(value="warm", label="Warm", key="w"), Option(value="cold", label="Cold", key="l"))
    depth = tuple(Option(value=str(n), label=f"Depth {n}") for n in (1, 2, 3))
    own = (
        Question(id="tone", kind="choice", title="Tone", required=True, options=options),
        Question(id="depth", kind="rating", title="Depth", options=depth),
    )
    asked = QuestionSet(questions=(*QuestionSet().questions, *own))
    questions.change_questions(stocked, asked, project_id=1, actor="Lea")
    open_queue(page, serve(stocked.folder))
    page.keyboard.press("a")  # says what is missing, and rates nothing
    expect(page.get_by_text("“Tone” needs an answer.")).to_be_visible()
    expect(page.locator("[aria-pressed=true]")).to_have_count(0)
    page.keyboard.press("w")
    expect(page.get_by_role("button", name="Warm")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Depth 1").click()
    page.keyboard.press("3")  # the scale in focus
    expect(page.get_by_role("button", name="Depth 3")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("k")
    page.get_by_label("Key: Skip").fill("l")
    page.get_by_role("button", name="Keep these keys").click()
    expect(page.get_by_text("Key l chooses “Cold” in this project. Choose another letter.")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("a")
    submitted(page, 1)
    assert stored(stocked)[0].answer.values == {"tone": "warm", "depth": 3}


def test_a_changed_key_is_shown_at_once_and_the_sheet_closes_by_its_own_key(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    open_queue(page, serve(stocked.folder))
    page.keyboard.press("k")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("k")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("k")
    expect(page.get_by_label("Key: Accept as is")).to_have_value("a")
    page.get_by_label("Key: Skip").fill("w")
    page.get_by_role("button", name="Keep these keys").click()
    expect(page.get_by_role("button", name="Skip").locator("kbd")).to_have_text("W")
