"""Lookup: find records by their words or their state, and show all that people said about one."""

from __future__ import annotations

import re
from typing import NamedTuple

from curator.store import annotations as annotation_store
from curator.store import comments, doubts, events, records, selection, slots
from curator.store.doubts import AnnotatorDoubt
from curator.store.events import Event
from curator.store.records import StoredRecord
from curator.workspace import Workspace
from schemas.annotation import Annotation, Comment, RecordState
from schemas.query import Choice, ChoiceField, RecordQuery

_TERM = re.compile(r'"([^"]+)"|(\S+)')


def terms(text: str) -> tuple[str, ...]:
    """What to look for: words, and phrases in double quotes.

    Example:
        >>> terms('colour "of the sky" 100%')
        ('colour', 'of the sky', '100%')
    """
    return tuple(phrase or word for phrase, word in _TERM.findall(text))


def find(
    workspace: Workspace, text: str, *, project_id: int, state: RecordState | None = None, limit: int = 50
) -> list[StoredRecord]:
    """The record whose id is this text, and those whose texts hold every word and quoted phrase of it in any case.

    The others come in the order in which they came in, `limit` at most.
    """
    with workspace.read() as connection:
        known = records.find(connection, text.strip())
        named = [known] if known is not None and known.project_id == project_id else []
        if known is not None and not text.strip().isdigit():  # an id of an earlier release is not a word
            return named
        stands = () if state is None else (Choice(field=ChoiceField.STATE, values=(state.value,)),)
        query = RecordQuery(conditions=stands, words=terms(text))
        ids = selection.page(connection, query, project_id, limit=limit).ids
        holding = records.some(connection, ids)
        return (named + [holding[each] for each in ids if holding[each] not in named])[:limit]


def named(workspace: Workspace, text: str, *, project_id: int) -> str | None:
    """The record of a project whose id, of today or of an earlier release, is this text."""
    with workspace.read() as connection:
        known = records.find(connection, text.strip())
    return known.id if known is not None and known.project_id == project_id else None


def page(
    workspace: Workspace, *, project_id: int, state: RecordState | None = None, after: str = "", limit: int = 50
) -> list[StoredRecord]:
    """The next records behind the id `after`, ordered by id; as fast on the last page as on the first."""
    with workspace.read() as connection:
        return records.page(connection, project_id, after=after, limit=limit, state=state)


class Story(NamedTuple):
    """A record and all that people said about it, each oldest first."""

    stored: StoredRecord
    answers: list[Annotation]
    """Those that were taken back, too."""
    comments: tuple[Comment, ...]
    doubts: list[AnnotatorDoubt]
    events: list[Event]
    missing: int
    """Reviews that it still needs."""


def story(workspace: Workspace, record_id: str) -> Story:
    """Everything about one record.

    Raises:
        NotFoundError: There is no such record.
    """
    with workspace.read() as connection:
        stored = records.get(connection, record_id)
        return Story(
            stored,
            annotation_store.about(connection, record_id),
            comments.about(connection, record_id),
            doubts.about(connection, record_id),
            events.about(connection, record_id),
            slots.unanswered(connection, record_id),
        )
