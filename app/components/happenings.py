"""What happened last, in words: who did what, how often in a row, with a link to where it can be seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from app.components import links, notice
from curator.store.events import Event
from schemas.event import Kind

_WORDS: dict[Kind, tuple[str, str, str]] = {
    Kind.SUBMIT: ("answered", "record", "records"),
    Kind.SKIP: ("skipped", "record", "records"),
    Kind.FLAG: ("flagged", "record", "records"),
    Kind.UNDO: ("took back", "answer", "records"),
    Kind.COMMENT: ("wrote", "comment", "records"),
    Kind.DOUBT: ("asked about", "record", "adjudicate"),
    Kind.GIVEN: ("imported", "answer", "records"),
    Kind.ADJUDICATE: ("decided", "record", "records"),
    Kind.SEND_BACK: ("sent back", "record", "records"),
    Kind.UNFLAG: ("put back", "flagged record", "records"),
    Kind.RULING: ("ruled on", "question", "records"),
    Kind.GOLD: ("made gold", "record", "records"),
    Kind.FEEDBACK: ("sent back for correction", "output", "records"),
    Kind.PROJECT: ("made", "project", "project"),
    Kind.SETTINGS: ("changed the settings", "", "project"),
    Kind.GUIDELINE: ("changed the guideline", "", "project"),
    Kind.QUESTIONS: ("changed the questions", "", "project"),
    Kind.IMPORT: ("imported", "file", "import_data"),
    Kind.ROW_FIXED: ("mended", "row", "quarantine"),
    Kind.FREEZE: ("froze", "version", "versions"),
    Kind.EXPORT: ("exported", "version", "versions"),
    Kind.RUN_QUEUED: ("asked for", "run", "train"),
    Kind.RUN_RESUMED: ("resumed", "run", "train"),
    Kind.RUN_ENDED: ("trained", "model", "train"),
    Kind.RUN_LOST: ("found", "run without its process", "train"),
    Kind.RUN_NAMED: ("named", "run", "runs"),
    Kind.BASE_ADDED: ("added", "base model", "train"),
    Kind.RUN_ASSESSED: ("assessed", "run", "runs"),
    Kind.RUN_PROMOTED: ("promoted", "run", "runs"),
    Kind.MODEL_EXPORTED: ("exported", "model", "runs"),
    Kind.GENERATE: ("generated outputs of", "run", "outputs"),
    Kind.SUITE: ("added", "suite", "outputs"),
    Kind.SCREEN: ("screened", "run", "outputs"),
    Kind.VERDICT: ("judged", "output", "review"),
    Kind.VERDICT_SETTLED: ("settled", "disagreement", "review"),
    Kind.VOTE: ("voted on", "pair", "vote"),
    Kind.DECISION: ("decided about", "run", "decide"),
}
"""What was done, to what, and the page that shows it. Acts that are in no one's interest here are left out."""

_SUBJECTS = {"records": "record", "versions": "version", "train": "run", "runs": "run", "decide": "run"}
"""What the address of a page calls the thing that it shows."""


_NAMED = ("run", "version", "model")
"""Things that have a name: what was done to one of them three times was done to one thing."""


def show(events: Sequence[Event], *, now: datetime, names: Mapping[str, str], most: int = 8) -> None:
    """Draw the newest happenings, one line each; `events` are newest first, `names` those of runs and versions."""
    for _, some in zip(range(most), _in_a_row(events), strict=False):
        newest = some[0]
        act, noun, page = _WORDS[newest.kind]
        subjects = {event.subject for event in some}
        is_one = len(subjects) == 1 and page in _SUBJECTS
        count = len(subjects) if noun in _NAMED else len(some)
        what = f" {notice.counted(count, noun)}" if noun else ""
        if is_one and newest.subject in names:
            what = f" {notice.plain(names[newest.subject])}"
        links.to(
            page,
            f"{notice.plain(newest.actor)} {act}{what}, {_ago(now, newest.at)}",
            address={_SUBJECTS[page]: newest.subject} if is_one else None,
        )


def _in_a_row(events: Sequence[Event]) -> Iterator[list[Event]]:
    told = (event for event in events if event.kind in _WORDS)
    for _, some in groupby(told, key=lambda event: (event.actor, event.kind)):
        yield list(some)


def _ago(now: datetime, at: datetime) -> str:
    minutes = int((now - at).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{notice.counted(minutes, 'minute')} ago"
    if minutes < 24 * 60:
        return f"{notice.counted(minutes // 60, 'hour')} ago"
    return f"{notice.counted(minutes // (24 * 60), 'day')} ago"
