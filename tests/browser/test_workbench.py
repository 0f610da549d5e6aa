"""The records page as a workbench: what is pressed stands in the line, and the line stands in the address."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from curator import Workspace

Serve = Callable[..., str]

pytestmark = pytest.mark.browser


def test_states_are_pressed_records_are_walked_by_key_and_a_view_comes_back(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    address = serve(stocked.folder)
    page.goto(f"{address}/records?words=Question&person=Lea")  # a link of an earlier release
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_text("3 records, 1 to 3 shown")).to_be_visible()
    line = page.get_by_label("Which records")
    expect(line).to_have_value("Question")
    page.get_by_role("button", name="○ Waiting").click()
    expect(line).to_have_value("state:waiting Question")
    expect(page).to_have_url(re.compile(r"[?&]query=state%3Awaiting\+Question"))
    expect(page.get_by_role("heading", name="Record 1", exact=True)).to_be_visible()
    page.keyboard.press("j")
    expect(page.get_by_role("heading", name="Record 2", exact=True)).to_be_visible()
    page.keyboard.press("k")
    expect(page.get_by_role("heading", name="Record 1", exact=True)).to_be_visible()
    page.get_by_role("button", name="Views").click()
    page.get_by_label("Save what is listed as").fill("open ones")
    page.get_by_role("button", name="Save", exact=False).last.click()
    expect(page.get_by_text("Saved as open ones.")).to_be_visible()
    line.fill("stat:waiting")
    line.press("Enter")
    expect(page.get_by_text("There is no field stat. The nearest is state.")).to_be_visible()
    page.reload()
    expect(line).to_have_value("stat:waiting")
    page.get_by_role("button", name="Views").click()
    page.get_by_role("combobox", name="Show").click()
    page.get_by_role("option", name="open ones").click()
    expect(line).to_have_value("state:waiting Question")
    expect(page.get_by_text("3 records, 1 to 3 shown")).to_be_visible()
