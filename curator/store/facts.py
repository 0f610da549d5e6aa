"""Facts that were counted on the texts of records: their lengths, which rules were asked, and what those hit.

A fact carries the hash of the text that it was counted on, and holds only while that is the record's text: an edit
makes its facts old without touching them, and a job that counts an older text at the same time does no harm. To filter
records by a fact, join its table with `record` and ask for `is_current`:

    select(record.c.id).join(measure, measure.c.record_id == record.c.id).where(is_current(measure), ...)
    select(...).where(record.c.id.in_(hit_by("cut-off-response", "1")))
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from curator.store.engine import insert_or_ignore, insert_or_replace
from curator.store.tables import asked, measure, profile, record, rule_hit, rule_setting


class Facts(NamedTuple):
    """What was counted on the text of one record."""

    record_id: str
    text_hash: str
    messages: int
    characters: int
    """Of all messages."""
    response_characters: int
    """Of the last response."""
    tokens: int | None
    """Of the conversation through the chat template of the tokenizer; None where it was not counted."""
    tokenizer: str | None
    hits: tuple[str, ...]
    """Rules that hit it."""
    failed: Mapping[str, str]
    """Rules that gave no answer, each with the error."""


class Tallied(NamedTuple):
    """Records for which something holds, as their texts stand."""

    rule: str
    revision: str
    hits: int
    failed: int


class Setting(NamedTuple):
    """What a lead chose for a rule."""

    is_on: bool
    level: str


def text_hash() -> ColumnElement[str]:
    """Hash of the text of a record as it stands."""
    hashes = (record.c.final_hash, record.c.amended_hash, record.c.content_hash)
    return func.coalesce(*hashes, type_=record.c.content_hash.type)


def is_current(facts: Table) -> ColumnElement[bool]:
    """Whether a row of `measure` or `rule_hit`, joined with its record, is about the record's text as it stands."""
    return facts.c.text_hash == text_hash()


def hit_by(rule: str, revision: str) -> Select[tuple[str]]:
    """Ids of the records of all projects that a rule hits, as their texts and the rule stand."""
    query = select(rule_hit.c.record_id).join(record, record.c.id == rule_hit.c.record_id)
    is_meant = (rule_hit.c.rule == rule) & (rule_hit.c.revision == revision) & rule_hit.c.error.is_(None)
    return query.where(is_meant, is_current(rule_hit))


def asked_id(connection: Connection, revisions: Mapping[str, str]) -> int:
    """Number of a set of rules, which is stored when it is new. Returns it.

    Args:
        connection: An open writing transaction.
        revisions: Revision of each rule, by name.
    """
    text = json.dumps(dict(sorted(revisions.items())), ensure_ascii=False)
    connection.execute(insert_or_ignore(asked, connection.dialect).values(rules=text))
    return int(connection.execute(select(asked.c.id).where(asked.c.rules == text)).scalar_one())


def asked_sets(connection: Connection) -> dict[int, dict[str, str]]:
    """Revisions of the rules of every set that was ever asked, by its number."""
    return {row.id: json.loads(row.rules) for row in connection.execute(select(asked))}


def _is_uncounted(*, enough: Iterable[int], tokenizer: str | None) -> ColumnElement[bool]:
    """Whether a record, with its `measure` joined outer, has no current facts of one of these sets of rules."""
    has_all = is_current(measure) & measure.c.asked_id.in_(list(enough))
    if tokenizer is not None:
        has_all = has_all & (measure.c.tokenizer == tokenizer)
    return func.coalesce(~has_all, True)


class Next(NamedTuple):
    """A record that comes next."""

    record_id: str
    is_counted: bool
    """Whether its facts are current and of enough rules."""


def next_records(
    connection: Connection,
    project_id: int,
    *,
    enough: Iterable[int],
    tokenizer: str | None = None,
    after: str = "",
    limit: int = 1_000,
) -> list[Next]:
    """The next records of a project, in the order of their ids (keyset paging), and whether facts are missing or old.

    Args:
        connection: An open transaction.
        project_id: Whose records.
        enough: Numbers of the sets that hold every rule which is wanted.
        tokenizer: With which tokens must have been counted; None where no tokens are wanted.
        after: Id of the last record of the page before.
        limit: Most records.
    """
    is_missing = _is_uncounted(enough=enough, tokenizer=tokenizer).label("is_missing")
    query = select(record.c.id, is_missing).outerjoin(measure, measure.c.record_id == record.c.id)
    query = query.where(record.c.project_id == project_id, record.c.deleted_at.is_(None), record.c.id > after)
    rows = connection.execute(query.order_by(record.c.id).limit(limit))
    return [Next(row.id, is_counted=not row.is_missing) for row in rows]


def count_uncounted(
    connection: Connection, project_id: int, *, enough: Iterable[int], tokenizer: str | None = None
) -> int:
    """How many records have missing or old facts."""
    query = select(func.count()).select_from(record).outerjoin(measure, measure.c.record_id == record.c.id)
    query = query.where(record.c.project_id == project_id, record.c.deleted_at.is_(None))
    return connection.execute(query.where(_is_uncounted(enough=enough, tokenizer=tokenizer))).scalar_one()


