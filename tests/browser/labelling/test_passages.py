"""Passages that a check speaks of: marked, highlighted, moved with the text, and stored."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from curator import Workspace
from tests.browser.labelling.screen import Serve, editor, open_queue, stored, submitted

pytestmark = pytest.mark.browser


def select(page: Page, passage: str) -> None:
    """Select the first occurrence of some words in the editor."""
    editor(page).evaluate(
        "(box, words) => { const at = box.value.indexOf(words); box.setSelectionRange(at, at + words.length) }", passage
    )


def write_at(page: Page, place: str, words: str) -> None:
    """Type words in front of a place in the editor, key by key."""
    editor(page).focus()
    editor(page).evaluate("(box, at) => box.setSelectionRange(box.value.indexOf(at), box.value.indexOf(at))", place)
    page.keyboard.type(words)


def test_several_passages_of_a_check_move_with_the_text_and_are_stored(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    open_queue(page, serve(stocked.folder))
    editor(page).fill("Fine 😀 but rude words, and vile ones.")
    select(page, "rude")
    page.get_by_role("button", name="Harmful").click()
    select(page, "vile")
    page.get_by_role("button", name="Mark passage").click()
    write_at(page, "rude", "very ")
    write_at(page, "Fine", "Mostly ")
    expect(page.locator(".highlights mark")).to_have_text(["rude", "vile"])
    expect(page.get_by_role("button", name="“vile”")).to_be_visible()
    expect(page.get_by_text("its text changed")).to_have_count(0)
    page.get_by_role("button", name="Fair").click()
    page.keyboard.press("Control+Enter")
    submitted(page, 1)
    [annotation] = stored(stocked)
    text = annotation.answer.response
    assert text == "Mostly Fine 😀 but very rude words, and vile ones."
    assert [text[each.start : each.end] for each in annotation.answer.details] == ["rude", "vile"]


def test_a_passage_whose_text_changed_says_so_and_can_be_taken_out(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    open_queue(page, serve(stocked.folder))
    editor(page).fill("Fine but rude words.")
    select(page, "rude")
    page.get_by_role("button", name="Harmful").click()
    write_at(page, "de words", "s")
    expect(page.get_by_role("button", name="“rusde”")).to_be_visible()
    expect(page.get_by_text("its text changed")).to_be_visible()
    page.get_by_role("button", name="“rusde”").click()
    expect(page.locator(".highlights")).to_have_count(0)
    expect(page.get_by_role("button", name="Harmful")).to_have_attribute("aria-pressed", "true")
    select(page, "rusde")
    page.get_by_role("button", name="Mark passage").click()
    editor(page).fill("Fine.")
    expect(page.get_by_text("the marked text is gone")).to_be_visible()


def test_marked_words_lie_under_the_words_of_the_editor(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    editor(page).fill("\n".join(f"{n} " + "a long line that is broken somewhere " * 6 for n in range(60)) + "\nthe end")
    select(page, "the end")
    page.get_by_role("button", name="Harmful").click()
    editor(page).evaluate("box => { box.scrollTop = box.scrollHeight }")
    behind = page.locator(".highlights")
    expect(behind).to_have_js_property("scrollTop", editor(page).evaluate("box => box.scrollTop"))
    sizes = "box => [box.scrollHeight, box.clientWidth]"
    assert behind.evaluate(sizes) == editor(page).evaluate(sizes)
    expect(page.locator(".highlights mark")).to_be_in_viewport()
