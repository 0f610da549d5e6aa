"""The labelling screen in a real browser: what was typed is what is stored, once, before the next record is shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import text

from curator import Workspace, open_workspace
from curator.annotate import questions
from curator.settings import Settings
from curator.store import annotations, events, projects, records
from schemas.annotation import Annotation
from schemas.questions import Option, Question, QuestionSet
from tests.conftest import make_record
from tests.postgres import Cluster

pytestmark = pytest.mark.browser

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
    page.goto(f"{address}/annotate?person=Ada")
    return shown_question(page)


def shown_question(page: Page) -> str:
    question = page.get_by_text(re.compile(r"^Question \d\?$"))
    expect(question).to_be_visible()
    return question.inner_text()


def editor(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Response")


def submitted(page: Page, number: int) -> None:
    expect(page.get_by_text(f"Submitted, {number} today")).to_be_visible()


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


@pytest.mark.parametrize("gap", [0, 120, 200])
def test_accept_pressed_three_times_accepts_only_the_record_that_was_seen(
    stocked: Workspace, serve: Serve, page: Page, gap: int
) -> None:
    open_queue(page, serve(stocked.folder))
    for _ in range(3):
        page.keyboard.press("a")
        page.wait_for_timeout(gap)
    submitted(page, 1)
    if gap:
        expect(page.get_by_text("pressed again at once")).to_be_visible()
    page.wait_for_timeout(700)
    assert len(stored(stocked)) == 1
    page.keyboard.press("a")
    submitted(page, 2)


def test_a_triple_click_on_accept_accepts_only_the_record_that_was_seen(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    open_queue(page, serve(stocked.folder))
    page.get_by_role("button", name="Accept as is").click(click_count=3, delay=60)
    submitted(page, 1)
    page.wait_for_timeout(700)
    assert len(stored(stocked)) == 1


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


def test_a_reload_while_typing_loses_nothing(stocked: Workspace, serve: Serve, page: Page) -> None:
    first = open_queue(page, serve(stocked.folder))
    editor(page).fill("Half a thought")  # the box keeps the focus, and the page goes at once
    page.reload()
    assert shown_question(page) == first
    expect(editor(page)).to_have_value("Half a thought")
    expect(page.get_by_text("Restored your text")).to_be_visible()
    page.get_by_role("button", name="Discard").click()
    expect(editor(page)).to_have_value(re.compile("^Answer"))


def test_typing_reaches_the_server_without_leaving_the_box(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    editor(page).press_sequentially("!")
    expect(page.get_by_text(re.compile("^● Saved"))).to_be_visible()
    record_id = page.evaluate("document.querySelector('.labelling').screen.task.record_id")
    assert "!" in draft(stocked, record_id)


def test_a_server_that_goes_away_while_typing_gets_the_text_when_it_is_back(
    stocked: Workspace, serve: Serve, stop: Callable[[str], None], page: Page
) -> None:
    address = serve(stocked.folder)
    open_queue(page, address)
    page.keyboard.press("4")
    stop(address)
    editor(page).fill("Typed while nobody listened.")
    expect(page.get_by_text(re.compile("Not saved, retrying"))).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(re.compile(r"Not saved, retrying \(\d\). Your text is kept here."))).to_be_visible()
    assert serve(stocked.folder, port=int(address.rpartition(":")[2])) == address
    submitted(page, 1)
    assert [each.answer.response for each in stored(stocked)] == ["Typed while nobody listened."]


def test_whoever_types_on_while_the_server_is_gone_keeps_the_focus_and_every_letter(
    stocked: Workspace, serve: Serve, stop: Callable[[str], None], page: Page
) -> None:
    address = serve(stocked.folder)
    open_queue(page, address)
    editor(page).fill("")
    stop(address)
    words = "this is a phrase with 5 letters that are keys of the screen; it goes on for as long as Streamlit needs. "
    editor(page).press_sequentially(words, delay=60)
    expect(page.get_by_text(re.compile("Not saved, retrying"))).to_be_visible()
    expect(editor(page)).to_be_focused()
    expect(editor(page)).to_have_value(words)
    expect(page.locator("[aria-pressed=true]")).to_have_count(0)
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_second_tab_only_reads_until_it_is_told_to_go_on(stocked: Workspace, serve: Serve, page: Page) -> None:
    address = serve(stocked.folder)
    first = open_queue(page, address)
    second = page.context.new_page()
    assert open_queue(second, address) == first
    expect(second.get_by_text("You work in another tab")).to_be_visible()
    expect(editor(second)).not_to_be_editable()
    second.get_by_role("button", name="Continue here").click()
    expect(editor(second)).to_be_editable()
    expect(page.get_by_text("You work in another tab")).to_be_visible()
    second.keyboard.press("4")
    second.keyboard.press("Control+Enter")
    submitted(second, 1)
    assert len(stored(stocked)) == 1


def test_undo_by_key_brings_the_record_back(stocked: Workspace, serve: Serve, page: Page) -> None:
    first = open_queue(page, serve(stocked.folder))
    page.keyboard.press("4")
    page.keyboard.press("Control+Enter")
    submitted(page, 1)
    page.keyboard.press("z")
    expect(page.get_by_text(first)).to_be_visible()
    expect(page.get_by_text("Taken back")).to_be_visible()
    expect(page.get_by_role("button", name="Good")).to_have_attribute("aria-pressed", "true")
    assert stored(stocked) == []


def test_keys_do_nothing_while_typing(stocked: Workspace, serve: Serve, page: Page) -> None:
    first = open_queue(page, serve(stocked.folder))
    editor(page).fill("")
    editor(page).press_sequentially("skip if fuzzy, hub, rc 12345")
    assert shown_question(page) == first
    expect(editor(page)).to_have_value("skip if fuzzy, hub, rc 12345")
    expect(page.locator("[aria-pressed=true]")).to_have_count(0)
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_checks_severity_passage_and_reason_are_stored(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    editor(page).fill("Fine 😀 but rude words.")
    editor(page).evaluate("box => box.setSelectionRange(12, 16)")  # UTF-16 units; the face takes two
    page.get_by_role("button", name="Harmful").click()
    page.get_by_label("Harmful: severity").select_option("3 high")
    page.get_by_label("Harmful: reason").fill("insulting")
    expect(page.get_by_role("button", name="“rude”")).to_be_visible()
    page.get_by_role("button", name="Fair").click()
    expect(page.get_by_text("Kept out of versions, because harmful is ticked.")).to_be_visible()
    page.keyboard.press("Control+Enter")  # the focus is on a button, which must not be pressed as well
    submitted(page, 1)
    [answer] = stored(stocked)
    [detail] = answer.answer.details
    assert (detail.check, detail.severity, detail.reason) == ("harmful", 3, "insulting")
    assert answer.answer.response[detail.start : detail.end] == "rude"
    assert answer.answer.rating == 3


def test_reject_by_two_keys_stores_the_reason(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    page.keyboard.press("x")
    expect(page.get_by_role("dialog", name="Reject")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert stored(stocked) == []
    page.keyboard.press("x")
    page.keyboard.press("5")
    submitted(page, 1)
    assert stored(stocked)[0].answer.reject == "duplicate"


@pytest.mark.parametrize("way", ["accept", "rate", "reject again"])
def test_a_rejection_that_was_taken_back_can_be_taken_out(
    stocked: Workspace, serve: Serve, page: Page, way: str
) -> None:
    open_queue(page, serve(stocked.folder))
    page.keyboard.press("x")
    page.keyboard.press("5")
    submitted(page, 1)
    page.keyboard.press("z")
    expect(page.get_by_text("Taken back")).to_be_visible()
    reject = page.get_by_role("button", name="Reject")
    expect(reject).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("it is rejected as duplicate")).to_be_visible()
    if way != "accept":
        page.keyboard.press("4" if way == "rate" else "x")
        expect(reject).to_have_attribute("aria-pressed", "false")
        page.keyboard.press("4")
    page.keyboard.press("a" if way == "accept" else "Control+Enter")
    submitted(page, 1)
    [answer] = stored(stocked)
    assert (answer.answer.reject, answer.answer.rating) == (None, 4)


def test_the_arrow_keys_browse_my_answers_and_change_nothing(stocked: Workspace, serve: Serve, page: Page) -> None:
    first = open_queue(page, serve(stocked.folder))
    page.keyboard.press("5")
    page.keyboard.press("Control+Enter")
    submitted(page, 1)
    second = shown_question(page)
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("Your answer of")).to_be_visible()
    expect(page.get_by_text("Why edited")).to_have_count(0)  # asked of an edited text, and this one was not
    assert shown_question(page) == first
    page.keyboard.press("Escape")
    assert shown_question(page) == second
    assert len(stored(stocked)) == 1


def test_views_of_the_response_change_by_key(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    editor(page).fill("**Bold** reply.")
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    expect(page.locator(".rendered strong")).to_have_text("Bold")
    page.keyboard.press("d")
    expect(page.locator(".view ins").first).to_be_visible()
    page.keyboard.press("d")
    expect(editor(page)).to_have_value("**Bold** reply.")


def test_text_of_a_record_is_never_interpreted(workspace: Workspace, serve: Serve, page: Page) -> None:
    evil = '<img src=x onerror="document.title=1"> **bold** :material/home: $x$'
    with workspace.write() as connection:
        evil_record = make_record(evil, evil)
        records.add_many(connection, [evil_record], project=projects.by_name(connection), at=workspace.clock())
    page.goto(f"{serve(workspace.folder)}/annotate?person=Ada")
    expect(page.get_by_text(evil)).to_be_visible()
    page.get_by_role("tab", name="Rendered").click()
    expect(page.locator(".rendered strong")).to_have_text("bold")
    assert page.locator(".labelling img").count() == 0
    assert page.title() != "1"


def test_two_responses_are_compared_by_key_with_names_hidden(workspace: Workspace, serve: Serve, page: Page) -> None:
    with workspace.write() as connection:
        pair = make_record("Question 1?", "One.").model_copy(update={"alternative": "Two."})
        records.add_many(connection, [pair], project=projects.by_name(connection), at=workspace.clock())
    open_queue(page, serve(workspace.folder))
    left = page.get_by_label("Left response").inner_text()
    page.keyboard.press("1")
    page.keyboard.press("3")
    expect(page.get_by_role("button", name="by far")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Control+Enter")
    submitted(page, 1)
    preference = stored(workspace)[0].answer.preference
    assert (preference.choice, preference.strength) == ("response" if left == "One." else "alternative", 3)
    assert preference.shown_left == preference.choice


def test_a_usual_record_needs_no_scrolling(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    for name in ("Submit and next (1 left)", "Skip", "Undo", "Best"):
        expect(page.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.querySelector('.stMain').scrollHeight <= innerHeight")


def test_a_change_of_the_guideline_is_told_and_keeps_the_text(stocked: Workspace, serve: Serve, page: Page) -> None:
    questions.set_guideline(stocked, "Be long.", project_id=1, actor="Lea")
    open_queue(page, serve(stocked.folder))
    editor(page).fill("Before the change.")
    expect(page.get_by_text(re.compile("^● Saved"))).to_be_visible()
    questions.set_guideline(stocked, "Be brief.", project_id=1, actor="Lea")
    editor(page).fill("After the change.")
    expect(page.get_by_text("The guideline changed while you had this record open.")).to_be_visible()
    page.get_by_role("button", name="What changed").click()
    expect(page.get_by_role("dialog", name="What changed").locator("ins")).to_have_text("brief")
    expect(page.get_by_role("dialog", name="What changed").locator("del")).to_have_text("long")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Show the new one, keep my text").click()
    expect(page.get_by_role("button", name="Guide ● unread")).to_be_visible()
    expect(editor(page)).to_have_value("After the change.")
    page.get_by_role("button", name="Guide ● unread").click()
    expect(page.get_by_role("dialog", name="Guideline")).to_contain_text("Be brief.")


def everything_kept(workspace: Workspace, page: Page) -> str:
    """Every text that is in the database, in the browser's storage or in a box on the screen."""
    with workspace.read() as connection:
        answers = connection.execute(text("select answer from annotation union all select answer from draft")).all()
    return f"{answers}" + page.evaluate(
        "JSON.stringify(localStorage) + [...document.querySelectorAll('textarea, input')].map(e => e.value).join()"
    )


