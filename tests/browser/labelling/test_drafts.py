"""Typing: every letter survives a reload, a lost server and a request that is late."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Request, expect

from curator import Workspace
from tests.browser.labelling.screen import (
    SKEW,
    Serve,
    draft,
    editor,
    held_back,
    open_queue,
    shown_question,
    stored,
    submitted,
)

pytestmark = pytest.mark.browser


def test_a_reload_while_typing_loses_nothing(stocked: Workspace, serve: Serve, page: Page) -> None:
    first = open_queue(page, serve(stocked.folder))
    editor(page).fill("Half a thought")  # the box keeps the focus, and the page goes at once
    page.reload()
    assert shown_question(page) == first
    expect(editor(page)).to_have_value("Half a thought")
    expect(page.get_by_text("Restored your text")).to_be_visible()
    page.get_by_role("button", name="Discard").click()
    expect(editor(page)).to_have_value(re.compile("^Answer"))


def test_typing_reaches_the_server_without_leaving_the_box(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    editor(page).press_sequentially("!")
    expect(page.get_by_text(re.compile("^● Saved"))).to_be_visible()
    record_id = page.evaluate("document.querySelector('.labelling').screen.task.record_id")
    assert "!" in draft(stocked, record_id)


def test_a_server_that_goes_away_while_typing_gets_the_text_when_it_is_back(
    stocked: Workspace, serve: Serve, stop: Callable[[str], None], page: Page
) -> None:
    address = serve(stocked.folder)
    open_queue(page, address)
    page.keyboard.press("4")
    stop(address)
    editor(page).fill("Typed while nobody listened.")
    expect(page.get_by_text(re.compile("Not saved, retrying"))).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(re.compile(r"Not saved, retrying \(\d\). Your text is kept here."))).to_be_visible()
    assert serve(stocked.folder, port=int(address.rpartition(":")[2])) == address
    submitted(page, 1)
    assert [each.answer.response for each in stored(stocked)] == ["Typed while nobody listened."]


_COUNT_INTERRUPTIONS = """() => {
  window.interruptions = 0
  const count = (changes) => {
    const added = changes.flatMap((each) => [...each.addedNodes])
    window.interruptions += added.filter((node) => node.dataset?.testid === "stDialog").length
  }
  new MutationObserver(count).observe(document.body, { childList: true })
}"""


def test_whoever_types_on_while_the_server_is_gone_keeps_the_focus_and_every_letter(
    stocked: Workspace, serve: Serve, stop: Callable[[str], None], page: Page
) -> None:
    address = serve(stocked.folder)
    open_queue(page, address)
    editor(page).fill("")
    page.evaluate(_COUNT_INTERRUPTIONS)
    stop(address)
    typed = ""
    while not page.evaluate(
        "window.interruptions"
    ):  # until Streamlit takes the focus away, and on while it is given back
        editor(page).press_sequentially("a phrase with 5 letters that are keys; ")
        typed += "a phrase with 5 letters that are keys; "
    page.keyboard.type("and its end")
    expect(page.get_by_text(re.compile("Not saved, retrying"))).to_be_visible()
    expect(editor(page)).to_be_focused()
    expect(editor(page)).to_have_value(f"{typed}and its end")
    expect(page.locator("[aria-pressed=true]")).to_have_count(0)
    expect(page.get_by_role("dialog")).to_have_count(0)


# As Streamlit's message, but it keeps the focus until the test lets it go.
_STUBBORN_MESSAGE = """() => {
  const box = document.createElement("div")
  box.dataset.testid = "stDialog"
  box.innerHTML = "Connection error <button aria-label='Close'>x</button>"
  const button = box.querySelector("button")
  document.body.append(box)
  button.focus()
  const hold = () => box.isConnected && button.focus()
  document.addEventListener("focusin", hold)
}"""


def test_letters_typed_while_a_message_has_the_focus_go_into_the_text(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    open_queue(page, serve(stocked.folder))
    editor(page).fill("What I ")
    page.evaluate(_STUBBORN_MESSAGE)
    page.keyboard.type("type is 5 letters")
    expect(editor(page)).not_to_be_focused()
    expect(editor(page)).to_have_value("What I type is 5 letters")
    page.evaluate("document.querySelector('body > [data-testid=stDialog]').remove()")
    expect(editor(page)).to_be_focused()
    page.keyboard.type(", all kept")
    expect(editor(page)).to_have_value("What I type is 5 letters, all kept")
    expect(page.get_by_text(re.compile("^● Saved"))).to_be_visible()
    expect(page.locator("[aria-pressed=true]")).to_have_count(0)


def test_a_draft_on_its_way_does_not_replace_the_text_that_a_skip_leaves(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    open_queue(page, serve(stocked.folder))
    record_id = page.evaluate("document.querySelector('.labelling').screen.task.record_id")
    acts: list[Request] = []
    page.on("request", lambda request: acts.append(request) if request.url.endswith("/act") else None)
    with held_back(page, "**/labelling/draft"):
        editor(page).fill("All th")
        expect(page.get_by_text("Saving…")).to_be_visible()
        editor(page).fill("All that was typed.")
        page.get_by_role("button", name="Skip").click()
        expect(page.locator(".labelling.busy")).to_be_visible()
        assert acts == []
    expect(page.get_by_text("Skipped")).to_be_visible()
    assert draft(stocked, record_id) == "All that was typed."


@pytest.mark.parametrize("minutes", [-10, 10])
def test_text_that_never_reached_the_server_survives_a_reload_whatever_the_clock_says(
    stocked: Workspace, serve: Serve, page: Page, minutes: int
) -> None:
    page.add_init_script(SKEW.format(minutes=minutes))
    open_queue(page, serve(stocked.folder))
    editor(page).fill("First.")
    expect(page.get_by_text(re.compile("^● Saved"))).to_be_visible()
    page.route("**/labelling/draft", lambda route: route.abort())
    editor(page).fill("First. And more that only this browser has.")
    expect(page.get_by_text(re.compile("Not saved, retrying"))).to_be_visible()
    page.unroute("**/labelling/draft")
    page.add_init_script("navigator.sendBeacon = () => false")
    page.reload()
    shown_question(page)
    expect(editor(page)).to_have_value("First. And more that only this browser has.")
    expect(page.get_by_text("There is another text of yours")).to_have_count(0)


def test_a_record_that_nobody_touched_has_no_draft_after_a_minute(stocked: Workspace, serve: Serve, page: Page) -> None:
    page.clock.install()
    open_queue(page, serve(stocked.folder))
    with page.expect_response("**/labelling/renew"):
        page.keyboard.press("Shift")
        page.clock.run_for(58_000)
        page.keyboard.press("Shift")
        page.clock.run_for(10_000)
    record_id = page.evaluate("document.querySelector('.labelling').screen.task.record_id")
    assert draft(stocked, record_id) is None
    page.reload()
    shown_question(page)
    expect(page.get_by_text("Restored")).to_have_count(0)


def test_what_is_restored_is_called_text_only_if_something_was_typed(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    open_queue(page, serve(stocked.folder))
    page.keyboard.press("3")
    expect(page.get_by_text(re.compile("^● Saved"))).to_be_visible()
    page.reload()
    shown_question(page)
    expect(page.get_by_text("Restored what you chose")).to_be_visible()
