"""Traits: what is said about records beside their texts (source, licence, language, group, labels), by value.

Each value of a project is stored once and points to its records, so that a filter reads only those. A record has every
value that one of the times said at which its content came in.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, delete, func, or_, select

from curator.store.engine import insert_or_ignore
from curator.store.searchable import Searchable, Trait
from curator.store.tables import record, record_trait, trait

_LOOKUP = 500


def put(connection: Connection, project_id: int, some: Sequence[Searchable], *, replace: bool = False) -> None:
    """Store the traits of records of a project. Returns nothing.

    Args:
        connection: An open writing transaction.
        project_id: Of which project.
        some: The records.
        replace: Earlier traits of theirs go.
    """
    if replace:
        keys = [str(each.key) for each in some]
        for start in range(0, len(keys), _LOOKUP):
            connection.execute(delete(record_trait).where(record_trait.c.record_id.in_(keys[start : start + _LOOKUP])))
    ids = _ids(connection, project_id, {each for one in some for each in one.traits})
    rows = [{"trait_id": ids[each], "record_id": one.key} for one in some for each in one.traits]
    if rows:
        connection.execute(
            insert_or_ignore(record_trait, connection.dialect), sorted(rows, key=lambda row: row["trait_id"])
        )


def _ids(connection: Connection, project_id: int, wanted: Collection[Trait]) -> dict[Trait, int]:
    """Numbers of some traits; those that are new are stored."""
    known = _known(connection, project_id, wanted)
    new = sorted(set(wanted) - known.keys())
    if new:
        rows = [{"project_id": project_id, "field": field, "value": value} for field, value in new]
        connection.execute(insert_or_ignore(trait, connection.dialect), rows)
        known |= _known(connection, project_id, new)
    return known


def _known(connection: Connection, project_id: int, wanted: Collection[Trait]) -> dict[Trait, int]:
    known: dict[Trait, int] = {}
    ordered = sorted(wanted)
    for field in sorted({field for field, _ in ordered}):
        values = [value for other, value in ordered if other == field]
        for start in range(0, len(values), _LOOKUP):
            query = select(trait.c.value, trait.c.id).where(
                trait.c.project_id == project_id, trait.c.field == field,
                trait.c.value.in_(values[start : start + _LOOKUP]),
            )  # fmt: skip
            known.update({(field, row.value): row.id for row in connection.execute(query)})
    return known


def having(project_id: int, field: str, values: Collection[str | None]) -> ColumnElement[bool]:
    """The condition that a record has one of some values, as far as its traits are stored; None: that it has none.

    A label without `=` stands for every value of it.
    """
    of_field = select(record_trait.c.record_id).join(trait, trait.c.id == record_trait.c.trait_id)
    of_field = of_field.where(trait.c.project_id == project_id, trait.c.field == field)
    meant: list[ColumnElement[bool]] = []
    exact = [value for value in values if value is not None and not is_name_of_label(field, value)]
    if exact:
        meant.append(record.c.id.in_(of_field.where(trait.c.value.in_(exact))))
    for value in values:
        if value is None:
            meant.append(~record.c.id.in_(of_field))
        elif is_name_of_label(field, value):
            name = f"{value}="
            meant.append(record.c.id.in_(of_field.where(func.substr(trait.c.value, 1, len(name)) == name)))
    return or_(*meant)


def is_name_of_label(field: str, value: str) -> bool:
    """Whether a value names a label, whatever its value is."""
    return field == "label" and "=" not in value


def has(one: Searchable, field: str, values: Collection[str | None]) -> bool:
    """Whether a record has one of some values, as `having` says it."""
    theirs = {value for other, value in one.traits if other == field}
    names = {value.partition("=")[0] for value in theirs} if field == "label" else set()
    return any(not theirs if value is None else value in theirs or value in names for value in values)


def values(connection: Connection, project_id: int, field: str, *, limit: int) -> list[str]:
    """Values that some record of a project has or had, in the order of the alphabet; one more than `limit` at most."""
    query = select(trait.c.value).where(trait.c.project_id == project_id, trait.c.field == field)
    return list(connection.execute(query.order_by(trait.c.value).limit(limit + 1)).scalars())
