"""What tests do on the labelling screen as Ada, and what they look up behind it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Locator, Page, Route, expect
from sqlalchemy import text

from curator import Workspace
from curator.store import annotations
from schemas.annotation import Annotation
from tests.browser.people import known_as

Serve = Callable[..., str]


def stored(workspace: Workspace) -> list[Annotation]:
    with workspace.read() as connection:
        return annotations.newest_of(connection, "Ada", project_id=1, limit=10)


def draft(workspace: Workspace, record_id: str) -> str | None:
    with workspace.read() as connection:
        found = annotations.draft_of(connection, record_id, "Ada")
    return None if found is None else found.answer.response


def open_queue(page: Page, address: str) -> str:
    """Open the screen as Ada; gives the instruction that is shown."""
    page.goto(known_as(page, f"{address}/annotate", "Ada"))
    return shown_question(page)


def shown_question(page: Page) -> str:
    question = page.get_by_text(re.compile(r"^Question \d\?$"))
    expect(question).to_be_visible()
    return question.inner_text()


def editor(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Response")


def submitted(page: Page, number: int) -> None:
    expect(page.get_by_text(f"Submitted, {number} today")).to_be_visible()


def everything_kept(workspace: Workspace, page: Page) -> str:
    """Every text that is in the database, in the browser's storage or in a box on the screen."""
    with workspace.read() as connection:
        answers = connection.execute(text("select answer from annotation union all select answer from draft")).all()
    return f"{answers}" + page.evaluate(
        "JSON.stringify(localStorage) + [...document.querySelectorAll('textarea, input')].map(e => e.value).join()"
    )


@contextmanager
def held_back(page: Page, requests: str) -> Iterator[None]:
    """Keep requests to a URL pattern on their way while the block runs; they reach the server when it ends."""
    waiting: list[Route] = []
    page.route(requests, lambda route: waiting.append(route))
    yield
    for route in waiting:
        route.continue_()
    page.unroute(requests)


def stop_clock(page: Page) -> None:
    """Stop the time of a page that was opened with `page.clock.install()`: what counts milliseconds waits for the test.

    Requests are answered all the same.
    """
    page.clock.pause_at(page.evaluate("Date.now() + 1000"))


SKEW = "const real = Date.now.bind(Date); Date.now = () => real() + {minutes} * 60000"
