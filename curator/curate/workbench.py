"""The workbench: pages of the records that a query means, their number, and what a filter can be chosen from.

A page reads 50 records and no more, wherever in the list it stands. What was not counted yet is named beside the list,
so that an empty one is never taken for a clean project.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from curator.access import require
from curator.curate.query import parse
from curator.errors import CurationError
from curator.store import annotations as answers
from curator.store import batches, facts, records, saved_views, selection, tallies, traits
from curator.store.records import StoredRecord
from curator.store.saved_views import SavedView
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import RecordState
from schemas.query import Choice, ChoiceField, Cursor, NumberField, RecordQuery, Sort, SortField
from schemas.tally import records_in

PAGE = 50
_OFFERED = 200
"""Values that a filter offers; more can be typed."""


class Row(NamedTuple):
    """A record of a page with what a list shows of it."""

    stored: StoredRecord
    people: tuple[str, ...]
    """Whose answers stand."""
    characters: int | None
    """Of all messages; None where it was not counted on this text."""
    tokens: int | None
    rules: tuple[str, ...]
    """Rules that hit it."""


class Page(NamedTuple):
    """Some neighbouring records of a list."""

    rows: list[Row]
    cursors: list[Cursor]
    more: bool
    """Whether others come behind them, in the direction in which the page was turned."""


class Place(NamedTuple):
    """Which page of a list is shown."""

    mark: object
    """Of the list; another list begins at its first page."""
    first: int = 0
    """How many records stand before the page."""
    after: Cursor | None = None
    before: Cursor | None = None


def page(
    workspace: Workspace,
    query: RecordQuery,
    *,
    project_id: int,
    sort: Sort,
    after: Cursor | None = None,
    before: Cursor | None = None,
) -> Page:
    """The next 50 records behind a place in a list, or the last ones before it."""
    with workspace.read() as connection:
        found = selection.page(connection, query, project_id, sort=sort, after=after, before=before, limit=PAGE)
        stored = records.some(connection, found.ids)
        people = answers.people_of(connection, found.ids)
        counted = facts.of_records(connection, found.ids)
    rows = []
    for each in found.ids:
        known = counted.get(each)
        rows.append(
            Row(
                stored[each], tuple(dict.fromkeys(people.get(each, ()))), known.characters if known else None,
                known.tokens if known else None, known.hits if known else (),
            )
        )  # fmt: skip
    return Page(rows, found.cursors, found.more)


def total(workspace: Workspace, query: RecordQuery, project_id: int) -> int:
    """How many records a query means."""
    states = [state.value for state in RecordState]
    if len(query.conditions) == 1 and not query.words and isinstance(query.conditions[0], Choice):
        [only] = query.conditions
        if only.field is ChoiceField.STATE:
            states = [state for state in states if (state in only.values) != only.excluded]
            query = RecordQuery()
    with workspace.read() as connection:
        if not query.asks_for_all:
            return selection.count(connection, query, project_id)
        names = [records_in(RecordState(state)) for state in states]
        return sum(tallies.some(connection, project_id, names).values())


def offers(workspace: Workspace, project_id: int, field: ChoiceField) -> tuple[str, ...]:
    """Values of a field that a filter offers, as far as they are known and not too many."""
    with workspace.read() as connection:
        if field is ChoiceField.STATE:
            return tuple(state.value for state in RecordState)
        if field is ChoiceField.IMPORT:
            newest = batches.newest_first(connection, project_id=project_id, limit=_OFFERED)
            return tuple(dict.fromkeys(batch.file_name for batch in newest))
        if field is ChoiceField.PERSON:
            return tuple(sorted(tallies.people(connection, project_id)))
        if field is ChoiceField.RULE:
            return tuple(dict.fromkeys(each.rule for each in facts.tallied(connection, project_id)))
        return tuple(traits.values(connection, project_id, field.value, limit=_OFFERED)[:_OFFERED])


def uncounted(workspace: Workspace, query: RecordQuery, sort: Sort, project_id: int) -> int:
    """How many records have no lengths and no answers of rules yet, if the list depends on these; else 0."""
    lengths = {NumberField.TOKENS, NumberField.CHARACTERS, NumberField.RESPONSE_CHARACTERS, NumberField.MESSAGES}
    asks = any(
        each.field is ChoiceField.RULE if isinstance(each, Choice) else each.field in lengths
        for each in query.conditions
    )
    if not asks and sort.by is SortField.ARRIVAL:
        return 0
    with workspace.read() as connection:
        counted = sum(facts.coverage(connection, project_id).values())
    return max(0, total(workspace, RecordQuery(), project_id) - counted)


def sort_of(text: str) -> Sort:
    """The order that a text says: a field, with a minus in front for the greatest first.

    Raises:
        CurationError: It is not an order.

    Example:
        >>> sort_of("-characters")
        Sort(by=<SortField.CHARACTERS: 'characters'>, descending=True)
    """
    name = text.removeprefix("-") or SortField.ARRIVAL.value
    if name not in list(SortField):
        raise CurationError(
            f"Records cannot be sorted by {name}.", hint=f"Sort by {', '.join(each.value for each in SortField)}."
        )
    return Sort(by=SortField(name), descending=text.startswith("-"))


def views(workspace: Workspace, project_id: int) -> list[SavedView]:
    """The saved views of a project."""
    with workspace.read() as connection:
        return saved_views.every(connection, project_id)


def save_view(
    workspace: Workspace, name: str, query: str, *, sort: str, columns: Sequence[str], project_id: int, actor: str
) -> None:
    """Store a query under a name, for everyone who curates the project. Returns nothing.

    Raises:
        CurationError: The name is empty, or the query or the order cannot be read.
    """
    require(workspace, actor, Right.CURATE)
    if not name.strip():
        raise CurationError("A view needs a name.", hint="Say what the query finds, as in `long answers`.")
    parse(query)
    sort_of(sort)
    view = SavedView(name.strip(), query, sort, tuple(columns))
    with workspace.write() as connection:
        saved_views.save(connection, project_id, view, actor=actor, at=workspace.clock())


def remove_view(workspace: Workspace, name: str, *, project_id: int, actor: str) -> None:
    """Forget a saved view; the records stay as they are. Returns nothing."""
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        saved_views.remove(connection, project_id, name)
