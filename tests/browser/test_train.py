"""One click on the train page: the run lives on when the window closes, and every browser finds it again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from curator import Workspace, base_models, runs
from schemas.run import RunState
from schemas.version import Version
from tests.runs.conftest import base_folder, frozen, tokenizer
from tests.runs.small import ended

__all__ = ["base_folder", "frozen", "tokenizer"]

pytestmark = pytest.mark.browser


def test_a_run_started_by_one_click_outlives_its_window(
    frozen: tuple[Workspace, Version],
    base_folder: Path,
    serve: Callable[[Path], str],
    page: Page,
    browser: Browser,
) -> None:
    workspace, _ = frozen
    base_models.add(workspace, base_folder, name="small", actor="Lea")
    address = serve(workspace.folder)
    page.goto(f"{address}/train?person=Ada")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.close()
    [run] = runs.watch(workspace)
    run = ended(workspace, run.id)
    assert run.state is RunState.DONE, runs.log_tail(workspace, run.id)
    other = browser.new_context().new_page()
    other.goto(f"{address}/train?person=Ben")
    expect(other.get_by_text("Held-out loss after")).to_be_visible(timeout=30_000)
    expect(other.get_by_text(re.compile("records go through the model flat")).first).to_be_visible()  # in the log, too
    other.context.close()
