"""How a record is read: rendered or as written, folded or not, with where it came from, and nothing in the way."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from curator import Workspace
from curator.store import projects, records
from schemas.record import Message, Origin, Record
from tests.browser.labelling.screen import Serve, editor, open_queue, shown_question, submitted
from tests.browser.people import known_as
from tests.conftest import make_record

pytestmark = pytest.mark.browser

LONG_LINE = "```python\n" + " + ".join(f"a_rather_long_name_{n}" for n in range(80)) + "\n```"


def stock(workspace: Workspace, *several: Record, project: str | None = None) -> None:
    with workspace.write() as connection:
        of = projects.by_name(connection, project)
        records.add_many(connection, list(several), project=of, at=workspace.clock())


def talk(response: str = "Answer.", *, turns: int = 3) -> Record:
    said = [("user", f"Earlier question {n}.") for n in range(turns)]
    earlier = [Message(role=role, content=text) for pair in said for role, text in (pair, ("assistant", "Yes."))]
    last = [Message(role="user", content="Question 1?"), Message(role="assistant", content=response)]
    origin = Origin(source="talks.jsonl", line=7)
    return Record(messages=(*earlier, *last), origin=origin, language="en", labels={"topic": "law"})


def test_one_long_line_of_code_covers_no_question(workspace: Workspace, serve: Serve, page: Page) -> None:
    stock(workspace, make_record("Question 1?", LONG_LINE))
    open_queue(page, serve(workspace.folder))
    page.get_by_role("tab", name="Rendered").click()
    expect(page.locator(".view pre")).to_be_visible()
    for name in ("Poor", "Best", "With personal data"):
        expect(page.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="Good").click()
    expect(page.get_by_role("button", name="Good")).to_have_attribute("aria-pressed", "true")


def test_a_table_has_lines(workspace: Workspace, serve: Serve, page: Page) -> None:
    stock(workspace, make_record("Question 1?", "| a | b |\n|---|---|\n| 1 | 2 |"))
    open_queue(page, serve(workspace.folder))
    page.get_by_role("tab", name="Rendered").click()
    for cell in ("a", "2"):
        style = page.locator(".view").get_by_text(cell, exact=True).evaluate("e => getComputedStyle(e).borderTopStyle")
        assert style == "solid"


def test_where_a_record_came_from_is_shown(workspace: Workspace, serve: Serve, page: Page) -> None:
    stock(workspace, talk())
    open_queue(page, serve(workspace.folder))
    expect(page.locator(".metadata")).to_contain_text("talks.jsonl:7 · en · topic: law")
    record_id = page.evaluate("document.querySelector('.labelling').screen.task.record_id")
    expect(page.get_by_title(f"Record {record_id}")).to_be_visible()
    expect(page.get_by_role("progressbar", name="Settled records")).to_have_js_property("max", 1)


def test_earlier_messages_are_unfolded_by_key(workspace: Workspace, serve: Serve, page: Page) -> None:
    stock(workspace, talk())
    open_queue(page, serve(workspace.folder))
    earlier = page.get_by_text("Earlier question 0.")
    expect(earlier).to_be_hidden()
    page.keyboard.press(".")
    expect(earlier).to_be_visible()
    page.keyboard.press("4")  # draws the screen anew
    expect(earlier).to_be_visible()
    page.keyboard.press(".")
    expect(earlier).to_be_hidden()


def test_instruction_and_pair_are_rendered_by_key_and_stay_so(workspace: Workspace, serve: Serve, page: Page) -> None:
    pairs = [
        make_record(f"Question {n}?\n\nIs it **bold**?", "One is `code`.").model_copy(update={"alternative": "*Two.*"})
        for n in (1, 2)
    ]
    stock(workspace, *pairs)
    page.goto(known_as(page, f"{serve(workspace.folder)}/annotate", "Ada"))
    expect(page.locator(".context")).to_contain_text("Is it **bold**?")
    page.keyboard.press(",")
    expect(page.locator(".context strong")).to_have_text("bold")
    expect(page.locator(".pair code")).to_have_text("code")
    expect(page.locator(".pair em")).to_have_text("Two.")
    page.keyboard.press("1")
    page.keyboard.press("Control+Enter")
    submitted(page, 1)
    expect(page.locator(".context strong")).to_have_text("bold")
    page.reload()
    expect(page.locator(".pair em")).to_have_text("Two.")
    page.keyboard.press(",")
    expect(page.locator(".context")).to_contain_text("Is it **bold**?")


def test_the_editor_has_letters_of_one_width_on_request(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    family = "e => getComputedStyle(e).fontFamily"
    before = editor(page).evaluate(family)
    page.get_by_role("button", name="Monospace").click()
    assert editor(page).evaluate(family) != before
    page.reload()
    shown_question(page)
    expect(page.get_by_role("button", name="Monospace")).to_have_attribute("aria-pressed", "true")


def test_no_frame_is_drawn_around_the_page_after_a_click_and_a_key(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    open_queue(page, serve(stocked.folder))
    page.mouse.click(1250, 700)  # beside every field
    page.keyboard.press("Shift")
    framed = page.evaluate(
        """() => [null, '::before', '::after'].map((part) => getComputedStyle(document.querySelector('.stMain'), part))
          .filter((style) => style.boxShadow !== 'none' || !['none', ''].includes(style.outlineStyle)).length"""
    )
    assert page.evaluate("document.activeElement.matches('.stMain:focus-visible')")
    assert framed == 0


def test_keys_go_to_the_record_after_a_project_was_chosen(stocked: Workspace, serve: Serve, page: Page) -> None:
    with stocked.write() as connection:
        projects.create(connection, "Law", at=stocked.clock())
    stock(stocked, make_record("Question 9?"), project="Law")
    open_queue(page, serve(stocked.folder))
    box = page.get_by_role("combobox", name="Project")
    box.click()
    page.keyboard.type("Law")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Question 9?")).to_be_visible()
    page.keyboard.press("4")
    expect(page.get_by_role("button", name="Good")).to_have_attribute("aria-pressed", "true")