def store(connection: Connection, counted: Sequence[Facts], *, set_id: int, revisions: Mapping[str, str]) -> None:
    """Store facts in the place of what was stored of the same records. Returns nothing.

    Args:
        connection: An open writing transaction.
        counted: Of different records.
        set_id: What `asked_id` said of the rules that were asked.
        revisions: Revision of each of them, by name.
    """
    if not counted:
        return
    names = [column.name for column in measure.c if column.name != "asked_id"]
    rows = [{name: getattr(each, name) for name in names} | {"asked_id": set_id} for each in counted]
    _replace(connection, measure, rows)
    ids = [each.record_id for each in counted]
    for start in range(0, len(ids), _LOOKUP):
        connection.execute(delete(rule_hit).where(rule_hit.c.record_id.in_(ids[start : start + _LOOKUP])))
    hits = [
        {
            "record_id": each.record_id, "rule": rule, "revision": revisions[rule], "text_hash": each.text_hash,
            "error": each.failed.get(rule),
        }
        for each in counted
        for rule in sorted({*each.hits, *each.failed})
    ]  # fmt: skip
    if hits:
        _replace(connection, rule_hit, hits)


_LOOKUP = 500
"""Ids per query; SQLite limits the number of bound values."""


class Counted(NamedTuple):
    """What a list of records shows of their facts."""

    characters: int
    tokens: int | None
    hits: tuple[str, ...]


def of_records(connection: Connection, record_ids: Sequence[str]) -> dict[str, Counted]:
    """Facts of some records, by id; those about an earlier text are left out."""
    counted: dict[str, Counted] = {}
    for start in range(0, len(record_ids), _LOOKUP):
        some = record_ids[start : start + _LOOKUP]
        hits: dict[str, list[str]] = {}
        query = select(rule_hit.c.record_id, rule_hit.c.rule).join(record, record.c.id == rule_hit.c.record_id)
        query = query.where(record.c.id.in_(some), is_current(rule_hit), rule_hit.c.error.is_(None))
        for record_id, rule in connection.execute(query.order_by(rule_hit.c.rule)):
            hits.setdefault(record_id, []).append(rule)
        lengths = select(measure.c.record_id, measure.c.characters, measure.c.tokens)
        lengths = lengths.join(record, record.c.id == measure.c.record_id)
        for row in connection.execute(lengths.where(record.c.id.in_(some), is_current(measure))):
            counted[row.record_id] = Counted(row.characters, row.tokens, tuple(hits.get(row.record_id, ())))
    return counted


def _replace(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows in the place of those with the same primary keys; two jobs may count the same records."""
    build: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = build(table)
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), rows)


def count_records(connection: Connection, project_id: int) -> int:
    """How many records a project has."""
    query = select(func.count()).select_from(record)
    return connection.execute(
        query.where(record.c.project_id == project_id, record.c.deleted_at.is_(None))
    ).scalar_one()


def examples(connection: Connection, project_id: int, rule: str, revision: str, *, most: int) -> list[str]:
    """Ids of the first records of a project that a rule hits."""
    query = hit_by(rule, revision).where(record.c.project_id == project_id, record.c.deleted_at.is_(None))
    return [row.record_id for row in connection.execute(query.order_by(rule_hit.c.record_id).limit(most))]


def first_error(connection: Connection, project_id: int, rule: str, revision: str) -> str | None:
    """Why a rule gave no answer about the first record on which it failed."""
    query = select(rule_hit.c.error).join(record, record.c.id == rule_hit.c.record_id)
    is_meant = (rule_hit.c.rule == rule) & (rule_hit.c.revision == revision) & rule_hit.c.error.is_not(None)
    query = query.where(is_meant, is_current(rule_hit), record.c.project_id == project_id)
    return connection.execute(query.order_by(rule_hit.c.record_id).limit(1)).scalar()


def coverage(connection: Connection, project_id: int) -> dict[int, int]:
    """Records whose facts are current, by the number of the set of rules that was asked about them."""
    query = select(measure.c.asked_id, func.count()).join(record, record.c.id == measure.c.record_id)
    is_here = (record.c.project_id == project_id) & record.c.deleted_at.is_(None)
    rows = connection.execute(query.where(is_here, is_current(measure)).group_by(measure.c.asked_id))
    return {row[0]: row[1] for row in rows}


def tallied(connection: Connection, project_id: int) -> list[Tallied]:
    """Records that each rule hits or failed on, as their texts stand; rules that hit nothing are not listed."""
    query = select(rule_hit.c.rule, rule_hit.c.revision, func.count(), func.count(rule_hit.c.error))
    query = query.join(record, record.c.id == rule_hit.c.record_id)
    is_here = (record.c.project_id == project_id) & record.c.deleted_at.is_(None)
    query = query.where(is_here, is_current(rule_hit)).group_by(rule_hit.c.rule, rule_hit.c.revision)
    rows = connection.execute(query.order_by(rule_hit.c.rule, rule_hit.c.revision))
    return [Tallied(rule, revision, both - failed, failed) for rule, revision, both, failed in rows]


def settings(connection: Connection, project_id: int) -> dict[str, Setting]:
    """What leads chose for the rules of a project, by rule."""
    rows = connection.execute(select(rule_setting).where(rule_setting.c.project_id == project_id))
    return {row.rule: Setting(is_on=row.is_on, level=row.level) for row in rows}


def choose(connection: Connection, project_id: int, rule: str, setting: Setting) -> None:
    """Store what a lead chose for a rule. Returns nothing."""
    values = {"project_id": project_id, "rule": rule, **setting._asdict()}
    connection.execute(insert_or_replace(rule_setting, connection.dialect, values))


def keep_profile(connection: Connection, project_id: int, content: Mapping[str, Any], *, at: datetime) -> None:
    """Store the profile of a project in the place of an earlier one. Returns nothing."""
    values = {"project_id": project_id, "content": dict(content), "at": at}
    connection.execute(insert_or_replace(profile, connection.dialect, values))


def kept_profile(connection: Connection, project_id: int) -> tuple[dict[str, Any], datetime] | None:
    """The newest profile of a project and when it was counted, if one was."""
    row = connection.execute(select(profile).where(profile.c.project_id == project_id)).first()
    return None if row is None else (row.content, row.at)
