"""What is known about the quality of a project's records: ratings that stand, rules that hit, lengths of responses."""

from __future__ import annotations

from statistics import fmean

from sqlalchemy import Connection, Integer, func, select, type_coerce

from curator.store.facts import is_current
from curator.store.tables import annotation, measure, record, rule_hit


def ratings(connection: Connection, project_id: int) -> dict[int, float]:
    """Mean rating of each record that has one, from answers that stand."""
    query = select(type_coerce(annotation.c.record_id, Integer), annotation.c.answer)
    query = query.join(record, record.c.id == annotation.c.record_id)
    query = query.where(record.c.project_id == project_id, annotation.c.undone.is_(False))
    given: dict[int, list[float]] = {}
    for id, answer in connection.execute(query.execution_options(yield_per=10_000)):
        if answer.get("rating") is not None:
            given.setdefault(id, []).append(float(answer["rating"]))
    return {id: fmean(some) for id, some in given.items()}


def rules_that_hit(connection: Connection, project_id: int) -> dict[int, int]:
    """How many rules hit each record that one hits, as its text stands."""
    query = select(type_coerce(rule_hit.c.record_id, Integer), func.count())
    query = query.join(record, record.c.id == rule_hit.c.record_id)
    query = query.where(record.c.project_id == project_id, rule_hit.c.error.is_(None), is_current(rule_hit))
    return {row[0]: row[1] for row in connection.execute(query.group_by(rule_hit.c.record_id))}


def response_lengths(connection: Connection, project_id: int) -> dict[int, int]:
    """Characters of the last response of each record that was counted, as its text stands."""
    query = select(type_coerce(measure.c.record_id, Integer), measure.c.response_characters)
    query = query.join(record, record.c.id == measure.c.record_id)
    query = query.where(record.c.project_id == project_id, is_current(measure))
    return {row[0]: row[1] for row in connection.execute(query)}


def imports_of(connection: Connection, project_id: int) -> dict[int, int]:
    """The import that brought each record first, where one did."""
    query = select(type_coerce(record.c.id, Integer), record.c.batch_id)
    query = query.where(record.c.project_id == project_id, record.c.batch_id.is_not(None))
    return {row[0]: row[1] for row in connection.execute(query)}
