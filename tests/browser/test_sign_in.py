"""A team in a real browser: the first admin by link, an invitation, and pages by role."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from curator import Workspace
from curator.access import accounts
from curator.annotate import answers, assignment, queue
from schemas.annotation import Answer

pytestmark = pytest.mark.browser

PASSWORD = "four brown hens"


def test_from_the_first_admin_to_an_annotator_at_work(
    stocked: Workspace, serve: Callable[..., str], page: Page, browser: Browser
) -> None:
    flagged = queue.next_task(stocked, "Zoe", project_id=1)
    answers.flag(stocked, flagged.claim, Answer(response="?"), annotator="Zoe")
    address = serve(stocked.folder)
    page.goto(f"{address}/auth/account?token={accounts.setup_link(stocked)}")
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Ada, admin")).to_be_visible()
    page.get_by_role("link", name="Accounts").click()
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_test_id("stCode").inner_text().strip()
    assert link.startswith(f"{address}/auth/account?token=")

    other = browser.new_context(viewport={"width": 1400, "height": 800})
    ben = other.new_page()
    ben.goto(f"{address}/annotate")  # nobody gets past without a session
    expect(ben.get_by_role("heading", name="Sign in")).to_be_visible()
    ben.goto(link)
    ben.get_by_label("Name").fill("Ben")
    ben.get_by_label("Password").fill(PASSWORD)
    ben.get_by_role("button", name="Make the account").click()
    expect(ben.get_by_text("Ben, annotator")).to_be_visible()
    expect(ben.get_by_role("link", name="Train")).to_have_count(0)
    expect(ben.get_by_text("another role has that page")).to_be_visible()
    expect(ben.get_by_text("What happened last")).to_have_count(0)
    ben.get_by_test_id("stSidebar").get_by_role("link", name="Annotate", exact=True).click()
    expect(ben.get_by_role("textbox", name="Response")).to_be_visible()
    ben.keyboard.press("a")
    expect(ben.get_by_text("Submitted, 1 today")).to_be_visible()

    [given, *_] = answers.history(stocked, "Ben", project_id=1)
    assignment.mark_gold(stocked, given.annotation.record_id, given.annotation.answer, actor="Ada")
    history = other.new_page()
    history.goto(f"{address}/history")
    mine = history.get_by_test_id("stExpander")
    expect(mine).to_contain_text("rating 4")
    expect(mine).not_to_contain_text("gold")  # Ben is measured by it

    ben.goto(f"{address}/project")
    expect(ben.get_by_text("for people with the role lead or above")).to_be_visible()
    expect(ben.get_by_role("link", name="Project")).to_have_count(0)
    ben.get_by_role("button", name="Sign out").click()
    expect(ben.get_by_text("You are signed out.")).to_be_visible()
    expect(ben.get_by_role("link", name="Overview")).to_have_count(0)
    ben.get_by_role("link", name="Sign in").click()  # in the same tab
    ben.get_by_label("Name").fill("Ben")
    ben.get_by_label("Password").fill(PASSWORD)
    ben.get_by_role("button", name="Sign in").click()
    ben.get_by_test_id("stSidebar").get_by_role("link", name="Annotate", exact=True).click()
    expect(ben.get_by_role("textbox", name="Response")).to_be_visible()

    accounts.disable(stocked, "Ben", actor="Ada")
    ben.get_by_role("button", name="Accept as is").click()
    expect(ben.get_by_text("You are not signed in.")).to_be_visible()
    ben.reload()
    ben.get_by_label("Name").fill("Ben")
    ben.get_by_label("Password").fill(PASSWORD)
    ben.get_by_role("button", name="Sign in").click()
    expect(ben.get_by_role("alert")).to_contain_text("do not fit")
    other.close()
