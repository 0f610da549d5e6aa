"""Addresses: what stands in one, what a reload and a link that was sent show, and what a narrow window needs."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from curator import Workspace
from curator.annotate import settings
from curator.store import records
from tests.browser.people import known_as

Serve = Callable[..., str]

pytestmark = pytest.mark.browser


def test_a_name_is_typed_once_and_stands_in_no_link(
    stocked: Workspace, serve: Serve, page: Page, browser: Browser
) -> None:
    link = f"{serve(stocked.folder)}/records"
    page.goto(link)
    page.get_by_label("Your name").fill("Ada Byron")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", name="Records", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_test_id("stSidebar")).to_contain_text("Ada Byron")
    assert "Ada" not in page.url
    page.goto(f"{link}?person=Eve")  # who opens a link is not its sender
    expect(page.get_by_test_id("stSidebar")).to_contain_text("Ada Byron")
    expect(page).not_to_have_url(re.compile("person"))
    other = browser.new_context().new_page()
    other.goto(link)
    expect(other.get_by_label("Your name")).to_have_value("")
    other.goto(f"{link}?person=Eve")
    expect(other.get_by_label("Your name")).to_have_value("Eve")
    other.get_by_label("Your name").fill("Ada Byr\u043en")  # a Cyrillic letter
    other.get_by_role("button", name="Begin").click()
    expect(other.get_by_test_id("stAlert")).to_contain_text("looks like that of Ada Byron")
    other.context.close()


def test_a_link_that_was_sent_and_a_reload_show_the_same_project_and_record(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    settings.create(stocked, "medical", actor="Lea")
    with stocked.read() as connection:
        last = records.page(connection, 1)[-1].id
    address = serve(stocked.folder)
    page.goto(known_as(page, f"{address}/records?project=default&record={last}", "Ada"))
    for _ in range(2):
        expect(page.get_by_role("heading", name=f"Record {last[:8]}")).to_be_visible()
        expect(page).to_have_title(f"Record {last[:8]} · Records · default · Curator")
        expect(page).to_have_url(f"{address}/records?project=default&record={last}")
        page.reload()


def test_a_project_stays_when_the_page_changes_and_back_leads_back(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    settings.create(stocked, "medical", actor="Lea")
    page.goto(known_as(page, f"{serve(stocked.folder)}/project?project=medical", "Ada"))
    expect(page.get_by_role("heading", name="Project medical")).to_be_visible()
    page.get_by_role("link", name="Import", exact=True).first.click()
    expect(page.get_by_role("heading", name="Import", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/import_data\?project=medical$"))
    page.go_back()
    expect(page.get_by_role("heading", name="Project medical")).to_be_visible()


def test_the_open_tab_stands_in_the_address_and_no_other_page_takes_it_over(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    page.goto(known_as(page, f"{serve(stocked.folder)}/team?team_tab=Agreement", "Ada"))
    expect(page.get_by_role("tab", name="Agreement")).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="Assignment").click()
    expect(page).to_have_url(re.compile(r"[?&]team_tab=Assignment(&|$)"))
    page.reload()
    expect(page.get_by_role("tab", name="Assignment")).to_have_attribute("aria-selected", "true")
    page.get_by_role("link", name="Project", exact=True).click()
    expect(page.get_by_role("tab", name="Settings")).to_have_attribute("aria-selected", "true")
    expect(page).not_to_have_url(re.compile("team_tab"))
    page.go_back()
    expect(page.get_by_role("tab", name="Assignment")).to_have_attribute("aria-selected", "true")


def test_a_window_of_800_pixels_folds_the_sidebar_and_cuts_no_number(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    page.set_viewport_size({"width": 800, "height": 900})
    page.goto(known_as(page, f"{serve(stocked.folder)}/team", "Ada"))
    expect(page.get_by_role("heading", name="Team")).to_be_in_viewport()
    expect(page.get_by_role("link", name="Records")).not_to_be_in_viewport()
    figures = page.get_by_test_id("stMetricValue")
    expect(figures.first).to_have_text("3")
    cut = figures.evaluate_all("all => all.filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.innerText)")
    assert cut == []
    assert page.get_by_role("heading", name="Team").bounding_box()["y"] < 90
