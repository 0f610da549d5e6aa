"""The labelling screen in a real browser: what was typed is what is stored, once, before the page moves on."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from curator import Workspace
from curator.store import annotations
from schemas.annotation import Annotation

pytestmark = pytest.mark.browser

Serve = Callable[[Path], str]


def stored(workspace: Workspace) -> list[Annotation]:
    with workspace.read() as connection:
        return annotations.newest_of(connection, "Ada", project_id=1, limit=10)


def open_queue(page: Page, address: str) -> str:
    """Open the screen as Ada; gives the instruction that is shown."""
    page.goto(f"{address}/annotate?person=Ada")
    return shown_question(page)


def shown_question(page: Page) -> str:
    question = page.get_by_text(re.compile(r"^Question \d\?$"))
    expect(question).to_be_visible()
    return question.inner_text()


def rate(page: Page, rating: int) -> None:
    page.get_by_role("button", name=re.compile(rf"Shortcut {rating}$")).click()
    expect(page.get_by_text("Will be accepted.")).to_be_visible()


def test_ctrl_enter_straight_after_typing_stores_the_text_and_shows_the_next(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    first = open_queue(page, serve(stocked.folder))
    rate(page, 5)
    editor = page.get_by_role("textbox", name="Response")
    editor.fill("Typed by hand.")
    editor.press("Control+Enter")
    expect(page.get_by_text("Stored as answer 1.")).to_be_visible()
    expect(page.get_by_text(first)).to_have_count(0)
    [answer] = stored(stocked)
    assert answer.answer.response == "Typed by hand."
    assert answer.answer.rating == 5


def test_clicking_submit_straight_after_typing_stores_the_text(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    rate(page, 4)
    page.get_by_role("textbox", name="Response").fill("Clicked away.")
    page.get_by_role("button", name="Submit and next").click()
    expect(page.get_by_text("Stored as answer 1.")).to_be_visible()
    assert [each.answer.response for each in stored(stocked)] == ["Clicked away."]


def test_a_triple_press_stores_the_record_once(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    rate(page, 4)
    for _ in range(3):
        page.keyboard.press("Control+Enter")
    expect(page.get_by_text("1 today")).to_be_visible()
    records = [each.record_id for each in stored(stocked)]
    assert len(records) == len(set(records)) == 1


def test_a_reload_brings_the_same_record_with_what_was_typed(stocked: Workspace, serve: Serve, page: Page) -> None:
    first = open_queue(page, serve(stocked.folder))
    editor = page.get_by_role("textbox", name="Response")
    editor.fill("Half a thought")
    editor.blur()
    expect(page.get_by_text("edited:")).to_be_visible()
    page.reload()
    assert shown_question(page) == first
    expect(page.get_by_role("textbox", name="Response")).to_have_value("Half a thought")


def test_undo_by_key_brings_the_record_back(stocked: Workspace, serve: Serve, page: Page) -> None:
    first = open_queue(page, serve(stocked.folder))
    rate(page, 4)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Stored as answer 1.")).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_text(first)).to_be_visible()
    expect(page.get_by_text("Taken back")).to_be_visible()
    assert stored(stocked) == []


def test_keys_do_nothing_while_typing(stocked: Workspace, serve: Serve, page: Page) -> None:
    first = open_queue(page, serve(stocked.folder))
    editor = page.get_by_role("textbox", name="Response")
    editor.fill("")
    editor.press_sequentially("skip if fuzzy")
    editor.blur()
    expect(page.get_by_text("edited:")).to_be_visible()
    assert shown_question(page) == first
    expect(editor).to_have_value("skip if fuzzy")


def test_no_page_asks_another_server_for_anything(stocked: Workspace, serve: Serve, page: Page) -> None:
    address = serve(stocked.folder)
    outside: list[str] = []
    page.on("request", lambda request: None if address in request.url else outside.append(request.url))
    for name in ("", "import_data", "annotate", "versions", "train", "outputs", "review", "decide"):
        page.goto(f"{address}/{name}?person=Ada")
        expect(page.get_by_role("link", name="Decide")).to_be_visible()
        page.wait_for_load_state("networkidle")
    assert [url for url in outside if not url.startswith(("data:", "blob:", address.replace("http", "ws")))] == []


def test_ctrl_enter_does_not_untick_the_check_that_has_the_focus(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    rate(page, 5)
    page.get_by_text("Harmful", exact=True).click()
    expect(page.get_by_text("Kept out of versions, because harmful is ticked.")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Stored as answer 1.")).to_be_visible()
    [answer] = stored(stocked)
    assert answer.answer.checks.ticked == ("harmful",)
    assert answer.answer.rating == 5
