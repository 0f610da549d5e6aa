"""Asides: what somebody skipped, flagged and asked is listed to them, with what came of it."""

from __future__ import annotations

from curator import Workspace
from curator.annotate import adjudicate, answers, queue, settings, skipped_and_flagged, undo
from schemas.annotation import Answer


def said(workspace: Workspace, person: str = "Ada") -> list[tuple[str, str, str | None]]:
    return [(each.kind, each.said, each.ruling) for each in skipped_and_flagged(workspace, person, project_id=1)]


def test_skips_flags_and_questions_are_listed_newest_first(stocked: Workspace) -> None:
    task = queue.next_task(stocked, "Ada", project_id=1)
    answers.skip(stocked, task.claim, Answer(response="A."), annotator="Ada")
    task = queue.next_task(stocked, "Ada", project_id=1)
    answers.flag(stocked, task.claim, Answer(response="A.", note="Two languages."), annotator="Ada")
    task = queue.next_task(stocked, "Ada", project_id=1)
    number = adjudicate.ask(stocked, task.claim.record_id, "Is red a colour?", author="Ada")
    assert said(stocked) == [
        ("asked", "Is red a colour?", None),
        ("flagged", "Two languages.", None),
        ("skipped", "", None),
    ]
    adjudicate.rule(stocked, number, "It is.", actor="Lea")
    [asked, *_] = skipped_and_flagged(stocked, "Ada", project_id=1)
    assert (asked.ruling, asked.ruled_by, asked.record) == ("It is.", "Lea", task.record)
    assert said(stocked, "Ben") == []


def test_what_was_taken_back_and_what_belongs_to_another_project_is_left_out(stocked: Workspace) -> None:
    other = settings.create(stocked, "other", actor="Lea")
    for act in (answers.skip, answers.flag):
        task = queue.next_task(stocked, "Ada", project_id=1)
        act(stocked, task.claim, Answer(response="A."), annotator="Ada")
    undo.undo_last(stocked, "Ada", project_id=1)
    assert said(stocked) == [("skipped", "", None)]
    assert skipped_and_flagged(stocked, "Ada", project_id=other.id) == []
