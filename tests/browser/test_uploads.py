"""A file that the server refuses for its size: it is not taken, and neither is the one before it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from curator import Workspace
from tests.browser.labelling.screen import Serve
from tests.browser.people import known_as

pytestmark = pytest.mark.browser

_BUSY = 240_000
"""Milliseconds: an upper bound for a page that loads PyTorch on a busy machine."""


def test_a_suite_that_is_too_large_is_refused_and_the_one_before_it_is_not_added(
    workspace: Workspace, serve: Serve, page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CURATOR_MAX_UPLOAD_MB", "1")
    line = json.dumps({"id": "p", "prompt": "Why?", "category": "harm"})
    small, large = tmp_path / "small.jsonl", tmp_path / "large.jsonl"
    small.write_text(line)
    large.write_text(line + " " * 3 * 2**20)
    page.goto(known_as(page, f"{serve(workspace.folder)}/outputs", "Ada"))
    page.get_by_text("Add a suite").click(timeout=_BUSY)
    chooser = page.locator("input[type=file]").first
    add = page.get_by_role("button", name="Add", exact=True)
    expect(add).to_be_disabled()
    chooser.set_input_files(small)
    expect(add).to_be_enabled()
    with page.expect_response(lambda answer: "/_stcore/upload_file/" in answer.url and answer.status == 413):
        chooser.set_input_files(large)
    expect(page.get_by_text("large.jsonl")).to_be_visible()
    expect(add).to_be_disabled()
