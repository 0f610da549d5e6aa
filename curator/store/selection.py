"""Selection: the records that a query means, as a statement, a count, or a page in some order.

Every condition is a condition on ids, so conditions combine in one statement whatever tables they ask. Traits and words
come from the index behind the import; records that it has not taken in as they stand are read while the statement is
built, and those that match are bound as one list. So what is selected is whole at every moment.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Text,
    and_,
    cast,
    false,
    func,
    literal,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY

from curator.errors import CurationError
from curator.store import duplicates, indexing, search, searchable, traits, word_index
from curator.store.facts import is_current
from curator.store.searchable import TRAITS, Searchable
from curator.store.tables import annotation, arrival, import_batch, measure, record, record_topic, rule_hit, slot, topic
from schemas.audience import ANYBODY, person_audience, pool_audience
from schemas.duplicate import DuplicateKind
from schemas.query import Bound, Choice, ChoiceField, Condition, Cursor, NumberField, RecordQuery, Sort, SortField
from schemas.questions import CHECKS, EDIT_REASONS, NOTE, RATING

_KEY: ColumnElement[int] = type_coerce(record.c.id, Integer)
AS_THEY_CAME = Sort()


def statement(connection: Connection, query: RecordQuery, project_id: int) -> Select[tuple[str]]:
    """Ids of the records of a project that a query means, in no order; deleted ones are never among them.

    Args:
        connection: An open transaction, in which the statement is to be run.
        query: What is asked.
        project_id: Of which project.

    Raises:
        CurationError: It asks for something that is not there or was not counted yet.
    """
    return select(record.c.id).where(_meant(connection, query, project_id))


def count(connection: Connection, query: RecordQuery, project_id: int) -> int:
    """How many records a query means."""
    meant = _meant(connection, query, project_id)
    return connection.execute(select(func.count()).select_from(record).where(meant)).scalar_one()


class IdPage(NamedTuple):
    """Some neighbouring records of a list."""

    ids: list[str]
    cursors: list[Cursor]
    """The place of each."""
    more: bool
    """Whether others come behind them, in the direction in which the page was turned."""


def page(
    connection: Connection,
    query: RecordQuery,
    project_id: int,
    *,
    sort: Sort = AS_THEY_CAME,
    after: Cursor | None = None,
    before: Cursor | None = None,
    limit: int = 50,
) -> IdPage:
    """The next records behind a place in a list, or the last ones before it (keyset paging)."""
    backwards = before is not None and after is None
    place = before if backwards else after
    column, joined = _sorted_by(sort.by)
    columns = [record.c.id] if column is None else [record.c.id, column.label("key")]
    statement = select(*columns).where(_meant(connection, query, project_id))
    if joined:
        is_there = (measure.c.record_id == record.c.id) & is_current(measure)
        statement = statement.outerjoin(measure, is_there)
    descending = sort.descending != backwards
    if column is None:
        statement = statement.order_by(_KEY.desc() if descending else _KEY)
        if place is not None:
            key = int(place.record_id)
            statement = statement.where(key > _KEY if descending else key < _KEY)
    else:
        statement = statement.order_by(*_order(column, sort=sort, backwards=backwards))
        if place is not None:
            statement = statement.where(_behind(column, place, sort=sort, backwards=backwards))
    rows = connection.execute(statement.limit(limit + 1)).all()
    more, rows = len(rows) > limit, rows[:limit]
    if backwards:
        rows = rows[::-1]
    cursors = [Cursor(record_id=row[0], key=None if column is None else row[1]) for row in rows]
    return IdPage([row[0] for row in rows], cursors, more)


def _sorted_by(field: SortField) -> tuple[ColumnElement[Any] | None, bool]:
    """The column that a list is ordered by, and whether it is one of `measure`."""
    columns: Mapping[SortField, ColumnElement[Any]] = {
        SortField.CHARACTERS: measure.c.characters,
        SortField.RESPONSE_CHARACTERS: measure.c.response_characters,
        SortField.MESSAGES: measure.c.messages,
        SortField.TOKENS: measure.c.tokens,
    }
    return columns.get(field), field in columns


def _order(column: ColumnElement[Any], *, sort: Sort, backwards: bool) -> list[ColumnElement[Any]]:
    """By the column, those without it last, equal ones as they came in; all of it turned round for a page before."""
    is_missing = column.is_(None)
    ordered = column.desc() if sort.descending != backwards else column.asc()
    return [is_missing.desc() if backwards else is_missing.asc(), ordered, _KEY.desc() if backwards else _KEY.asc()]


def _behind(column: ColumnElement[Any], place: Cursor, *, sort: Sort, backwards: bool) -> ColumnElement[bool]:
    """Whether a record stands behind a place, in the direction in which the page is turned."""
    follows = int(place.record_id) > _KEY if backwards else int(place.record_id) < _KEY
    if place.key is None:
        same = column.is_(None) & follows
        return or_(column.is_not(None), same) if backwards else same
    further = column < place.key if sort.descending != backwards else column > place.key
    beside = or_(further, and_(column == place.key, follows))
    return beside if backwards else or_(column.is_(None), beside)


def _meant(connection: Connection, query: RecordQuery, project_id: int) -> ColumnElement[bool]:
    conditions = [mine(project_id)]
    for each in query.conditions:
        _must_be_counted(connection, project_id, each)
        if isinstance(each, Bound):
            meant = _bound(each)
        elif each.field is ChoiceField.DUPLICATE:
            meant = _duplicate(connection, project_id, each)
        elif each.field.value in TRAITS:
            continue
        else:
            meant = _CHOICES[each.field](each)
        conditions.append(~meant if each.excluded else meant)
    by_trait = [each for each in query.conditions if isinstance(each, Choice) and each.field.value in TRAITS]
    if by_trait or query.words:
        conditions.append(_by_index(connection, project_id, by_trait, [word.lower() for word in query.words]))
    return and_(*conditions)


def _by_index(
    connection: Connection, project_id: int, by_trait: Sequence[Choice], terms: Sequence[str]
) -> ColumnElement[bool]:
    """The condition that traits and words are as they are asked for: by the index, and by reading what it lacks."""
    reached = indexing.reached(connection, project_id)
    up_to = min(reached.words if terms else reached.last, reached.traits if by_trait else reached.last)
    known: list[ColumnElement[bool]] = []
    for each in by_trait:
        has = traits.having(project_id, each.field.value, each.values)
        known.append(~has if each.excluded else has)
    indexable = [term for term in terms if connection.dialect.name == "postgresql" or word_index.is_indexable(term)]
    if indexable and up_to:
        known.append(word_index.holding(connection, indexable))
    elif terms:
        up_to = 0  # nothing but the texts says it

    def matches(one: Searchable) -> bool:
        return all(traits.has(one, each.field.value, each.values) != each.excluded for each in by_trait)

    if known and up_to >= reached.last and not reached.any_changed:
        meant = and_(*known)
        return _checked(connection, project_id, meant, terms) if len(indexable) < len(terms) else meant
    rest: Iterable[Searchable]
    if terms:
        rest = search.scan(connection, project_id, terms, above=up_to)
        if up_to and reached.any_changed:
            changed = searchable.read(connection, mine(project_id), up_to >= _KEY, indexing.is_changed())
            rest = chain(rest, (one for one in changed if one.holds(terms)))
    else:
        rest = _read(connection, project_id, indexing.is_left(up_to, reached.any_changed))
    read = _listed(connection, [one.key for one in rest if matches(one)])
    if not up_to:
        return read
    is_known = up_to >= _KEY
    if reached.any_changed:
        is_known = is_known & ~indexing.is_changed()
    meant = and_(is_known, *known)
    if len(indexable) < len(terms):
        meant = _checked(connection, project_id, meant, terms)
    return or_(meant, read)


def _checked(
    connection: Connection, project_id: int, meant: ColumnElement[bool], terms: Sequence[str]
) -> ColumnElement[bool]:
    """The condition for those of the records that are meant in whose texts the terms occur, which are read for it."""
    return _listed(connection, [one.key for one in _read(connection, project_id, meant) if one.holds(terms)])


def _read(connection: Connection, project_id: int, condition: ColumnElement[bool]) -> Iterator[Searchable]:
    """Records for which a condition holds, read a few thousand at a time."""
    last = 0
    while some := searchable.read(connection, mine(project_id), last < _KEY, condition, limit=_AT_A_TIME):
        yield from some
        last = some[-1].key


_AT_A_TIME = 5_000


def mine(project_id: int) -> ColumnElement[bool]:
    """The condition that a record belongs to a project and is not deleted."""
    return (record.c.project_id == project_id) & record.c.deleted_at.is_(None)


def _listed(connection: Connection, ids: Collection[str | int]) -> ColumnElement[bool]:
    """The condition that a record is one of many, which are bound as one value."""
    keys = [int(each) for each in ids]
    if connection.dialect.name == "postgresql":
        return record.c.id == func.any(cast(literal(keys, ARRAY(Integer)), ARRAY(Integer)))
    return _KEY.in_(select(func.json_each(literal(keys, JSON)).table_valued("value").c.value))


def _ids_where(column: ColumnElement[Any], *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition that a record is named in rows of another table."""
    return record.c.id.in_(select(column).where(*conditions))


