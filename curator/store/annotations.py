"""Answers of people on records, and the drafts that come before them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, func, insert, select

from curator.errors import NotFoundError
from curator.store.engine import insert_or_replace
from curator.store.tables import annotation, draft, record, slot
from schemas.annotation import Annotation, Answer


class AnswerContext(NamedTuple):
    """What an annotator saw and how long they took."""

    questions_hash: str | None = None
    guideline_hash: str | None = None
    active_seconds: float | None = None
    saw_suggestions: bool | None = None
    edited: bool | None = None


def add(
    connection: Connection,
    answer: Answer,
    *,
    record_id: str,
    slot_id: int,
    annotator: str,
    claim_token: str,
    at: datetime,
    context: AnswerContext | None = None,
) -> Annotation:
    """Store an answer. Returns it."""
    context = context or AnswerContext()
    values = {
        "record_id": record_id,
        "slot_id": slot_id,
        "annotator": annotator,
        "claim_token": claim_token,
        "answer": answer.model_dump(mode="json"),
        "submitted_at": at,
        **context._asdict(),
    }
    row = connection.execute(insert(annotation).values(values).returning(annotation)).mappings().one()
    return annotation_of(row)


def of_token(connection: Connection, claim_token: str) -> Annotation | None:
    """The answer that was given with a claim."""
    query = select(annotation).where(annotation.c.claim_token == claim_token)
    row = connection.execute(query).mappings().first()
    return None if row is None else annotation_of(row)


def get(connection: Connection, annotation_id: int) -> tuple[Annotation, int]:
    """An answer and its slot.

    Raises:
        NotFoundError: There is none with this id.
    """
    row = connection.execute(select(annotation).where(annotation.c.id == annotation_id)).mappings().first()
    if row is None:
        raise NotFoundError(
            f"There is no annotation {annotation_id}.", hint="My history lists the answers that there are."
        )
    return annotation_of(row), row["slot_id"]


def about(connection: Connection, record_id: str) -> list[Annotation]:
    """Every answer on a record, undone ones too, oldest first."""
    query = select(annotation).where(annotation.c.record_id == record_id).order_by(annotation.c.id)
    return [annotation_of(row) for row in connection.execute(query).mappings()]


def standing(connection: Connection, record_id: str) -> list[Annotation]:
    """Answers on a record that were not undone, oldest first."""
    query = select(annotation).where(annotation.c.record_id == record_id, annotation.c.undone.is_(False))
    return [annotation_of(row) for row in connection.execute(query.order_by(annotation.c.id)).mappings()]


def newest_of(
    connection: Connection,
    annotator: str,
    *,
    project_id: int,
    limit: int,
    before: int | None = None,
    after: int | None = None,
) -> list[Annotation]:
    """An annotator's answers that stand, newest first: those before an id, or the nearest ones after an id."""
    query = select(annotation).join(slot, slot.c.id == annotation.c.slot_id).limit(limit)
    query = query.where(annotation.c.annotator == annotator, annotation.c.undone.is_(False))
    query = query.where(slot.c.project_id == project_id)
    if before is not None:
        query = query.where(annotation.c.id < before)
    if after is not None:
        query = query.where(annotation.c.id > after)
    rows = connection.execute(query.order_by(annotation.c.id if after is not None else annotation.c.id.desc()))
    nearest = [annotation_of(row) for row in rows.mappings()]
    return nearest[::-1] if after is not None else nearest


def records_of(connection: Connection, annotator: str) -> set[str]:
    """Ids of the records on which an answer of an annotator stands."""
    query = select(annotation.c.record_id).where(annotation.c.annotator == annotator, annotation.c.undone.is_(False))
    return set(connection.execute(query).scalars())


def people_of(connection: Connection, record_ids: Sequence[str]) -> dict[str, list[str]]:
    """Who answered each of some records, for those with an answer that stands."""
    people: dict[str, list[str]] = {}
    for start in range(0, len(record_ids), 500):  # databases bound the number of values in one statement
        some = list(record_ids[start : start + 500])
        query = select(annotation.c.record_id, annotation.c.annotator).where(
            annotation.c.record_id.in_(some), annotation.c.undone.is_(False)
        )
        for record_id, annotator in connection.execute(query.order_by(annotation.c.id)):
            people.setdefault(record_id, []).append(annotator)
    return people


