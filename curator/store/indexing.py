"""Indexing behind the import: the next records of a project are read and their words and traits taken in, in steps.

What is not taken in yet is known at every moment: records behind the key that the index has reached, and those that
triggers noted as changed. A search reads these itself, so what it finds is whole however far the index has come. A step
that is cut short is done again.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Integer, Select, delete, func, or_, select, type_coerce

from curator.store import searchable, traits, word_index
from curator.store.contents import last_key
from curator.store.engine import insert_or_ignore
from curator.store.searchable import Searchable
from curator.store.tables import changed_record, indexed, record

_KEY: ColumnElement[int] = type_coerce(record.c.id, Integer)


class Reached(NamedTuple):
    """How far the index of a project has come."""

    words: int
    """The words of records up to this key are taken in."""
    traits: int
    """Their traits."""
    last: int
    """The greatest key of the project."""
    any_changed: bool
    """Whether records changed that have to be taken in again."""
    has_words: bool
    """Whether there is an index of words; a SQLite without trigrams has none, and every search reads the texts."""

    @property
    def up_to(self) -> int:
        """Everything about records up to this key is taken in, if it did not change since."""
        return min(self.words, self.traits) if self.has_words else self.traits

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left to take in."""
        return self.up_to >= self.last and not self.any_changed


class Step(NamedTuple):
    """Records that are taken in next."""

    fresh: list[Searchable]
    """Behind those that were taken in, in the order of their keys."""
    changed: list[Searchable]
    seen: dict[int, int]
    """Changes of these records that were seen: the key of the record by the number of the change. Others may be stored
    by now, with smaller numbers too."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        return not self.fresh and not self.changed


def reached(connection: Connection, project_id: int) -> Reached:
    """How far the index of a project has come."""
    row = connection.execute(select(indexed.c.traits).where(indexed.c.project_id == project_id)).first()
    changed = connection.execute(_changes(project_id).limit(1)).first() is not None
    words = word_index.covered(connection, project_id)
    has_words = word_index.is_there(connection)
    return Reached(words, row.traits if row is not None else 0, last_key(connection, project_id), changed, has_words)


def count_left(connection: Connection, project_id: int) -> int:
    """How many records the index has not taken in as they stand."""
    here = reached(connection, project_id)
    if here.is_whole:
        return 0
    left = is_left(here.up_to, here.any_changed)
    query = select(func.count()).select_from(record).where(record.c.project_id == project_id, left)
    return connection.execute(query).scalar_one()


def count(connection: Connection, project_id: int) -> int:
    """How many records of a project there are to take in, deleted ones too."""
    query = select(func.count()).select_from(record).where(record.c.project_id == project_id)
    return connection.execute(query).scalar_one()


def is_left(up_to: int, any_changed: bool) -> ColumnElement[bool]:
    """The condition that a record stands behind a key or has changed since it was taken in."""
    behind = up_to < _KEY
    return or_(behind, is_changed()) if any_changed else behind


def is_changed() -> ColumnElement[bool]:
    """The condition that a record has changed since it was taken in."""
    return _KEY.in_(select(changed_record.c.record_id))


def next_step(connection: Connection, project_id: int, *, limit: int) -> Step:
    """The records that the index takes in next; `connection` reads one consistent state."""
    up_to = reached(connection, project_id).up_to
    fresh = searchable.read(connection, record.c.project_id == project_id, up_to < _KEY, limit=limit)
    noted = select(changed_record.c.id, changed_record.c.record_id)
    if fresh:
        among = changed_record.c.record_id.between(fresh[0].key, fresh[-1].key)
        return Step(fresh, [], _pairs(connection, noted.where(among)))
    # In the order of keys: neighbours stand in the same places of the same files.
    ordered = _changes(project_id).distinct().order_by(changed_record.c.record_id).limit(limit)
    keys = connection.execute(ordered).scalars().all()
    step = Step([], [], {})
    for begin in range(0, len(keys), _LOOKUP):
        some = keys[begin : begin + _LOOKUP]
        step.changed.extend(searchable.read(connection, _KEY.in_(some)))
        step.seen.update(_pairs(connection, noted.where(changed_record.c.record_id.in_(some))))
    return step


def _pairs(connection: Connection, query: Select[int, int]) -> dict[int, int]:
    return {row[0]: row[1] for row in connection.execute(query)}


def _changes(project_id: int) -> Select[tuple[int]]:
    """Keys of the records of a project that changed, once for every change."""
    query = select(changed_record.c.record_id)
    return query.join(record, changed_record.c.record_id == _KEY).where(record.c.project_id == project_id)


def take_in_words(connection: Connection, project_id: int, step: Step) -> None:
    """Take in the words of a step where the index has a file of its own; before `take_in`. Returns nothing.

    Args:
        connection: A reading transaction other than that of `next_step`, which holds the index as it was.
        project_id: Of which project.
        step: What to take in.
    """
    if connection.dialect.name == "sqlite":
        word_index.add(connection, project_id, step.fresh)


def take_in(connection: Connection, project_id: int, step: Step) -> int:
    """Take in a step. Returns how many records.

    Args:
        connection: An open writing transaction.
        project_id: Of which project.
        step: What `next_step` returned; another process may have done it meanwhile.
    """
    start = insert_or_ignore(indexed, connection.dialect).values(project_id=project_id, traits=0, words=0)
    connection.execute(start)
    mine = indexed.c.project_id == project_id
    up_to = connection.execute(select(indexed.c.traits).where(mine).with_for_update()).scalar_one()
    fresh = [each for each in step.fresh if each.key > up_to]
    changed = _still_changed(connection, step)
    traits.put(connection, project_id, fresh)
    traits.put(connection, project_id, changed, replace=True)
    word_index.put_changed(connection, [each for each in fresh if each.is_changed])
    word_index.put_changed(connection, changed)
    if fresh:
        if connection.dialect.name == "postgresql":
            word_index.add(connection, project_id, fresh)
        connection.execute(indexed.update().where(mine).values(traits=fresh[-1].key, words=fresh[-1].key))
    taken = {each.key for each in (*fresh, *changed)}
    done = [number for number, key in step.seen.items() if key in taken]
    for begin in range(0, len(done), _LOOKUP):
        connection.execute(delete(changed_record).where(changed_record.c.id.in_(done[begin : begin + _LOOKUP])))
    return len(taken)


def _still_changed(connection: Connection, step: Step) -> list[Searchable]:
    """Those that no other process has taken in meanwhile, perhaps as they stood later."""
    left: set[int] = set()
    numbers = list(step.seen) if step.changed else []
    for begin in range(0, len(numbers), _LOOKUP):
        some = changed_record.c.id.in_(numbers[begin : begin + _LOOKUP])
        left.update(connection.execute(select(changed_record.c.record_id).where(some).with_for_update()).scalars())
    return [each for each in step.changed if each.key in left]


_LOOKUP = 500
