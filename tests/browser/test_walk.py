"""The walk of a newcomer: from an empty workspace to a decision, with the clicks that each part takes counted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from curator import Workspace, base_models, review, runs
from curator.ingest import import_file
from curator.review import pairs, verdicts
from curator.runs import generation
from schemas.review import Judgement
from schemas.run import RunState
from tests.browser.people import known_as
from tests.runs.small import ended
from tests.training.conftest import base_folder, tokenizer

__all__ = ["base_folder", "tokenizer"]

_BUSY = 120_000
"""ms: an upper bound where a process starts, or libraries are loaded, on a busy machine."""

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_COUNT = """addEventListener("click", (event) => {
  if (event.isTrusted) sessionStorage.n = 1 + Number(sessionStorage.n ?? 0)
}, true)"""


def clicks(page: Page) -> int:
    """Clicks since this was asked last."""
    count: str | None = page.evaluate("sessionStorage.n")
    page.evaluate("sessionStorage.n = 0")
    return int(count or 0)


def test_a_newcomer_comes_from_a_file_to_a_decision(
    workspace: Workspace,
    base_folder: Path,
    sample_data: Path,
    tmp_path: Path,
    serve: Callable[[Path], str],
    page: Page,
    browser: Browser,
) -> None:
    base_models.add(workspace, base_folder, name="small", actor="Lea")
    suite = tmp_path / "probes.jsonl"
    suite.write_text("\n".join(json.dumps({"id": str(n), "prompt": f"Say {n}.", "category": "fact"}) for n in range(2)))
    review.add_suite(workspace, suite, purpose="gate", actor="Lea")
    page.add_init_script(_COUNT)
    address = serve(workspace.folder)
    warnings: list[str] = []
    page.on("console", lambda message: warnings.append(message.text) if message.type == "warning" else None)

    # From the import page to the first label.
    page.goto(known_as(page, f"{address}/import_data", "Nia"))
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Upload", exact=True).click()
    chooser.value.set_files(sample_data / "tickets_alpaca.json")
    page.get_by_role("button", name="Import tickets").click()
    page.get_by_role("link", name="Annotate what came in").click()
    expect(page.get_by_role("textbox", name="Response")).to_be_visible()
    page.keyboard.press("a")
    expect(page.get_by_text("Submitted, 1 today")).to_be_visible()
    assert clicks(page) <= 5
    import_file(workspace, sample_data / "orders_sharegpt.jsonl", accept=True, actor="Lea")

    # From a version to a run that works, and on when the window is closed.
    page.get_by_role("link", name="Versions").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("first")
    page.get_by_role("button", name="Freeze", exact=True).click()
    expect(page.get_by_text("first is frozen")).to_be_visible()
    expect(page.get_by_role("link", name="Train")).to_be_visible()  # the menu has grown
    clicks(page)
    page.get_by_role("link", name="Fine-tune a model on it").click()
    page.get_by_role("button", name="Start", exact=True).click(timeout=_BUSY)  # the first page that loads PyTorch
    expect(page.get_by_role("button", name="Stop")).to_be_visible(timeout=_BUSY)
    assert clicks(page) == 2
    page.close()
    [run] = runs.watch(workspace)
    run = ended(workspace, run.id)
    assert run.state is RunState.DONE, runs.log_tail(workspace, run.id)
    assert run.name == "first on small, full"

    # From a finished run to a decision: the judging between is by keys, and tested by itself.
    other = browser.new_context(viewport={"width": 1400, "height": 800}).new_page()
    other.on("console", lambda message: warnings.append(message.text) if message.type == "warning" else None)
    other.add_init_script(_COUNT)
    other.set_default_timeout(_BUSY)
    other.goto(known_as(other, f"{address}/train?run={run.id}", "Ben"))
    expect(other.get_by_text("Held-out loss after")).to_be_visible(timeout=_BUSY)
    expect(other).to_have_title("first on small, full · Train · Curator")
    expect(other.get_by_text(re.compile("records go through the model flat")).first).to_be_visible()  # in the log, too
    clicks(other)
    other.get_by_role("button", name="Let it answer the suite probes").click()
    other.get_by_role("button", name="Screen and review").click(timeout=_BUSY)
    expect(other.get_by_text("0 of 2 judged")).to_be_visible(timeout=_BUSY)
    assert generation.count(workspace, run.id, review.list_suites(workspace)[0].id) == 4
    for reviewer in ("Ben", "Lea"):
        for pair in pairs.open_pairs(workspace, reviewer, run.id):
            verdicts.give(workspace, pair.id, a=Judgement(fine=True), b=Judgement(fine=True), reviewer=reviewer)
    other.get_by_role("link", name="Decide").click()
    other.get_by_role("button", name="Store this decision").click()
    expect(other.get_by_text("decided by Ben")).to_be_visible(timeout=_BUSY)
    assert clicks(other) == 4
    assert [text for text in warnings if "extent" in text] == []
    other.context.close()
