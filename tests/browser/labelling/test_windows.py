"""The same annotator in two windows or on two machines: one of them writes, and no text is lost."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from curator import Workspace
from tests.browser.labelling.screen import (
    SKEW,
    Serve,
    editor,
    everything_kept,
    open_queue,
    shown_question,
    stored,
    submitted,
)

pytestmark = pytest.mark.browser


def test_a_second_tab_only_reads_until_it_is_told_to_go_on(stocked: Workspace, serve: Serve, page: Page) -> None:
    address = serve(stocked.folder)
    first = open_queue(page, address)
    second = page.context.new_page()
    assert open_queue(second, address) == first
    expect(second.get_by_text("You work in another tab")).to_be_visible()
    expect(editor(second)).not_to_be_editable()
    second.get_by_role("button", name="Continue here").click()
    expect(editor(second)).to_be_editable()
    expect(page.get_by_text("You work in another tab")).to_be_visible()
    second.keyboard.press("4")
    second.keyboard.press("Control+Enter")
    submitted(second, 1)
    assert len(stored(stocked)) == 1


def test_a_tab_that_becomes_read_only_takes_no_letter_of_a_sentence_for_a_command(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    address = serve(stocked.folder)
    open_queue(page, address)
    page.keyboard.press("4")
    page.keyboard.press("Control+Enter")
    submitted(page, 1)
    page.get_by_role("textbox", name="Note").press_sequentially("A bu")
    page.evaluate("new BroadcastChannel('curator labelling 1 Ada').postMessage({ kind: 'take', id: 1 })")
    page.keyboard.type("zz", delay=30)  # Z would take the answer back
    expect(page.get_by_text("You work in another tab")).to_be_visible()
    assert len(stored(stocked)) == 1
    expect(page.get_by_role("textbox", name="Note")).to_have_value(re.compile("^A bu"))


def test_an_older_draft_of_a_machine_whose_clock_is_ahead_gives_way_and_is_offered(
    stocked: Workspace, serve: Serve, page: Page, browser: Browser
) -> None:
    page.add_init_script(SKEW.format(minutes=10))
    address = serve(stocked.folder)
    open_queue(page, address)
    editor(page).fill("Old, on the laptop.")
    expect(page.get_by_text(re.compile("^● Saved"))).to_be_visible()
    other = browser.new_context().new_page()
    open_queue(other, address)
    editor(other).fill("New, an hour of work on the desktop.")
    expect(other.get_by_text(re.compile("^● Saved"))).to_be_visible()
    other.context.close()
    for _ in range(2):  # a second reload has both as well
        page.reload()
        shown_question(page)
        expect(editor(page)).to_have_value("New, an hour of work on the desktop.")
    expect(page.get_by_text("There is another text of yours")).to_contain_text("Old, on the laptop.")
    page.get_by_role("button", name="Use that text").click()
    expect(editor(page)).to_have_value("Old, on the laptop.")
    expect(page.get_by_text("There is another text of yours")).to_contain_text("New, an hour of work")


def test_text_that_two_machines_typed_apart_is_kept_and_offered(
    stocked: Workspace, serve: Serve, page: Page, browser: Browser
) -> None:
    address = serve(stocked.folder)
    open_queue(page, address)
    page.add_init_script("navigator.sendBeacon = () => false")
    page.route("**/labelling/draft", lambda route: route.abort())
    editor(page).fill("Typed on a train.")
    other = browser.new_context().new_page()
    open_queue(other, address)
    editor(other).fill("Typed at the desk.")
    expect(other.get_by_text(re.compile("^● Saved"))).to_be_visible()
    other.context.close()
    page.unroute("**/labelling/draft")
    page.reload()
    shown_question(page)
    expect(editor(page)).to_have_value("Typed on a train.")
    expect(page.get_by_text("There is another text of yours")).to_contain_text("Typed at the desk.")


def test_a_text_for_a_record_that_was_answered_elsewhere_stays_in_the_box_and_in_the_browser(
    stocked: Workspace, serve: Serve, page: Page, browser: Browser
) -> None:
    address = serve(stocked.folder)
    first = open_queue(page, address)
    other = browser.new_context().new_page()
    open_queue(other, address)
    other.keyboard.press("4")
    other.keyboard.press("Control+Enter")
    submitted(other, 1)
    other.context.close()
    editor(page).fill("A long text that was typed here.")
    expect(page.get_by_text("You answered this record in another window.")).to_be_visible()
    expect(page.get_by_text("In this browser only")).to_be_visible()
    refusal = {"problem": "Answered already.", "hint": "Copy your text.", "code": "answered_elsewhere"}
    page.route("**/labelling/act", lambda route: route.fulfill(status=409, json=refusal))
    page.keyboard.press("Escape")
    page.keyboard.press("5")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Answered already. Copy your text.")).to_be_visible()
    expect(page.get_by_role("button", name="Copy text")).to_be_visible()
    expect(editor(page)).to_have_value("A long text that was typed here.")
    page.get_by_role("button", name="Next record").click()
    expect(page.get_by_text(first)).to_have_count(0)
    assert "A long text that was typed here." in everything_kept(stocked, page)
