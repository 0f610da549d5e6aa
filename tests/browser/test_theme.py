"""How pages look: one accent in both modes, and the mode that the browser asks for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from curator import Workspace
from tests.browser.people import known_as

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("mode", "accent", "page_is_light"),
    [("light", "rgb(31, 95, 191)", True), ("dark", "rgb(61, 122, 224)", False)],
)
def test_a_page_has_a_blue_accent_in_the_mode_of_the_browser(
    stocked: Workspace, serve: Callable[..., str], browser: Browser, mode: str, accent: str, page_is_light: bool
) -> None:
    context = browser.new_context(color_scheme=mode)
    page = context.new_page()
    page.goto(known_as(page, f"{serve(stocked.folder)}/project", "Lea"))
    button = page.get_by_role("button", name="Keep these settings")
    expect(button).to_have_css("background-color", accent)
    background = page.locator(".stApp").evaluate("each => getComputedStyle(each).backgroundColor")
    assert (background == "rgb(255, 255, 255)") is page_is_light
    context.close()
