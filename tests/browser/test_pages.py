"""What holds for every page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from curator import Workspace
from tests.browser.labelling.screen import Serve

pytestmark = pytest.mark.browser


def test_no_page_asks_another_server_for_anything(stocked: Workspace, serve: Serve, page: Page) -> None:
    address = serve(stocked.folder)
    outside: list[str] = []
    page.on("request", lambda request: None if address in request.url else outside.append(request.url))
    for name in ("", "import_data", "annotate", "versions", "train", "outputs", "review", "decide"):
        page.goto(f"{address}/{name}?person=Ada")
        expect(page.get_by_role("link", name="Overview")).to_be_visible()
        page.wait_for_load_state("networkidle")
    assert [url for url in outside if not url.startswith(("data:", "blob:", address.replace("http", "ws")))] == []
