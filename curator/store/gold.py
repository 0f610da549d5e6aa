"""Gold records: records with a known right answer, by which annotators are calibrated."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, exists, insert, select

from curator.store.annotations import annotation_of
from curator.store.tables import annotation, gold, skip
from schemas.annotation import Annotation, Answer


class GoldAnswer(NamedTuple):
    """What an annotator said about a gold record, beside what is right."""

    annotator: str
    record_id: str
    given: Annotation
    expected: Answer
    marked_at: datetime
    """When the right answer was given, in the words of the questions of then."""


def mark(
    connection: Connection, record_id: str, expected: Answer, *, project_id: int, actor: str, at: datetime
) -> None:
    """Keep the right answer to a record; an earlier one is replaced."""
    connection.execute(delete(gold).where(gold.c.record_id == record_id))
    values = {
        "record_id": record_id, "project_id": project_id, "expected": expected.model_dump(mode="json"),
        "actor": actor, "at": at,
    }  # fmt: skip
    connection.execute(insert(gold).values(values))


def unmark(connection: Connection, record_id: str) -> bool:
    """Forget the right answer to a record; False when there was none."""
    return connection.execute(delete(gold).where(gold.c.record_id == record_id)).rowcount == 1


def next_for(connection: Connection, annotator: str, *, project_id: int) -> str | None:
    """A gold record that an annotator has neither answered nor skipped."""
    skipped = exists().where((skip.c.record_id == gold.c.record_id) & (skip.c.annotator == annotator))
    answered = exists().where(
        (annotation.c.record_id == gold.c.record_id)
        & (annotation.c.annotator == annotator)
        & annotation.c.undone.is_(False)
    )
    query = (
        select(gold.c.record_id)
        .where(gold.c.project_id == project_id, ~answered, ~skipped)
        .order_by(gold.c.at)
        .limit(1)
    )
    return connection.execute(query).scalar()


def answers(connection: Connection, project_id: int) -> list[GoldAnswer]:
    """Every answer that stands on a gold record."""
    query = (
        select(annotation, gold.c.expected, gold.c.at)
        .join(gold, gold.c.record_id == annotation.c.record_id)
        .where(gold.c.project_id == project_id, annotation.c.undone.is_(False))
        .order_by(annotation.c.id)
    )
    return [
        GoldAnswer(
            row["annotator"],
            row["record_id"],
            annotation_of(row),
            Answer.model_validate(row["expected"]),
            row["at"],
        )
        for row in connection.execute(query).mappings()
    ]