def test_a_change_of_the_guideline_leaves_whoever_types_a_note_in_it(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    first = open_queue(page, serve(stocked.folder))
    page.get_by_role("button", name="Good").click()
    note = page.get_by_role("textbox", name="Note")
    note.press_sequentially("first ")
    expect(page.get_by_text(re.compile("^● Saved"))).to_be_visible()
    questions.set_guideline(stocked, "Be brief.", project_id=1, actor="Lea")
    page.keyboard.type("that is ", delay=60)
    expect(page.get_by_text("The guideline changed")).to_be_visible()
    page.keyboard.type("as always a question", delay=60)  # letters that would accept, skip and flag
    expect(note).to_have_value("first that is as always a question")
    assert shown_question(page) == first
    assert stored(stocked) == []


def test_a_tab_that_becomes_read_only_takes_no_letter_of_a_sentence_for_a_command(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    address = serve(stocked.folder)
    open_queue(page, address)
    page.keyboard.press("4")
    page.keyboard.press("Control+Enter")
    submitted(page, 1)
    page.get_by_role("textbox", name="Note").press_sequentially("A bu")
    page.evaluate("new BroadcastChannel('curator labelling 1 Ada').postMessage({ kind: 'take', id: 1 })")
    page.keyboard.type("zz", delay=30)  # Z would take the answer back
    expect(page.get_by_text("You work in another tab")).to_be_visible()
    assert len(stored(stocked)) == 1
    expect(page.get_by_role("textbox", name="Note")).to_have_value(re.compile("^A bu"))


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


def test_the_letters_of_the_projects_own_options_choose_them(stocked: Workspace, serve: Serve, page: Page) -> None:
    options = (Option(value="warm", label="Warm", key="w"), Option(value="cold", label="Cold", key="l"))
    depth = tuple(Option(value=str(n), label=f"Depth {n}") for n in (1, 2, 3))
    own = (
        Question(id="tone", kind="choice", title="Tone", required=True, options=options),
        Question(id="depth", kind="rating", title="Depth", options=depth),
    )
    asked = QuestionSet(questions=(*QuestionSet().questions, *own))
    questions.change_questions(stocked, asked, project_id=1, actor="Lea")
    open_queue(page, serve(stocked.folder))
    page.keyboard.press("a")  # says what is missing, and rates nothing
    expect(page.get_by_text("“Tone” is still open.")).to_be_visible()
    expect(page.locator("[aria-pressed=true]")).to_have_count(0)
    page.keyboard.press("w")
    expect(page.get_by_role("button", name="Warm")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Depth 1").click()
    page.keyboard.press("3")  # the scale in focus
    expect(page.get_by_role("button", name="Depth 3")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("k")
    page.get_by_label("Key: Skip").fill("l")
    page.get_by_role("button", name="Keep these keys").click()
    expect(page.get_by_text("Key l chooses “Cold” in this project. Choose another letter.")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("a")
    submitted(page, 1)
    assert stored(stocked)[0].answer.values == {"tone": "warm", "depth": 3}


def test_a_changed_key_is_shown_at_once_and_the_sheet_closes_by_its_own_key(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    open_queue(page, serve(stocked.folder))
    page.keyboard.press("k")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("k")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("k")
    expect(page.get_by_label("Key: Accept as is")).to_have_value("a")
    page.get_by_label("Key: Skip").fill("w")
    page.get_by_role("button", name="Keep these keys").click()
    expect(page.get_by_role("button", name="Skip").locator("kbd")).to_have_text("W")


def test_escape_takes_nothing_away(workspace: Workspace, serve: Serve, page: Page) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    with workspace.write() as connection:
        pair = make_record("Question 1?", "One.").model_copy(update={"alternative": "Two."})
        records.add_many(connection, [pair], project=projects.by_name(connection), at=workspace.clock())
    open_queue(page, serve(workspace.folder))
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Left is better")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("2")  # chooses anew instead of saying how much
    expect(page.get_by_role("button", name="Right is better")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Every record is answered")).to_be_visible()
    page.keyboard.press("Escape")
    assert errors == []


def test_a_flag_says_why_and_leaves_the_note_alone(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    record_id = page.evaluate("document.querySelector('.labelling').screen.task.record_id")
    page.get_by_role("textbox", name="Note").fill("A careful note.")
    page.get_by_role("button", name="Flag").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("Is this ours?")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Set aside for a lead")).to_be_visible()
    with stocked.read() as connection:
        assert annotations.draft_of(connection, record_id, "Ada").answer.note == "A careful note."
        [flag] = [each for each in events.about(connection, record_id) if each.kind == "flag"]
    assert flag.detail["note"] == "Is this ours?"


def test_a_draft_on_its_way_does_not_replace_the_text_that_a_skip_leaves(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    open_queue(page, serve(stocked.folder))
    record_id = page.evaluate("document.querySelector('.labelling').screen.task.record_id")
    slowly(page, "draft")
    editor(page).fill("All th")
    expect(page.get_by_text("Saving…")).to_be_visible()
    editor(page).fill("All that was typed.")
    page.get_by_role("button", name="Skip").click()
    expect(page.get_by_text("Skipped")).to_be_visible()
    page.wait_for_timeout(1000)
    assert draft(stocked, record_id) == "All that was typed."


def test_time_spent_survives_a_reload_and_an_undo(stocked: Workspace, serve: Serve, page: Page) -> None:
    page.clock.install()
    open_queue(page, serve(stocked.folder))
    for _ in range(4):
        page.keyboard.press("Shift")
        page.clock.run_for(30_000)
    page.reload()
    shown_question(page)
    for n in (1, 2):
        page.keyboard.press("4")
        page.keyboard.press("Control+Enter")
        submitted(page, 1)
        [answer] = stored(stocked)
        assert answer.active_seconds > 80 + 25 * n
        page.keyboard.press("z")
        expect(page.get_by_text("Taken back")).to_be_visible()
        page.keyboard.press("Shift")
        page.clock.run_for(30_000)


def slowly(page: Page, route: str) -> None:
    """Keep requests to one route back for half a second."""
    page.evaluate(
        """route => { const now = window.fetch; window.fetch = async (url, ...rest) => {
          if (String(url).includes(route)) await new Promise((go) => setTimeout(go, 500))
          return now(url, ...rest) } }""",
        route,
    )


def comments_of(workspace: Workspace) -> list[str]:
    with workspace.read() as connection:
        return list(connection.execute(text("select text from comment order by id")).scalars())


def test_a_comment_is_sent_once_and_counted(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    page.get_by_text("Comments (0)").click()
    slowly(page, "comment")
    page.get_by_label("Comment").fill("Is this right?")
    for _ in range(3):
        page.keyboard.press("Enter")
    expect(page.get_by_text("Comments (1)")).to_be_visible()
    expect(page.get_by_label("Comment")).to_be_focused()
    expect(page.get_by_label("Comment")).to_have_value("")
    page.keyboard.type("And?")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Comments (2)")).to_be_visible()
    assert comments_of(stocked) == ["Is this right?", "And?"]


def test_a_comment_stays_with_its_record(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    page.get_by_role("button", name="Good").click()
    page.get_by_text("Comments (0)").click()
    slowly(page, "comment")
    page.get_by_label("Comment").fill("About the first record")
    with page.expect_response("**/comment"):
        page.keyboard.press("Enter")
        page.keyboard.press("Control+Enter")
        submitted(page, 1)
    expect(page.get_by_text("Comments (0)")).to_be_visible()
    expect(page.locator(".comments")).not_to_contain_text("About the first record")
    assert comments_of(stocked) == ["About the first record"]


def test_a_half_typed_comment_survives_whatever_is_drawn_anew(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    page.get_by_text("Comments (0)").click()
    page.get_by_label("Comment").fill("Half a comment")
    page.evaluate("document.querySelector('.labelling').screen.draw()")
    expect(page.get_by_label("Comment")).to_be_focused()
    expect(page.get_by_label("Comment")).to_have_value("Half a comment")
    page.route("**/comment", lambda route: route.fulfill(status=422, json={"problem": "No.", "hint": "Wait."}))
    page.keyboard.press("Enter")
    expect(page.get_by_text("“Half a comment” is not stored. No. Wait.")).to_be_visible()
    expect(page.get_by_label("Comment")).to_have_value("Half a comment")


def test_a_question_to_the_lead_is_kept_until_it_is_stored_once(stocked: Workspace, serve: Serve, page: Page) -> None:
    open_queue(page, serve(stocked.folder))
    page.get_by_role("button", name="I am unsure…").click()
    field = page.get_by_role("dialog").get_by_role("textbox")
    page.route("**/doubt", lambda route: route.fulfill(status=403, json={"problem": "Not now.", "hint": "Wait."}))
    field.fill("Is one word enough?")
    field.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Not now. Wait.")
    expect(field).to_have_value("Is one word enough?")
    page.unroute("**/doubt")
    slowly(page, "doubt")
    field.press("Enter")
    field.press("Enter")
    expect(page.get_by_text("Your question is with the lead")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    with stocked.read() as connection:
        assert connection.execute(text("select count(*) from doubt")).scalar() == 1


SKEW = "const real = Date.now.bind(Date); Date.now = () => real() + {minutes} * 60000"


@pytest.mark.parametrize("minutes", [-10, 10])
def test_text_that_never_reached_the_server_survives_a_reload_whatever_the_clock_says(
    stocked: Workspace, serve: Serve, page: Page, minutes: int
) -> None:
    page.add_init_script(SKEW.format(minutes=minutes))
    open_queue(page, serve(stocked.folder))
    editor(page).fill("First.")
    expect(page.get_by_text(re.compile("^● Saved"))).to_be_visible()
    page.route("**/labelling/draft", lambda route: route.abort())
    editor(page).fill("First. And more that only this browser has.")
    expect(page.get_by_text(re.compile("Not saved, retrying"))).to_be_visible()
    page.unroute("**/labelling/draft")
    page.add_init_script("navigator.sendBeacon = () => false")
    page.reload()
    shown_question(page)
    expect(editor(page)).to_have_value("First. And more that only this browser has.")
    expect(page.get_by_text("There is another text of yours")).to_have_count(0)


def test_an_older_draft_of_a_machine_whose_clock_is_ahead_gives_way_and_is_offered(
    stocked: Workspace, serve: Serve, page: Page, browser: Browser
) -> None:
    page.add_init_script(SKEW.format(minutes=10))
    address = serve(stocked.folder)
    open_queue(page, address)
    editor(page).fill("Old, on the laptop.")
    expect(page.get_by_text(re.compile("^● Saved"))).to_be_visible()
    other = browser.new_context().new_page()
    open_queue(other, address)
    editor(other).fill("New, an hour of work on the desktop.")
    expect(other.get_by_text(re.compile("^● Saved"))).to_be_visible()
    other.context.close()
    for _ in range(2):  # a second reload has both as well
        page.reload()
        shown_question(page)
        expect(editor(page)).to_have_value("New, an hour of work on the desktop.")
    expect(page.get_by_text("There is another text of yours")).to_contain_text("Old, on the laptop.")
    page.get_by_role("button", name="Use that text").click()
    expect(editor(page)).to_have_value("Old, on the laptop.")
    expect(page.get_by_text("There is another text of yours")).to_contain_text("New, an hour of work")


def test_text_that_two_machines_typed_apart_is_kept_and_offered(
    stocked: Workspace, serve: Serve, page: Page, browser: Browser
) -> None:
    address = serve(stocked.folder)
    open_queue(page, address)
    page.add_init_script("navigator.sendBeacon = () => false")
    page.route("**/labelling/draft", lambda route: route.abort())
    editor(page).fill("Typed on a train.")
    other = browser.new_context().new_page()
    open_queue(other, address)
    editor(other).fill("Typed at the desk.")
    expect(other.get_by_text(re.compile("^● Saved"))).to_be_visible()
    other.context.close()
    page.unroute("**/labelling/draft")
    page.reload()
    shown_question(page)
    expect(editor(page)).to_have_value("Typed on a train.")
    expect(page.get_by_text("There is another text of yours")).to_contain_text("Typed at the desk.")


def test_a_text_for_a_record_that_was_answered_elsewhere_stays_in_the_box_and_in_the_browser(
    stocked: Workspace, serve: Serve, page: Page, browser: Browser
) -> None:
    address = serve(stocked.folder)
    first = open_queue(page, address)
    other = browser.new_context().new_page()
    open_queue(other, address)
    other.keyboard.press("4")
    other.keyboard.press("Control+Enter")
    submitted(other, 1)
    other.context.close()
    editor(page).fill("A long text that was typed here.")
    expect(page.get_by_text("You answered this record in another window.")).to_be_visible()
    expect(page.get_by_text("In this browser only")).to_be_visible()
    refusal = {"problem": "Answered already.", "hint": "Copy your text.", "code": "answered_elsewhere"}
    page.route("**/labelling/act", lambda route: route.fulfill(status=409, json=refusal))
    page.keyboard.press("Escape")
    page.keyboard.press("5")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Answered already. Copy your text.")).to_be_visible()
    expect(page.get_by_role("button", name="Copy text")).to_be_visible()
    expect(editor(page)).to_have_value("A long text that was typed here.")
    page.get_by_role("button", name="Next record").click()
    expect(page.get_by_text(first)).to_have_count(0)
    assert "A long text that was typed here." in everything_kept(stocked, page)


def test_a_record_that_nobody_touched_has_no_draft_after_a_minute(stocked: Workspace, serve: Serve, page: Page) -> None:
    page.clock.install()
    open_queue(page, serve(stocked.folder))
    with page.expect_response("**/labelling/renew"):
        page.keyboard.press("Shift")
        page.clock.run_for(58_000)
        page.keyboard.press("Shift")
        page.clock.run_for(10_000)
    record_id = page.evaluate("document.querySelector('.labelling').screen.task.record_id")
    assert draft(stocked, record_id) is None
    page.reload()
    shown_question(page)
    expect(page.get_by_text("Restored")).to_have_count(0)


def test_what_is_restored_is_called_text_only_if_something_was_typed(
    stocked: Workspace, serve: Serve, page: Page
) -> None:
    open_queue(page, serve(stocked.folder))
    page.keyboard.press("3")
    expect(page.get_by_text(re.compile("^● Saved"))).to_be_visible()
    page.reload()
    shown_question(page)
    expect(page.get_by_text("Restored what you chose")).to_be_visible()


def test_every_submit_says_what_was_seen(stocked: Workspace, serve: Serve, page: Page) -> None:
    seen: list[dict[str, object]] = []
    page.on("request", lambda request: seen.append(request.post_data_json) if request.url.endswith("/act") else None)
    open_queue(page, serve(stocked.folder))
    guideline = page.evaluate("document.querySelector('.labelling').screen.task.guideline_hash")
    page.keyboard.press("a")
    submitted(page, 1)
    page.keyboard.press("x")
    page.wait_for_timeout(700)
    page.keyboard.press("5")
    submitted(page, 2)
    assert [(each["guideline_hash"], each["saw_suggestions"]) for each in seen] == [(guideline, None)] * 2


def test_a_refused_call_says_what_happened_and_the_next_step(stocked: Workspace, serve: Serve, page: Page) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    ended = {"problem": "Your session has ended.", "hint": "Sign in again."}
    page.route("**/labelling/task", lambda route: route.fulfill(status=401, json=ended))
    page.goto(f"{serve(stocked.folder)}/annotate?person=Ada")
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


def test_an_empty_workspace_offers_the_import(workspace: Workspace, serve: Serve, page: Page) -> None:
    page.goto(f"{serve(workspace.folder)}/annotate?person=Ada")
    expect(page.get_by_text("There is no record yet.")).to_be_visible()
    page.get_by_role("button", name="Import a file").click()
    expect(page.get_by_role("heading", name="Import")).to_be_visible()


def test_the_last_record_leads_to_a_page_that_says_so_and_undo_leads_back(
    workspace: Workspace, serve: Serve, page: Page
) -> None:
    with workspace.write() as connection:
        records.add_many(
            connection, [make_record("Question 1?")], project=projects.by_name(connection), at=workspace.clock()
        )
    open_queue(page, serve(workspace.folder))
    page.keyboard.press("a")
    expect(page.get_by_text("Every record is answered: 1 accepted.")).to_be_visible()
    [answer] = stored(workspace)
    assert answer.answer.rating == 4
    page.keyboard.press("z")
    assert shown_question(page) == "Question 1?"


def test_text_that_runs_from_right_to_left_does(workspace: Workspace, serve: Serve, page: Page) -> None:
    with workspace.write() as connection:
        arabic = make_record("ما هو اللون الأحمر؟", "لون.")
        records.add_many(connection, [arabic], project=projects.by_name(connection), at=workspace.clock())
    page.goto(f"{serve(workspace.folder)}/annotate?person=Ada")
    expect(editor(page)).to_have_value("لون.")
    direction = "element => getComputedStyle(element).direction"
    assert page.get_by_text("ما هو اللون الأحمر؟").evaluate(direction) == "rtl"
    assert editor(page).evaluate(direction) == "rtl"


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
    editor(page).fill("Changed ```")
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


def test_no_page_asks_another_server_for_anything(stocked: Workspace, serve: Serve, page: Page) -> None:
    address = serve(stocked.folder)
    outside: list[str] = []
    page.on("request", lambda request: None if address in request.url else outside.append(request.url))
    for name in ("", "import_data", "annotate", "versions", "train", "outputs", "review", "decide"):
        page.goto(f"{address}/{name}?person=Ada")
        expect(page.get_by_role("link", name="Decide")).to_be_visible()
        page.wait_for_load_state("networkidle")
    assert [url for url in outside if not url.startswith(("data:", "blob:", address.replace("http", "ws")))] == []
