"""When no record waits: the screen says why and leads to what can be done."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from curator import Workspace
from curator.store import projects, records
from tests.browser.labelling.screen import Serve, open_queue, shown_question, stored
from tests.browser.people import known_as
from tests.conftest import make_record

pytestmark = pytest.mark.browser


def test_an_empty_workspace_offers_the_import(workspace: Workspace, serve: Serve, page: Page) -> None:
    page.goto(known_as(page, f"{serve(workspace.folder)}/annotate", "Ada"))
    expect(page.get_by_text("There is no record yet.")).to_be_visible()
    page.get_by_role("button", name="Import a file").click()
    expect(page.get_by_role("heading", name="Import")).to_be_visible()


def test_the_last_record_leads_to_a_page_that_says_so_and_undo_leads_back(
    workspace: Workspace, serve: Serve, page: Page
) -> None:
    with workspace.write() as connection:
        records.add_many(
            connection, [make_record("Question 1?")], project=projects.by_name(connection), at=workspace.clock()
        )
    open_queue(page, serve(workspace.folder))
    page.keyboard.press("a")
    expect(page.get_by_text("Every record is answered: 1 accepted.")).to_be_visible()
    [answer] = stored(workspace)
    assert answer.answer.rating == 4
    page.keyboard.press("z")
    assert shown_question(page) == "Question 1?"
