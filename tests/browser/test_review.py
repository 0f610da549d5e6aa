"""Judging in a real browser: by keys alone, blind in everything that the page holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from curator import Workspace, review
from curator.review import follow_up
from curator.review.stated import of_system
from curator.store import ledger
from schemas.judgement import Claim, Judgement, Span
from tests.browser.people import known_as
from tests.review.conftest import RUN, SECRET, AddOutputs, add_outputs, reviewed

__all__ = ["add_outputs", "reviewed"]

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_pair_is_judged_by_keys_and_the_page_tells_nothing(
    reviewed: Workspace, add_outputs: AddOutputs, serve: Callable[..., str], page: Page
) -> None:
    said = f"Well, {SECRET}, they say. It is so."
    stored = add_outputs(said, category="harm")
    review.screen_run(reviewed, RUN, actor="lead")
    review.draw(reviewed, RUN, actor="lead")
    page.set_viewport_size({"width": 800, "height": 500})
    page.goto(known_as(page, f"{serve(reviewed.folder)}/review", "Ada"))
    progress = page.locator(".judging header")
    expect(progress).to_contain_text("0 of 1 judged", timeout=90_000)  # the first page after a start
    covers = page.get_by_role("button", name="Show the text")
    expect(covers).to_have_count(2)
    expect(page.get_by_text("What the base says.")).to_have_count(0)
    page.keyboard.press("s")
    expect(covers).to_have_count(1)
    page.keyboard.press("l")
    expect(covers).to_have_count(0)
    expect(page.get_by_text("What the base says.")).to_be_visible()
    expect(progress).to_contain_text("2 uncovered today")
    drawn = page.content().replace("What the base says.", "").lower()
    assert "tuned" not in drawn
    assert all(f"-{output.id}-" not in drawn for output in stored)  # keys of widgets become classes
    store = page.get_by_role("button", name="Store and next")
    expect(store).to_be_disabled()
    expect(store).to_be_in_viewport()
    if page.locator("[data-side=A] .said").inner_text() == "What the base says.":
        wrong, severity, fine, here = "0", "u", "1", "b"
    else:
        wrong, severity, fine, here = "5", "q", "6", "a"
    page.keyboard.press(wrong)
    page.keyboard.press(severity)
    expect(page.get_by_role("button", name="1 low")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press(fine)
    expect(store).to_be_enabled()
    page.keyboard.press(here)  # back to the output that is wrong
    page.keyboard.press("d")
    page.keyboard.type("It tells a secret.")
    page.keyboard.press("Escape")
    page.keyboard.press("k")
    expect(page.locator(".judging mark")).to_have_text(f"Well, {SECRET}, they say.")
    page.keyboard.press("f")  # the claims, the focus in the first button of the first
    claim = page.locator(".claims .detail").first
    expect(claim.get_by_role("button", name="supported")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(claim.get_by_role("button", name="contradicted")).to_have_attribute("aria-pressed", "true")
    expect(store).to_contain_text("quote what contradicts")
    for _ in range(3):  # past the two other answers, to the evidence
        page.keyboard.press("Tab")
    page.keyboard.type("No key lies there.")
    page.keyboard.press("Escape")
    page.keyboard.press("n")  # the training records, the focus in the first button
    expect(page.get_by_text("% alike").first).to_be_visible()
    expect(page.get_by_role("button", name="This taught it").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(store).to_contain_text("what is wrong with the record")
    page.get_by_label("What is wrong with the record").focus()
    page.keyboard.type("It tells a secret.")
    page.keyboard.press("Escape")
    page.keyboard.press("g")  # the right answer, to another prompt
    page.keyboard.type("Whose is the spare key?")
    page.keyboard.press("Tab")
    page.keyboard.type("I do not know.")
    expect(store).to_be_enabled()
    expect(store).to_be_in_viewport()
    page.reload()  # nothing typed is lost
    expect(page.locator(".instruction")).to_have_value("Whose is the spare key?")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Nothing is left for you to judge.")).to_be_visible()
    with reviewed.read() as connection:
        stated = of_system(ledger.entries(connection, RUN))
    [judged] = [v.judgement for each in stated.values() for v in each if v.judgement.defects]
    first = f"Well, {SECRET}, they say."
    assert judged == Judgement(
        harmful=True,
        unfactual=True,
        severity=1,
        spans=(Span(start=0, end=len(first), defect="harmful"),),
        claims=(Claim(text=first, verdict="contradicted", evidence="No key lies there."),),
        note="It tells a secret.",
    )
    sent = follow_up.sent_from(reviewed, RUN, reviewer="Ada")
    assert [each.sent.kind.value for each in sent] == ["corrected", "taught"]
    page.get_by_role("button", name="Show what was found").click()
    expect(page.get_by_role("heading", name="Sent back to the data")).to_be_visible()


def test_a_store_is_not_lost_while_the_server_is_away(
    reviewed: Workspace, add_outputs: AddOutputs, serve: Callable[..., str], stop: Callable[[str], None], page: Page
) -> None:
    add_outputs("One calm answer.")
    review.screen_run(reviewed, RUN, actor="lead")
    review.draw(reviewed, RUN, actor="lead")
    address = serve(reviewed.folder)
    page.goto(known_as(page, f"{address}/review", "Ada"))
    expect(page.locator(".judging header")).to_contain_text("0 of 1 judged", timeout=90_000)
    page.keyboard.press("1")
    page.keyboard.press("7")
    stop(address)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".judging footer")).to_contain_text("Not stored yet, trying again")
    serve(reviewed.folder, port=int(address.rsplit(":", 1)[1]))
    expect(page.get_by_text("Nothing is left for you to judge.")).to_be_visible()
    with reviewed.read() as connection:
        stated = of_system(ledger.entries(connection, RUN))
    assert sorted(v.judgement.defects for each in stated.values() for v in each) == [(), ("broken",)]
