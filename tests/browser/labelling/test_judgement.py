"""What an annotator says about a record: checks with their passage, a rejection, a flag, a preference."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from curator import Workspace
from curator.store import annotations, events
from schemas.event import Flagged, Kind
from tests.browser.labelling.screen import Serve, editor, open_queue, stored, submitted

pytestmark = pytest.mark.browser


def test_checks_severity_passage_and_reason_are_stored(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    editor(page).fill("Fine 😀 but rude words.")
    editor(page).evaluate("box => box.setSelectionRange(12, 16)")  # UTF-16 units; the face takes two
    page.get_by_role("button", name="Harmful").click()
    page.get_by_label("Harmful: severity").select_option("3 high")
    page.get_by_label("Harmful: reason").fill("insulting")
    expect(page.get_by_role("button", name="“rude”")).to_be_visible()
    page.get_by_role("button", name="Fair").click()
    expect(page.get_by_text("Kept out of versions, because harmful is ticked.")).to_be_visible()
    page.keyboard.press("Control+Enter")  # the focus is on a button, which must not be pressed as well
    submitted(page, 1)
    [answer] = stored(stocked)
    [detail] = answer.answer.details
    assert (detail.check, detail.severity, detail.reason) == ("harmful", 3, "insulting")
    assert answer.answer.response[detail.start : detail.end] == "rude"
    assert answer.answer.rating == 3


def test_reject_by_two_keys_stores_the_reason(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    page.keyboard.press("x")
    expect(page.get_by_role("dialog", name="Reject")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert stored(stocked) == []
    page.keyboard.press("x")
    page.keyboard.press("5")
    submitted(page, 1)
    assert stored(stocked)[0].answer.reject == "duplicate"


def test_a_flag_says_why_and_leaves_the_note_alone(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    record_id = page.evaluate("document.querySelector('.labelling').screen.task.record_id")
    page.get_by_role("textbox", name="Note").fill("A careful note.")
    page.get_by_role("button", name="Flag").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("Is this ours?")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Set aside for a lead")).to_be_visible()
    with stocked.read() as connection:
        assert annotations.draft_of(connection, record_id, "Ada").answer.note == "A careful note."
        flag = events.newest(connection, record_id, (Kind.FLAG,))
    assert flag.read(Flagged).note == "Is this ours?"
