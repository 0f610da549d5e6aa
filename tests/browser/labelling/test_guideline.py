"""A guideline that changes while a record is open is told, and takes nothing from the annotator."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from curator import Workspace
from curator.annotate import questions
from tests.browser.labelling.screen import Serve, editor, open_queue, shown_question, stored

pytestmark = pytest.mark.browser


def test_a_change_of_the_guideline_is_told_and_keeps_the_text(stocked: Workspace, serve: Serve, page: Page) -> None:
    questions.set_guideline(stocked, "Be long.", project_id=1, actor="Lea")
    open_queue(page, serve(stocked.folder))
    editor(page).fill("Before the change.")
    expect(page.get_by_text(re.compile("^● Saved"))).to_be_visible()
    questions.set_guideline(stocked, "Be brief.", project_id=1, actor="Lea")
    editor(page).fill("After the change.")
    expect(page.get_by_text("The guideline changed while you had this record open.")).to_be_visible()
    page.get_by_role("button", name="What changed").click()
    expect(page.get_by_role("dialog", name="What changed").locator("ins")).to_have_text("brief")
    expect(page.get_by_role("dialog", name="What changed").locator("del")).to_have_text("long")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Show the new one, keep my text").click()
    expect(page.get_by_role("button", name="Guide ● unread")).to_be_visible()
    expect(editor(page)).to_have_value("After the change.")
    page.get_by_role("button", name="Guide ● unread").click()
    expect(page.get_by_role("dialog", name="Guideline")).to_contain_text("Be brief.")


def test_a_change_of_the_guideline_leaves_whoever_types_a_note_in_it(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    first = open_queue(page, serve(stocked.folder))
    page.get_by_role("button", name="Good").click()
    note = page.get_by_role("textbox", name="Note")
    note.press_sequentially("first ")
    expect(page.get_by_text(re.compile("^● Saved"))).to_be_visible()
    questions.set_guideline(stocked, "Be brief.", project_id=1, actor="Lea")
    page.keyboard.type("that is ", delay=60)
    expect(page.get_by_text("The guideline changed")).to_be_visible()
    page.keyboard.type("as always a question", delay=60)  # letters that would accept, skip and flag
    expect(note).to_have_value("first that is as always a question")
    assert shown_question(page) == first
    assert stored(stocked) == []
