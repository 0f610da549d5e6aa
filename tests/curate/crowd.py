"""A workspace in which people were at work: records in every state, held, skipped, assigned and answered."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, select

from curator import Workspace
from curator.annotate import adjudicate, answers, ask_again, assignment, comments, queue
from curator.store import projects, records
from curator.store.tables import annotation, draft, record, skip, slot, tally
from schemas.act import (
    Accept,
    Act,
    Assign,
    Flag,
    Mask,
    Reject,
    Replace,
    ReReview,
    SendBack,
    SetGroup,
    SetLicence,
    Tag,
)
from schemas.annotation import Answer, Task
from tests.conftest import make_record

EVERY: tuple[Act, ...] = (
    Accept(), Reject(), Flag(), Tag(labels={"tag": "odd", "gone": None}), SetGroup(group="one"),
    SetLicence(licence="MIT"), Assign(person="Ada"), SendBack(reason="Again."), ReReview(reviews=2),
    Replace(pattern=r"(\w+) of", by=r"<\1> of"), Mask(),
)  # fmt: skip


def fill(workspace: Workspace, count: int = 4) -> list[str]:
    """Records that came in and were worked on in every way, `count` of each kind. Returns all ids.

    Each text holds an e-mail address.
    """
    with workspace.write() as connection:
        project = projects.by_name(connection)
        many = [make_record(f"Question {n}?", f"Answer {n} of ada@lovelace.org.") for n in range(14 * count)]
        waiting = records.add_many(connection, many[: 12 * count], project=project, at=workspace.clock())
        accepted = records.add_many(connection, many[12 * count :], project=project, at=workspace.clock(), accept=True)
    ids = [each for each in [*waiting, *accepted] if each is not None]
    groups = [ids[start : start + count] for start in range(0, len(ids), count)]
    _plain, edited, rejected, flagged, conflict, held, half, gold, mine, skipped, back, again, *_ = groups
    assignment.require_reviews(workspace, 2, project_id=1, actor="Lea", record_ids=conflict + half)
    for each in edited:
        _answer(workspace, each, "Ada", response="Another text of ada@lovelace.org.", rating=4)
    for each in rejected:
        _answer(workspace, each, "Ada", reject="wrong")
    for each in flagged:
        task = _task(workspace, each, "Ada")
        answers.flag(workspace, task.claim, Answer(response="Draft."), annotator="Ada", reason="Odd.")
    for each in conflict:
        _answer(workspace, each, "Ada", rating=5)
        _answer(workspace, each, "Ben", rating=1)
    for n, each in enumerate(held):
        _task(workspace, each, f"Holder {n}")
    for each in half:
        _answer(workspace, each, "Ada", rating=4)
    for each in gold:
        assignment.mark_gold(workspace, each, Answer(response="x", rating=5), actor="Lea")
    assignment.assign(workspace, mine, project_id=1, actor="Lea", person="Eva")
    for each in skipped:
        task = _task(workspace, each, "Eva")
        answers.skip(workspace, task.claim, Answer(response="Half a text."), annotator="Eva")
        comments.add(workspace, each, "Hm.", author="Eva")
    for each in back:
        _answer(workspace, each, "Ada", rating=4)
        ask_again.send_back(workspace, each, reason="Once more.", actor="Lea")
    for each in again:
        task = _task(workspace, each, "Ada")
        answers.flag(workspace, task.claim, Answer(response="Draft."), annotator="Ada")
        own = Answer(response="The lead's own.", rating=5)
        adjudicate.decide(workspace, each, own, actor="Lea")
    return ids


def _task(workspace: Workspace, record_id: str, person: str) -> Task:
    task = queue.claim_record(workspace, person, record_id)
    assert task is not None
    return task


def _answer(workspace: Workspace, record_id: str, person: str, *, response: str | None = None, **said: Any) -> None:
    task = _task(workspace, record_id, person)
    answer = Answer(response=task.record.response if response is None else response, **said)
    answers.submit(workspace, task.claim, answer, annotator=person, active_seconds=7)


_WATCHED: tuple[Table, ...] = (record, slot, annotation, draft, skip, tally)


def state(workspace: Workspace) -> dict[str, list[tuple[Any, ...]]]:
    """All that acts on many records may change: records, slots, answers, drafts, skips and totals but for zeros.

    When a draft was saved, and when a lease ends, is left out.
    """
    everything = {}
    with workspace.read() as connection:
        for table in _WATCHED:
            columns = [each for each in table.c if each.name not in ("saved_at", "expires_at", "seen_at")]
            rows = connection.execute(select(*columns)).all()
            shown = [tuple(map(str, row)) for row in rows if table is not tally or row.n]
            everything[table.name] = sorted(shown)
    return everything