def _any_of(
    choice: Choice, meant: Callable[[str], ColumnElement[bool]], absent: ColumnElement[bool]
) -> ColumnElement[bool]:
    return or_(*(absent if value is None else meant(value) for value in choice.values))


def _id(choice: Choice) -> ColumnElement[bool]:
    values = [value for value in choice.values if value is not None]
    return or_(*(record.c.former_id == value if len(value) == 32 else record.c.id == value for value in values))


def _state(choice: Choice) -> ColumnElement[bool]:
    return record.c.state.in_([value for value in choice.values if value is not None])


def _import(choice: Choice) -> ColumnElement[bool]:
    names = [value for value in choice.values if value is not None]
    numbers = [int(value) for value in names if value.isascii() and value.isdigit() and len(value) < 10]
    batches = select(import_batch.c.id).where(import_batch.c.file_name.in_(names) | import_batch.c.id.in_(numbers))
    again = _ids_where(arrival.c.record_id, arrival.c.batch_id.in_(batches))
    brought = or_(record.c.batch_id.in_(batches), again)
    return or_(brought, record.c.batch_id.is_(None)) if None in choice.values else brought


def _person(choice: Choice) -> ColumnElement[bool]:
    stands = annotation.c.undone.is_(False)
    return _any_of(
        choice,
        lambda name: _ids_where(annotation.c.record_id, stands, annotation.c.annotator == name),
        ~_ids_where(annotation.c.record_id, stands),
    )


