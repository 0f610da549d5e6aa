"""Two responses to one prompt, compared with their origin hidden."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from curator import Workspace
from curator.store import projects, records
from tests.browser.labelling.screen import Serve, open_queue, stored, submitted
from tests.conftest import make_record

pytestmark = pytest.mark.browser


def test_two_responses_are_compared_by_key_with_names_hidden(workspace: Workspace, serve: Serve, page: Page) -> None:
    with workspace.write() as connection:
        pair = make_record("Question 1?", "One.").model_copy(update={"alternative": "Two."})
        records.add_many(connection, [pair], project=projects.by_name(connection), at=workspace.clock())
    open_queue(page, serve(workspace.folder))
    left = page.get_by_label("Left response").inner_text()
    page.keyboard.press("1")
    page.keyboard.press("3")
    expect(page.get_by_role("button", name="by far")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Control+Enter")
    submitted(page, 1)
    preference = stored(workspace)[0].answer.preference
    assert (preference.choice, preference.strength) == ("response" if left == "One." else "alternative", 3)
    assert preference.shown_left == preference.choice


def test_escape_takes_nothing_away(workspace: Workspace, serve: Serve, page: Page) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    with workspace.write() as connection:
        pair = make_record("Question 1?", "One.").model_copy(update={"alternative": "Two."})
        records.add_many(connection, [pair], project=projects.by_name(connection), at=workspace.clock())
    open_queue(page, serve(workspace.folder))
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Left is better")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("2")  # chooses anew instead of saying how much
    expect(page.get_by_role("button", name="Right is better")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Every record is answered")).to_be_visible()
    page.keyboard.press("Escape")
    assert errors == []
