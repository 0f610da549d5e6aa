"""Records: the workbench. Ask for records, turn the pages of the list, read the story of one, act on it."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from app import state
from app.components import bulk_acts, links, notice, query_bar, record_card, record_story
from app.components.query_bar import Asked
from curator import Workspace
from curator.annotate import lookup
from curator.curate import indexing, workbench
from curator.curate.workbench import PAGE, Page, Place, Row
from curator.errors import NotFoundError
from schemas.project import Project

_EXCERPT = 160
_WIDTHS = {"state": 95, "instruction": 310, "response": 200, "source": 140, "id": 80, "characters": 90, "tokens": 80}
_COUNT_SECONDS = 20.0  # how long a number that took a while to count is shown without counting again


def render(workspace: Workspace, project: Project, person: str) -> None:
    """The query bar, a page of the list, and one record in full."""
    st.title("Records", anchor=False)
    notice.done("record")
    linked = state.in_address("record")  # a link that was sent, or Back
    asked = query_bar.show(workspace, project, person)
    if asked is None:
        return
    _show_index(workspace, project, person)
    mark = (project.id, asked.text, asked.sort)
    place = _place(mark)
    began = time.perf_counter()
    with notice.errors(), st.spinner("Looking for records", show_time=True):
        page = _page(workspace, project, asked, place)
        if not page.rows and place.first:  # the records of this page went meanwhile
            place = Place(mark)
            page = _page(workspace, project, asked, place)
        total = _total(workspace, project, asked)
        _say_uncounted(workspace, project, asked)
        bulk_acts.show(workspace, project, person, query=asked.text, total=total)
        if not page.rows and not linked:
            _say_nothing_found(asked)
            return
        place = _turn(place, page, total, time.perf_counter() - began)
        ids = [row.stored.id for row in page.rows]
        picked = _picked(workspace, project, asked, mark, ids, linked)
        picked = _list(asked, page, place, picked)
        _show_story(workspace, project, person, page, picked)


def _page(workspace: Workspace, project: Project, asked: Asked, place: Place) -> Page:
    return workbench.page(
        workspace, asked.query, project_id=project.id, sort=asked.sort, after=place.after, before=place.before
    )


def _place(mark: object) -> Place:
    """Which page is shown: the one that a button leads to, or the one that was shown before."""
    kept = state.recall("record place")
    return kept if isinstance(kept, Place) and kept.mark == mark else Place(mark)


def _total(workspace: Workspace, project: Project, asked: Asked) -> int:
    """How many records are meant; a number that took long is kept for some seconds."""
    kept = state.recall("record count")
    key = (project.id, asked.text)
    if isinstance(kept, tuple) and kept[0] == key and time.monotonic() < kept[2]:
        return int(kept[1])
    began = time.monotonic()
    total = workbench.total(workspace, asked.query, project.id)
    is_slow = time.monotonic() - began > 0.2
    state.remember("record count", (key, total, time.monotonic() + _COUNT_SECONDS if is_slow else 0.0))
    return total


def _show_index(workspace: Workspace, project: Project, person: str) -> None:
    """How far the index behind the import has come, while it has not come to the end."""
    here = indexing.catch_up(workspace, project.id, actor=person)
    if here.left:
        state.live(_say_index, every=5.0)(workspace, project)


def _say_index(workspace: Workspace, project: Project) -> None:
    here = indexing.state(workspace, project.id)
    if not here.left:
        st.caption(":material/check: Every record is in the index.")
        return
    everything = here.taken_in + here.left
    st.progress(
        here.taken_in / everything,
        text=f"The index has taken in {here.taken_in:,} of {notice.counted(everything, 'record')}. Searches read the "
        "others, which takes longer and leaves none out.",
    )


def _say_uncounted(workspace: Workspace, project: Project, asked: Asked) -> None:
    left = workbench.uncounted(workspace, asked.query, asked.sort, project.id)
    if left:
        st.warning(
            f"Lengths and rules have not been counted for {notice.counted(left, 'record')}: these match no limit and "
            "no rule, and come last. `curator check` counts them.",
            icon=":material/hourglass_empty:",
        )


def _say_nothing_found(asked: Asked) -> None:
    if asked.query.asks_for_all:
        st.info("This project has no records yet.", icon=":material/upload_file:")
        links.to("import_data", "Import a file", icon=":material/upload_file:")
    elif asked.query.words and not asked.query.conditions:
        st.info("No record holds all of these words. Try fewer.", icon=":material/search_off:")
    else:
        st.info("No record is as asked for. Take a filter away, or a word.", icon=":material/search_off:")


def _turn(place: Place, page: Page, total: int, seconds: float) -> Place:
    """Draw which records are shown and the buttons to turn the page. Returns the place with what is known now."""
    back, forth = bool(place.first), page.more or place.before is not None
    row = st.container(horizontal=True, vertical_alignment="center")
    if row.button("Back", icon=":material/chevron_left:", disabled=not back, shortcut="Shift+ArrowLeft"):
        _go(place._replace(first=max(0, place.first - PAGE), after=None, before=page.cursors[0]))
    if row.button("Next", icon=":material/chevron_right:", disabled=not forth, shortcut="Shift+ArrowRight"):
        _go(place._replace(first=place.first + len(page.rows), after=page.cursors[-1], before=None))
    if place.before is not None and not page.more:
        place = place._replace(first=0)
    last = place.first + len(page.rows)
    row.markdown(
        f"**{notice.counted(total, 'record')}**" + (f", {place.first + 1:,} to {last:,} shown" if last else "")
    )
    row.caption(f"{seconds:.1f} s" if seconds >= 0.1 else "")
    state.remember("record place", place)
    return place


def _go(place: Place) -> None:
    state.remember("record place", place)
    state.remember("record picked", None)
    st.rerun()


def _picked(
    workspace: Workspace, project: Project, asked: Asked, mark: object, ids: list[str], linked: str | None
) -> str:
    """The record whose story is shown: of a link, of a press, named by the line, or the first of the page."""
    kept = state.recall("record picked")
    before = str(kept[1]) if isinstance(kept, tuple) and kept[0] == mark else None
    if linked:
        return linked
    if before:
        return before
    return _named(workspace, project, asked) or ids[0]


def _named(workspace: Workspace, project: Project, asked: Asked) -> str | None:
    """The record whose id is all that was typed."""
    if asked.query.conditions or len(asked.query.words) != 1:
        return None
    return lookup.named(workspace, asked.query.words[0], project_id=project.id)


def _list(asked: Asked, page: Page, place: Place, picked: str) -> str:
    """Draw the page. Returns the record that is picked in it."""
    ids = [row.stored.id for row in page.rows]
    shown = state.recall("record drawn")
    round_, drawn = shown if isinstance(shown, tuple) else (0, None)
    if drawn != picked and isinstance(drawn, str | None):
        round_ += 1  # another widget, which has this row selected from the beginning
    widths = {name: st.column_config.TextColumn(width=_WIDTHS.get(name)) for name in asked.columns}
    event = st.dataframe(
        [_line(row) for row in page.rows],
        hide_index=True,
        width="stretch",
        height=280,
        column_order=list(asked.columns),
        column_config=widths,
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [n for n, each in enumerate(ids) if each == picked]}},
        key=f"records {hash(place.mark)} {place.first} {round_}",
    )
    rows = event.selection.rows
    if rows and rows[0] < len(ids):
        picked = ids[rows[0]]
    state.remember("record drawn", (round_, picked))
    state.remember("record picked", (place.mark, picked))
    state.put_in_address("record", picked)
    state.name_tab(f"Record {picked[:8]}")
    return picked


_COLUMNS: dict[str, Callable[[Row], object]] = {
    "state": lambda row: record_card.STATES[row.stored.state],
    "instruction": lambda row: _short(row.stored.now.instruction),
    "response": lambda row: _short(row.stored.now.response),
    "source": lambda row: record_story.source_of(row.stored),
    "licence": lambda row: row.stored.now.licence or "",
    "language": lambda row: row.stored.now.language or "",
    "group": lambda row: ", ".join(row.stored.now.groups),
    "labels": lambda row: ", ".join(f"{name}={value}" for name, value in row.stored.now.labels.items()),
    "answered by": lambda row: ", ".join(row.people),
    "characters": lambda row: "not counted" if row.characters is None else f"{row.characters:,}",
    "tokens": lambda row: "not counted" if row.tokens is None else f"{row.tokens:,}",
    "rules": lambda row: ", ".join(row.rules) if row.characters is not None else "not asked",
    "id": lambda row: row.stored.id,
}


def _line(row: Row) -> dict[str, object]:
    return {name: value(row) for name, value in _COLUMNS.items()}


def _short(text: str) -> str:
    """One line of it."""
    line = " ".join(text[: 2 * _EXCERPT].split())
    return line if len(line) <= _EXCERPT else line[:_EXCERPT] + "…"


def _show_story(workspace: Workspace, project: Project, person: str, page: Page, picked: str) -> None:
    """Draw a record in full, and the way to its neighbours."""
    ids = [row.stored.id for row in page.rows]
    at = ids.index(picked) if picked in ids else None
    try:
        story = lookup.story(workspace, picked)
    except NotFoundError:
        state.remember("record picked", None)
        raise
    row = st.container(horizontal=True, vertical_alignment="center")
    previous_one = ids[at - 1] if at else None
    next_one = ids[at + 1] if at is not None and at + 1 < len(ids) else None
    if row.button("Previous record", icon=":material/arrow_upward:", shortcut="K", disabled=previous_one is None):
        _pick(previous_one)
    if row.button("Next record", icon=":material/arrow_downward:", shortcut="J", disabled=next_one is None):
        _pick(next_one)
    record_story.show(workspace, project, story, person)


def _pick(record_id: str | None) -> None:
    kept = state.recall("record picked")
    if record_id is not None and isinstance(kept, tuple):
        state.remember("record picked", (kept[0], record_id))
        st.rerun()


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project(), notice.person_needed())
