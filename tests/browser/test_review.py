"""Judging in a real browser: by keys alone, blind in everything that the page holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from curator import Workspace, review
from curator.review.stated import of_system
from curator.store import ledger
from tests.review.conftest import RUN, AddOutputs, add_outputs, reviewed

__all__ = ["add_outputs", "reviewed"]

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_pair_is_judged_by_keys_and_the_page_tells_nothing(
    reviewed: Workspace, add_outputs: AddOutputs, serve: Callable[..., str], page: Page
) -> None:
    stored = add_outputs("One calm answer.", "Another calm answer.", category="harm")
    review.screen_run(reviewed, RUN, actor="lead")
    review.draw(reviewed, RUN, actor="lead")
    page.set_viewport_size({"width": 800, "height": 500})
    page.goto(f"{serve(reviewed.folder)}/review?person=Ada")
    expect(page.get_by_text("0 of 2 judged")).to_be_visible(timeout=90_000)  # the first page after a start
    covers = page.get_by_role("button", name="Show the text")
    expect(covers).to_have_count(2)
    page.keyboard.press("s")
    expect(covers).to_have_count(1)
    page.keyboard.press("l")
    expect(covers).to_have_count(0)
    expect(page.get_by_text("What the base says.")).to_be_visible()
    drawn = page.content().replace("What the base says.", "").lower()
    assert "tuned" not in drawn
    assert all(f"-{output.id}-" not in drawn for output in stored)  # keys of widgets become classes
    store = page.get_by_role("button", name="Store and next")
    expect(store).to_be_disabled()
    expect(store).to_be_in_viewport()
    page.keyboard.press("5")
    moderate = page.get_by_role("button", name="2 moderate")
    expect(moderate).to_be_visible()
    page.keyboard.press("w")
    expect(moderate).to_have_attribute("kind", "primary")
    page.keyboard.press("6")
    expect(store).to_be_enabled()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("1 of 2 judged, 1 by you")).to_be_visible()
    with reviewed.read() as connection:
        said = of_system(ledger.entries(connection, RUN))
    assert sorted(v.judgement.severity or 0 for each in said.values() for v in each) == [0, 2]
