"""Comments and questions to the lead: sent once, kept until they are stored, on the record they are about."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from curator import Workspace
from tests.browser.labelling.screen import Serve, held_back, open_queue, submitted

pytestmark = pytest.mark.browser


def comments_of(workspace: Workspace) -> list[str]:
    with workspace.read() as connection:
        return list(connection.execute(text("select text from comment order by id")).scalars())


def test_a_comment_is_sent_once_and_counted(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    page.get_by_text("Comments (0)").click()
    with held_back(page, "**/comment"):
        page.get_by_label("Comment").fill("Is this right?")
        for _ in range(3):
            page.keyboard.press("Enter")
    expect(page.get_by_text("Comments (1)")).to_be_visible()
    expect(page.get_by_label("Comment")).to_be_focused()
    expect(page.get_by_label("Comment")).to_have_value("")
    page.keyboard.type("And?")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Comments (2)")).to_be_visible()
    assert comments_of(stocked) == ["Is this right?", "And?"]


def test_a_comment_stays_with_its_record(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    page.get_by_role("button", name="Good").click()
    page.get_by_text("Comments (0)").click()
    page.get_by_label("Comment").fill("About the first record")
    with page.expect_response("**/comment"), held_back(page, "**/comment"):
        page.keyboard.press("Enter")
        page.keyboard.press("Control+Enter")
        submitted(page, 1)
    expect(page.get_by_text("Comments (0)")).to_be_visible()
    expect(page.locator(".comments")).not_to_contain_text("About the first record")
    assert comments_of(stocked) == ["About the first record"]


def test_a_half_typed_comment_survives_whatever_is_drawn_anew(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    page.get_by_text("Comments (0)").click()
    page.get_by_label("Comment").fill("Half a comment")
    page.evaluate("document.querySelector('.labelling').screen.draw()")
    expect(page.get_by_label("Comment")).to_be_focused()
    expect(page.get_by_label("Comment")).to_have_value("Half a comment")
    page.route("**/comment", lambda route: route.fulfill(status=422, json={"problem": "No.", "hint": "Wait."}))
    page.keyboard.press("Enter")
    expect(page.get_by_text("“Half a comment” is not stored. No. Wait.")).to_be_visible()
    expect(page.get_by_label("Comment")).to_have_value("Half a comment")


def test_a_question_to_the_lead_is_kept_until_it_is_stored_once(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    page.get_by_role("button", name="I am unsure…").click()
    field = page.get_by_role("dialog").get_by_role("textbox")
    page.route("**/doubt", lambda route: route.fulfill(status=403, json={"problem": "Not now.", "hint": "Wait."}))
    field.fill("Is one word enough?")
    field.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Not now. Wait.")
    expect(field).to_have_value("Is one word enough?")
    page.unroute("**/doubt")
    with held_back(page, "**/doubt"):
        field.press("Enter")
        field.press("Enter")
    expect(page.get_by_text("Your question is with the lead")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    with stocked.read() as connection:
        assert connection.execute(text("select count(*) from doubt")).scalar() == 1
