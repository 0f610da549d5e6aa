"""Views of a record: its text is shown and never interpreted, in one window without scrolling."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from curator import Workspace
from curator.store import projects, records
from tests.browser.labelling.screen import Serve, editor, open_queue
from tests.browser.people import known_as
from tests.conftest import make_record

pytestmark = pytest.mark.browser


def test_views_of_the_response_change_by_key(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    editor(page).fill("**Bold** reply.")
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    expect(page.locator(".rendered strong")).to_have_text("Bold")
    page.keyboard.press("d")
    expect(page.locator(".view ins").first).to_be_visible()
    page.keyboard.press("d")
    expect(editor(page)).to_have_value("**Bold** reply.")


def test_text_of_a_record_is_never_interpreted(workspace: Workspace, serve: Serve, page: Page) -> None:
    evil = '<img src=x onerror="document.title=1"> **bold** :material/home: $x$'
    with workspace.write() as connection:
        evil_record = make_record(evil, evil)
        records.add_many(connection, [evil_record], project=projects.by_name(connection), at=workspace.clock())
    page.goto(known_as(page, f"{serve(workspace.folder)}/annotate", "Ada"))
    expect(page.get_by_text(evil)).to_be_visible()
    page.get_by_role("tab", name="Rendered").click()
    expect(page.locator(".rendered strong")).to_have_text("bold")
    assert page.locator(".labelling img").count() == 0
    assert page.title() != "1"


def test_a_usual_record_needs_no_scrolling(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    for name in ("Submit and next (1 left)", "Skip", "Undo", "Best"):
        expect(page.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.querySelector('.stMain').scrollHeight <= innerHeight")


def test_text_that_runs_from_right_to_left_does(workspace: Workspace, serve: Serve, page: Page) -> None:
    with workspace.write() as connection:
        arabic = make_record("ما هو اللون الأحمر؟", "لون.")
        records.add_many(connection, [arabic], project=projects.by_name(connection), at=workspace.clock())
    page.goto(known_as(page, f"{serve(workspace.folder)}/annotate", "Ada"))
    expect(editor(page)).to_have_value("لون.")
    direction = "element => getComputedStyle(element).direction"
    assert page.get_by_text("ما هو اللون الأحمر؟").evaluate(direction) == "rtl"
    assert editor(page).evaluate(direction) == "rtl"
