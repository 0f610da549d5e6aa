"""Undo and looking back: an answer comes back as it was left, and looking changes nothing."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from curator import Workspace
from tests.browser.labelling.screen import Serve, open_queue, shown_question, stored, submitted

pytestmark = pytest.mark.browser


def test_undo_by_key_brings_the_record_back(stocked: Workspace, serve: Serve, page: Page) -> None:
    first = open_queue(page, serve(stocked.folder))
    page.keyboard.press("4")
    page.keyboard.press("Control+Enter")
    submitted(page, 1)
    page.keyboard.press("z")
    expect(page.get_by_text(first)).to_be_visible()
    expect(page.get_by_text("Taken back")).to_be_visible()
    expect(page.get_by_role("button", name="Good")).to_have_attribute("aria-pressed", "true")
    assert stored(stocked) == []


@pytest.mark.parametrize("way", ["accept", "rate", "reject again"])
def test_a_rejection_that_was_taken_back_can_be_taken_out(
    stocked: Workspace, serve: Serve, page: Page, way: str
) -> None:
    open_queue(page, serve(stocked.folder))
    page.keyboard.press("x")
    page.keyboard.press("5")
    submitted(page, 1)
    page.keyboard.press("z")
    expect(page.get_by_text("Taken back")).to_be_visible()
    reject = page.get_by_role("button", name="Reject")
    expect(reject).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("it is rejected as duplicate")).to_be_visible()
    if way != "accept":
        page.keyboard.press("4" if way == "rate" else "x")
        expect(reject).to_have_attribute("aria-pressed", "false")
        page.keyboard.press("4")
    page.keyboard.press("a" if way == "accept" else "Control+Enter")
    submitted(page, 1)
    [answer] = stored(stocked)
    assert (answer.answer.reject, answer.answer.rating) == (None, 4)


def test_the_arrow_keys_browse_my_answers_and_change_nothing(stocked: Workspace, serve: Serve, page: Page) -> None:
    first = open_queue(page, serve(stocked.folder))
    page.keyboard.press("5")
    page.keyboard.press("Control+Enter")
    submitted(page, 1)
    second = shown_question(page)
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("Your answer of")).to_be_visible()
    expect(page.get_by_text("Why edited")).to_have_count(0)  # asked of an edited text, and this one was not
    assert shown_question(page) == first
    page.keyboard.press("Escape")
    assert shown_question(page) == second
    assert len(stored(stocked)) == 1


def test_time_spent_survives_a_reload_and_an_undo(stocked: Workspace, serve: Serve, page: Page) -> None:
    page.clock.install()
    open_queue(page, serve(stocked.folder))
    for _ in range(4):
        page.keyboard.press("Shift")
        page.clock.run_for(30_000)
    page.reload()
    shown_question(page)
    for n in (1, 2):
        page.keyboard.press("4")
        page.keyboard.press("Control+Enter")
        submitted(page, 1)
        [answer] = stored(stocked)
        assert answer.active_seconds > 80 + 25 * n
        page.keyboard.press("z")
        expect(page.get_by_text("Taken back")).to_be_visible()
        page.keyboard.press("Shift")
        page.clock.run_for(30_000)
