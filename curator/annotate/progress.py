"""Progress: what a person has done, where the records of a project stand, and how a team works."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import numpy as np

from curator.access import require
from curator.annotate.renamed_options import AnswerReader
from curator.store import annotations as annotation_store
from curator.store import gold, projects, tallies
from curator.store.gold import GoldAnswer
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import RecordState
from schemas.questions import QuestionSet
from schemas.tally import (
    HIDDEN,
    SHOWN,
    WITHOUT,
    Counted,
    Suggested,
    Tally,
    answers_of,
    answers_on,
    records_in,
    seconds_of,
)


class ProjectProgress(NamedTuple):
    """Totals of one project, and of one person in it."""

    mine_today: int
    """Answers that stand, since midnight UTC."""
    mine: int
    by_state: dict[RecordState, int]
    hours_left: tuple[float, float] | None
    """Work that is left for one person at this one's pace: waiting records, without those of their newest 200 answers,
    times the lower and upper quartile of their active time over the last thirty. None with fewer than five answers."""

    @property
    def records(self) -> int:
        """All records but gold ones."""
        return sum(n for state, n in self.by_state.items() if state is not RecordState.GOLD)

    @property
    def settled(self) -> int:
        """Records that need no more answers."""
        return self.by_state[RecordState.ACCEPTED] + self.by_state[RecordState.REJECTED]


_PACE_NEEDS = 5


def progress(workspace: Workspace, annotator: str, *, project_id: int) -> ProjectProgress:
    """Totals as the transactions that changed them left them; nothing is counted over records."""
    require(workspace, annotator, Right.ANNOTATE)
    today, ever = answers_on(workspace.clock(), annotator), answers_of(annotator)
    states = {records_in(state): state for state in RecordState}
    with workspace.read() as connection:
        totals = tallies.some(connection, project_id, [today, ever, *states])
        seconds = annotation_store.recent_seconds(connection, annotator, project_id=project_id)
        answered = annotation_store.waiting_for_others(connection, annotator, project_id=project_id)
    by_state = {state: totals[name] for name, state in states.items()}
    left = None
    if len(seconds) >= _PACE_NEEDS:
        low, high = np.quantile(seconds, [0.25, 0.75]) * max(0, by_state[RecordState.WAITING] - answered) / 3600
        left = (float(low), float(high))
    return ProjectProgress(totals[today], totals[ever], by_state, left)


class Member(NamedTuple):
    """One annotator's work in one project, taken from the totals that every submit keeps."""

    name: str
    answers: int
    """Answers that stand."""
    today: int
    hours: float
    """Active time, pauses of more than a minute left out; 0 where it is not known."""
    edited_shown: float | None
    """Share of answers with an edited response where suggestions were shown; None where there are none."""
    edited_hidden: float | None
    edited_none: float | None
    """Where there was no suggestion to show."""
    gold_right: int
    gold_given: int


class Day(NamedTuple):
    """Answers of one person on one day."""

    day: str
    """As in 2026-03-01, UTC."""
    name: str
    answers: int


class Team(NamedTuple):
    """How a team works."""

    members: list[Member]
    days: list[Day]
    """The last thirty days on which there were answers."""


def team(workspace: Workspace, *, project_id: int, days: int = 30) -> Team:
    """Every annotator of a project, the busiest first, and what was done per day."""
    with workspace.read() as connection:
        totals = tallies.totals(connection, project_id)
        judged = gold.answers(connection, project_id)
        questions = projects.by_id(connection, project_id).questions
        reader = AnswerReader(connection, project_id)
    now = workspace.clock()
    members = []
    for tally, answers in totals.items():
        if tally.counted is not Counted.ANSWERS:
            continue
        name = tally.of
        mine = [each for each in judged if each.annotator == name]
        members.append(
            Member(
                name=name,
                answers=answers,
                today=totals.get(answers_on(now, name), 0),
                hours=totals.get(seconds_of(name), 0) / 3600,
                edited_shown=_share_edited(totals, name, SHOWN),
                edited_hidden=_share_edited(totals, name, HIDDEN),
                edited_none=_share_edited(totals, name, WITHOUT),
                gold_right=sum(is_right(each, reader, questions) for each in mine),
                gold_given=len(mine),
            )
        )
    since = (now - timedelta(days=days)).date()
    history = [
        Day(tally.day.isoformat(), tally.of, answers)
        for tally, answers in totals.items()
        if tally.day is not None and tally.day >= since and answers
    ]
    return Team(sorted(members, key=lambda each: (-each.answers, each.name)), sorted(history))


def _share_edited(totals: dict[Tally, int], name: str, how: Suggested) -> float | None:
    answers = totals.get(Tally(how.answers, name), 0)
    return totals.get(Tally(how.edited, name), 0) / answers if answers else None


def is_right(gold_answer: GoldAnswer, reader: AnswerReader, questions: QuestionSet) -> bool:
    """Whether an answer to a gold record rejects it or not, ticks the same checks, is within one of its rating and
    holds the same answers to the project's own questions, both in the words of today.

    Texts are not compared: there are many right ways to write one.
    """
    answer = reader.present(gold_answer.given)
    expected = reader.present_answer(gold_answer.expected, None, gold_answer.marked_at)
    if (answer.reject is None) != (expected.reject is None):
        return False
    if answer.reject is not None:
        return True
    if answer.checks != expected.checks:
        return False
    if any(answer.value(each.id) != expected.value(each.id) for each in questions.own if each.kind != "text"):
        return False
    if expected.preference is not None and (
        answer.preference is None or answer.preference.choice != expected.preference.choice
    ):
        return False
    if expected.rating is None or answer.rating is None:
        return True
    return abs(answer.rating - expected.rating) <= 1
