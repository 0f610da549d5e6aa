"""The screen for everyone: contrast in light and dark, and everything reached and named by keyboard."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from curator import Workspace
from tests.browser.labelling.screen import Serve, editor, open_queue

pytestmark = pytest.mark.browser


_CONTRAST = """element => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number)
  const linear = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  const light = (colour) => numbers(colour).slice(0, 3).map((c) => linear(c / 255))
    .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0)
  let behind = element
  while (behind && (numbers(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) behind = behind.parentElement
  const a = light(getComputedStyle(element).color)
  const b = light(getComputedStyle(behind ?? document.body).backgroundColor)
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}"""


_WORDS = "button:enabled, h3, .text, .effect, .measure, .warning, .progress, .rule, .status, ins, del, kbd"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_is_readable_in_light_and_dark(
    stocked: Workspace, serve: Serve, browser: Browser, scheme: Literal["light", "dark"]
) -> None:
    """Contrast of at least 4.5 to 1 (WCAG 2.2, 1.4.3); what cannot be pressed is exempt."""
    context = browser.new_context(viewport={"width": 1400, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    open_queue(page, serve(stocked.folder))
    page.keyboard.press("2")
    page.keyboard.press("h")
    editor(page).fill("Changed\n```")
    expect(page.get_by_text("A code fence is opened")).to_be_visible()
    page.get_by_role("tab", name="Changes").click()
    expect(page.locator(".view ins").first).to_be_visible()
    shown = page.locator(f".labelling :is({_WORDS})")
    seen = 0
    for element in shown.all():
        if element.is_visible() and element.evaluate("e => !e.closest('button:disabled')"):
            ratio = element.evaluate(_CONTRAST)
            assert ratio >= 4.5, f"{element.inner_text()!r}: {ratio:.2f}"
            seen += 1
    assert seen > 25
    context.close()


def test_everything_is_reached_by_tab_alone_and_named(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    editor(page).focus()
    names = []
    for _ in range(22):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.innerText || document.activeElement.ariaLabel || ''"))
    said = "\n".join(names)
    for name in (
        "Poor",
        "Best",
        "Harmful",
        "With personal data",
        "Back",
        "Skip",
        "Flag",
        "Reject",
        "Undo",
        "Accept as is",
    ):
        assert name in said
    unnamed = page.locator(".labelling :is(button, input, textarea, select)").evaluate_all(
        "all => all.filter((e) => !(e.innerText || e.ariaLabel || e.getAttribute('aria-labelledby'))).length"
    )
    assert unnamed == 0
