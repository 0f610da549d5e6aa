"""A claimed record with everything that the labelling screen shows beside it."""

from __future__ import annotations

import hashlib
import re

from curator.errors import AccessError
from curator.store import Connection, claims, comments, doubts, events, projects, records, suggestions, wordings
from curator.store import annotations as annotation_store
from schemas.annotation import Claim, Ruling, Task
from schemas.project import Project
from schemas.record import Record

_ALIKE = 0.3
"""Share of common words from which two instructions are taken as similar enough for a ruling to help."""
_MOST_RULINGS = 3
_WORD = re.compile(r"\w+")


def has_had(connection: Connection, record_id: str, annotator: str) -> bool:
    """Whether an annotator has or once had a claim on a record, so that what they type there is theirs to keep."""
    return claims.has_on(connection, record_id, annotator) or events.has_had(connection, record_id, annotator)


def require_had(connection: Connection, record_id: str, annotator: str) -> None:
    """Do nothing if an annotator has or once had a claim on a record.

    Raises:
        AccessError: They never had it.
    """
    if not has_had(connection, record_id, annotator):
        raise AccessError(
            "This record was never given to you.", hint="Remarks are for records of your own queue; ask a lead."
        )


def task_of(connection: Connection, claim: Claim, annotator: str) -> Task:
    """Everything that the screen needs for a claim."""
    stored = records.get(connection, claim.record_id)
    project = projects.by_id(connection, stored.project_id)
    draft = annotation_store.draft_of(connection, claim.record_id, annotator)
    proposed = suggestions.about(connection, stored.id)
    hidden = bool(proposed) and suggestions_hidden(stored.id, annotator, project)
    return Task(
        claim=claim,
        record=stored.content,
        draft=None if draft is None else draft.answer,
        draft_saved_at=None if draft is None else draft.saved_at,
        questions=project.questions,
        questions_hash=wordings.questions_hash(project.questions),
        guideline=project.guideline,
        guideline_hash=wordings.guideline_hash(project.guideline),
        suggestions=() if hidden else proposed,
        suggestions_hidden=hidden,
        sent_back=events.reason_of_sending_back(connection, stored.id),
        rulings=_rulings_on_similar(connection, stored.content, project_id=project.id),
        comments=comments.about(connection, stored.id),
    )


def suggestions_hidden(record_id: str, annotator: str, project: Project) -> bool:
    """Whether suggestions on a record are kept from an annotator.

    Drawn from record and annotator alone, so that a reload never changes it.
    """
    drawn = hashlib.sha256(f"{record_id}\n{annotator}".encode()).digest()
    return int.from_bytes(drawn[:4]) / 2**32 < project.hidden_suggestions


def _rulings_on_similar(connection: Connection, record: Record, *, project_id: int) -> tuple[Ruling, ...]:
    ruled = doubts.rulings(connection, project_id)
    if not ruled:
        return ()
    words = _words(record.instruction)
    alike = [(_overlap(words, _words(each.instruction)), each.doubt) for each in ruled]
    best = sorted((pair for pair in alike if pair[0] >= _ALIKE), key=lambda pair: (-pair[0], -pair[1].id))
    return tuple(
        Ruling(question=each.question, ruling=each.ruling or "", by=each.ruled_by or "", at=each.ruled_at or each.at)
        for _share, each in best[:_MOST_RULINGS]
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))


def _overlap(first: frozenset[str], second: frozenset[str]) -> float:
    """Jaccard similarity: common words over all words."""
    return len(first & second) / max(1, len(first | second))