def recent_seconds(connection: Connection, annotator: str, *, project_id: int, limit: int = 30) -> list[float]:
    """Active seconds of an annotator's newest answers that stand and for which they are known."""
    query = select(annotation.c.active_seconds).join(slot, slot.c.id == annotation.c.slot_id)
    query = query.where(
        annotation.c.annotator == annotator,
        annotation.c.active_seconds.is_not(None),
        annotation.c.undone.is_(False),
        slot.c.project_id == project_id,
    )
    return list(connection.execute(query.order_by(annotation.c.id.desc()).limit(limit)).scalars())


def waiting_for_others(connection: Connection, annotator: str, *, project_id: int, newest: int = 200) -> int:
    """How many of the newest records that an annotator answered still wait for others."""
    mine = select(annotation.c.record_id).where(annotation.c.annotator == annotator, annotation.c.undone.is_(False))
    recent = mine.order_by(annotation.c.id.desc()).limit(newest).subquery()
    query = select(func.count()).select_from(recent.join(record, record.c.id == recent.c.record_id))
    waits = (record.c.project_id == project_id) & (record.c.state == "waiting")
    return connection.execute(query.where(waits)).scalar_one()


def overlapping(connection: Connection, project_id: int) -> Iterator[Annotation]:
    """Answers that stand on records with more than one of them, those of a record side by side, streamed."""
    stands = annotation.c.undone.is_(False)
    several = (
        select(annotation.c.record_id)
        .join(slot, slot.c.id == annotation.c.slot_id)
        .where(stands, slot.c.project_id == project_id)
        .group_by(annotation.c.record_id)
        .having(func.count() > 1)
    )
    query = select(annotation).where(stands, annotation.c.record_id.in_(several))
    rows = connection.execute(query.order_by(annotation.c.record_id, annotation.c.id).execution_options(yield_per=2000))
    for row in rows.mappings():
        yield annotation_of(row)


def all_standing(connection: Connection, project_id: int) -> Iterator[Annotation]:
    """Every answer of a project that stands, oldest first, streamed."""
    query = select(annotation).join(slot, slot.c.id == annotation.c.slot_id)
    query = query.where(slot.c.project_id == project_id, annotation.c.undone.is_(False))
    for row in connection.execute(query.order_by(annotation.c.id).execution_options(yield_per=2000)).mappings():
        yield annotation_of(row)


def mark_undone(connection: Connection, annotation_id: int) -> bool:
    """Take an answer back; False when it was taken back already. It is kept."""
    change = annotation.update().where(annotation.c.id == annotation_id, annotation.c.undone.is_(False))
    return connection.execute(change.values(undone=True)).rowcount == 1


def mark_standing(connection: Connection, annotation_id: int) -> bool:
    """Let an answer that was taken back stand again; False when it does already."""
    change = annotation.update().where(annotation.c.id == annotation_id, annotation.c.undone.is_(True))
    return connection.execute(change.values(undone=False)).rowcount == 1


def is_undone(connection: Connection, annotation_id: int) -> bool:
    """Whether an answer was taken back."""
    return bool(connection.execute(select(annotation.c.undone).where(annotation.c.id == annotation_id)).scalar())


def save_draft(connection: Connection, record_id: str, annotator: str, answer: Answer, *, at: datetime) -> None:
    """Keep what an annotator has typed for a record."""
    values = {"record_id": record_id, "annotator": annotator, "answer": answer.model_dump(mode="json"), "saved_at": at}
    connection.execute(insert_or_replace(draft, connection.dialect, values))


class Draft(NamedTuple):
    """What an annotator had typed, and when."""

    answer: Answer
    saved_at: datetime


def draft_of(connection: Connection, record_id: str, annotator: str) -> Draft | None:
    """What an annotator had typed for a record."""
    query = select(draft.c.answer, draft.c.saved_at).where(
        draft.c.record_id == record_id, draft.c.annotator == annotator
    )
    row = connection.execute(query).first()
    return None if row is None else Draft(Answer.model_validate(row.answer), row.saved_at)


def drop_draft(connection: Connection, record_id: str, annotator: str) -> None:
    """Forget what an annotator had typed for a record."""
    connection.execute(draft.delete().where(draft.c.record_id == record_id, draft.c.annotator == annotator))


def annotation_of(row: RowMapping) -> Annotation:
    """A row of the table as an answer."""
    return Annotation(
        id=row["id"],
        record_id=row["record_id"],
        annotator=row["annotator"],
        answer=Answer.model_validate(row["answer"]),
        submitted_at=row["submitted_at"],
        undone=row["undone"],
        questions_hash=row["questions_hash"],
        guideline_hash=row["guideline_hash"],
        active_seconds=row["active_seconds"],
        saw_suggestions=row["saw_suggestions"],
        edited=bool(row["edited"]),
    )