def _assigned(choice: Choice) -> ColumnElement[bool]:
    waits = slot.c.state.in_(["open", "held"])
    return _any_of(
        choice,
        lambda name: _ids_where(
            slot.c.record_id, waits, slot.c.audience.in_([person_audience(name).key, pool_audience(name).key])
        ),
        ~_ids_where(slot.c.record_id, waits, slot.c.audience != ANYBODY.key),
    )


def _rule(choice: Choice) -> ColumnElement[bool]:
    def hit(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
        hits = select(rule_hit.c.record_id).join(record, record.c.id == rule_hit.c.record_id)
        return record.c.id.in_(hits.where(is_current(rule_hit), rule_hit.c.error.is_(None), *conditions))

    return _any_of(choice, lambda name: hit(rule_hit.c.rule == name), ~hit())


def _answer(choice: Choice) -> ColumnElement[bool]:
    stands = annotation.c.undone.is_(False)

    def given(value: str) -> ColumnElement[bool]:
        question, _, option = value.partition("=")
        return _ids_where(annotation.c.record_id, stands, _answered(question, option))

    return _any_of(choice, given, ~_ids_where(annotation.c.record_id, stands))


def _answered(question: str, option: str) -> ColumnElement[bool]:
    """Whether an answer says an option of a question, which is one of several, or the only one, or a tick."""
    answer = annotation.c.answer
    if question == CHECKS:
        ticked: ColumnElement[bool] = answer["checks"][option].as_boolean()
        return ticked
    if question in (RATING, NOTE):
        said: ColumnElement[bool] = answer[question].as_string() == option
        return said
    given = answer[question] if question == EDIT_REASONS else answer["values"][question]
    # Options are words of letters, digits and underscores: none is a part of another between quotes.
    return or_(given.as_string() == option, cast(given, Text).contains(f'"{option}"', autoescape=True))


def _in_topic(choice: Choice) -> ColumnElement[bool]:
    sorted_ones = select(record_topic.c.record_id).join(topic, topic.c.id == record_topic.c.topic_id)
    sorted_ones = sorted_ones.join(record, record.c.id == record_topic.c.record_id)
    sorted_ones = sorted_ones.where(topic.c.is_shown, is_current(record_topic))
    return _any_of(
        choice,
        lambda name: record.c.id.in_(sorted_ones.where(topic.c.name == name)),
        ~record.c.id.in_(sorted_ones),
    )


def _duplicate(connection: Connection, project_id: int, choice: Choice) -> ColumnElement[bool]:
    searches = {kind: duplicates.latest(connection, project_id, kind) for kind in DuplicateKind}

    def alike(side: str) -> ColumnElement[bool]:
        search = searches[DuplicateKind(side)]
        if search is None:
            raise CurationError(
                f"Near duplicates by {side} have not been searched.", hint="Search them first: `curator duplicates`."
            )
        return record.c.id.in_(duplicates.in_cluster(search.id))

    return _any_of(
        choice, alike, ~or_(*(alike(kind.value) for kind in DuplicateKind)) if None in choice.values else false()
    )


def _must_be_counted(connection: Connection, project_id: int, condition: Condition) -> None:
    """Refuse a condition for which nothing was counted in a project: an empty list would say that all is well."""
    if condition.field is ChoiceField.TOPIC:
        is_missing = (
            connection.execute(select(topic.c.id).where(topic.c.project_id == project_id).limit(1)).first() is None
        )
        what, command = "Topics have", "curator topics"
    elif condition.field is ChoiceField.RULE:
        counted = select(measure.c.record_id).join(record, record.c.id == measure.c.record_id)
        is_missing = connection.execute(counted.where(record.c.project_id == project_id).limit(1)).first() is None
        what, command = "Rules have", "curator check"
    elif condition.field in _LENGTHS:
        counted = select(measure.c.record_id).join(record, record.c.id == measure.c.record_id)
        if condition.field is NumberField.TOKENS:
            counted = counted.where(measure.c.tokens.is_not(None))
        is_missing = connection.execute(counted.where(record.c.project_id == project_id).limit(1)).first() is None
        what, command = "Lengths have", "curator check"
    else:
        return
    if is_missing:
        raise CurationError(f"{what} not been counted in this project.", hint=f"Count them first: `{command}`.")


_LENGTHS = (NumberField.TOKENS, NumberField.CHARACTERS, NumberField.RESPONSE_CHARACTERS, NumberField.MESSAGES)
_CHOICES: Mapping[ChoiceField, Callable[[Choice], ColumnElement[bool]]] = {
    ChoiceField.ID: _id,
    ChoiceField.STATE: _state,
    ChoiceField.IMPORT: _import,
    ChoiceField.PERSON: _person,
    ChoiceField.ASSIGNED: _assigned,
    ChoiceField.RULE: _rule,
    ChoiceField.ANSWER: _answer,
    ChoiceField.TOPIC: _in_topic,
}
_COMPARE: Mapping[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "=": operator.eq, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip


def _bound(bound: Bound) -> ColumnElement[bool]:
    compare = _COMPARE[bound.compare]
    if bound.field is NumberField.RATING:
        rating = annotation.c.answer["rating"].as_integer()
        return _ids_where(annotation.c.record_id, annotation.c.undone.is_(False), compare(rating, bound.number))
    columns: Mapping[NumberField, ColumnElement[Any]] = {
        NumberField.TOKENS: measure.c.tokens,
        NumberField.CHARACTERS: measure.c.characters,
        NumberField.RESPONSE_CHARACTERS: measure.c.response_characters,
        NumberField.MESSAGES: measure.c.messages,
    }
    counted = select(measure.c.record_id).join(record, record.c.id == measure.c.record_id)
    return record.c.id.in_(counted.where(is_current(measure), compare(columns[bound.field], bound.number)))
