"""Submit, accept and reject: a record is stored once, as it was seen, before the next one is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from curator import Workspace, open_workspace
from curator.settings import Settings
from curator.store import projects, records
from tests.browser.labelling.screen import Serve, editor, open_queue, shown_question, stop_clock, stored, submitted
from tests.browser.people import known_as
from tests.conftest import make_record
from tests.postgres import Cluster

pytestmark = pytest.mark.browser


def test_ctrl_enter_straight_after_typing_stores_the_text_and_shows_the_next(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    first = open_queue(page, serve(stocked.folder))
    page.keyboard.press("5")
    editor(page).fill("Typed by hand.")
    editor(page).press("Control+Enter")
    submitted(page, 1)
    expect(page.get_by_text(first)).to_have_count(0)
    [answer] = stored(stocked)
    assert answer.answer.response == "Typed by hand."
    assert answer.answer.rating == 5


def test_clicking_submit_straight_after_typing_stores_the_text(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    page.get_by_role("button", name="Good").click()
    editor(page).fill("Clicked away.")
    page.get_by_role("button", name="Submit and next").click()
    submitted(page, 1)
    assert [each.answer.response for each in stored(stocked)] == ["Clicked away."]


def test_a_triple_press_and_a_triple_click_store_a_record_once_each(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    open_queue(page, serve(stocked.folder))
    page.keyboard.press("4")
    for _ in range(3):
        page.keyboard.press("Control+Enter")
    submitted(page, 1)
    page.keyboard.press("4")
    page.get_by_role("button", name="Submit and next").click(click_count=3)
    submitted(page, 2)
    found = [each.record_id for each in stored(stocked)]
    assert len(found) == len(set(found)) == 2


@pytest.mark.parametrize("shown", ["before the next record comes", "while the next record is new"])
def test_accept_pressed_three_times_accepts_only_the_record_that_was_seen(
    stocked: Workspace, serve: Serve, page: Page, shown: str
) -> None:
    page.clock.install()
    open_queue(page, serve(stocked.folder))
    stop_clock(page)
    page.keyboard.press("a")
    if shown == "while the next record is new":
        submitted(page, 1)
    page.keyboard.press("a")
    page.keyboard.press("a")
    submitted(page, 1)
    if shown == "while the next record is new":
        expect(page.get_by_text("pressed again at once")).to_be_visible()
    page.clock.run_for(700)
    assert len(stored(stocked)) == 1
    page.keyboard.press("a")
    submitted(page, 2)


def test_a_triple_click_on_accept_accepts_only_the_record_that_was_seen(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    open_queue(page, serve(stocked.folder))
    acts: list[Request] = []
    page.on("request", lambda request: acts.append(request) if request.url.endswith("/act") else None)
    page.get_by_role("button", name="Accept as is").click(click_count=3, delay=60)
    submitted(page, 1)
    assert len(stored(stocked)) == len(acts) == 1


def test_reject_pressed_twice_rejects_only_the_record_that_was_seen(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    open_queue(page, serve(stocked.folder))
    page.keyboard.press("x")
    page.keyboard.press("5")
    submitted(page, 1)
    page.keyboard.press("x")
    page.keyboard.press("5")
    expect(page.get_by_role("dialog", name="Reject")).to_be_visible()
    assert len(stored(stocked)) == 1


def test_who_touches_the_next_record_need_not_wait_to_submit_it(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    for n in (1, 2, 3):
        page.keyboard.press("4")
        page.keyboard.press("Control+Enter")
        submitted(page, n)
    assert len(stored(stocked)) == 3


def test_the_submit_button_says_what_is_missing_and_the_focus_goes_there(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    open_queue(page, serve(stocked.folder))
    expect(page.get_by_role("button", name="Submit and next (1 left)")).to_be_disabled()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("button", name="Poor")).to_be_focused()
    editor(page).fill(" ")
    expect(page.get_by_role("button", name="The response is empty")).to_be_disabled()
    assert stored(stocked) == []


def test_nothing_is_typed_into_an_answer_that_is_on_its_way(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    editor(page).fill("First sentence.")
    page.get_by_role("button", name="Good").click()
    page.route("**/labelling/act", lambda route: route.abort())
    editor(page).press("Control+Enter")
    expect(page.get_by_text("Not saved, retrying")).to_be_visible()
    expect(editor(page)).to_be_focused()
    page.keyboard.type(" A sly second", delay=20)
    page.get_by_role("button", name="Poor").click()
    expect(editor(page)).to_have_value("First sentence.")
    page.unroute("**/labelling/act")
    submitted(page, 1)
    expect(editor(page)).to_be_editable()
    [answer] = stored(stocked)
    assert (answer.answer.response, answer.answer.rating) == ("First sentence.", 4)


def test_every_submit_says_what_was_seen(stocked: Workspace, serve: Serve, page: Page) -> None:
    seen: list[dict[str, object]] = []
    page.on("request", lambda request: seen.append(request.post_data_json) if request.url.endswith("/act") else None)
    open_queue(page, serve(stocked.folder))
    guideline = page.evaluate("document.querySelector('.labelling').screen.task.guideline_hash")
    page.keyboard.press("a")
    submitted(page, 1)
    page.get_by_text(shown_question(page)).click()  # a pointer on the record: it was seen
    page.keyboard.press("x")
    page.keyboard.press("5")
    submitted(page, 2)
    assert [(each["guideline_hash"], each["saw_suggestions"]) for each in seen] == [(guideline, None)] * 2


def test_a_refused_call_says_what_happened_and_the_next_step(stocked: Workspace, serve: Serve, page: Page) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    ended = {"problem": "Your session has ended.", "hint": "Sign in again."}
    page.route("**/labelling/task", lambda route: route.fulfill(status=401, json=ended))
    page.goto(known_as(page, f"{serve(stocked.folder)}/annotate", "Ada"))
    expect(page.get_by_text("Your session has ended. Sign in again.")).to_be_visible()
    page.unroute("**/labelling/task")
    page.get_by_role("button", name="Try again").click()
    first = shown_question(page)
    page.route("**/labelling/history", lambda route: route.fulfill(status=401, json=ended))
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("Your session has ended. Sign in again.")).to_be_visible()
    page.route("**/labelling/act", lambda route: route.fulfill(status=500, body="Internal Server Error"))
    page.keyboard.press("a")
    expect(page.get_by_text("The server could not do this (500). Try again")).to_be_visible()
    page.unroute("**/labelling/act")
    page.keyboard.press("a")
    submitted(page, 1)
    expect(page.get_by_text(first)).to_have_count(0)
    assert errors == []


@pytest.mark.postgres
def test_the_screen_works_on_postgres(
    postgres: Cluster, serve: Serve, page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres.database() as url:
        monkeypatch.setenv("CURATOR_DATABASE_URL", url)  # the server reads it as its setting
        opened = open_workspace(tmp_path / "team", create=True, settings=Settings(database_url=url))
        with opened.write() as connection:
            many = [make_record(f"Question {n}?", f"Answer {n}.") for n in range(3)]
            records.add_many(connection, many, project=projects.by_name(connection), at=opened.clock())
        open_queue(page, serve(opened.folder))
        page.keyboard.press("4")
        editor(page).fill("Stored elsewhere.")
        editor(page).press("Control+Enter")
        submitted(page, 1)
        assert [each.answer.response for each in stored(opened)] == ["Stored elsewhere."]
        opened.close()
