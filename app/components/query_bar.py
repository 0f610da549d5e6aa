"""The query bar: which records a list shows, typed as one line or put together by mouse; both say the same.

The line stands in the address, so a link or a saved view shows the same list. Controls only ever change the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from app import state
from app.components import notice, record_card
from curator import CuratorError, Workspace
from curator.curate import workbench
from curator.curate.query import format_query, parse
from curator.store.saved_views import SavedView
from schemas.annotation import RecordState
from schemas.project import Project
from schemas.query import Bound, Choice, ChoiceField, Condition, NumberField, RecordQuery, Sort

_FIELDS: dict[str, str] = {
    "source": "Source", "import": "Import", "person": "Answered by", "assigned": "Kept for", "rating": "Rating",
    "answer": "Answer (question=option)", "label": "Label (name=value)", "licence": "Licence",
    "language": "Language", "group": "Group", "rule": "Rule that hits", "duplicate": "Says the same as another in",
    "topic": "Topic", "characters": "Characters in all",
    "response": "Characters of the response", "messages": "Messages", "tokens": "Tokens",
}  # fmt: skip
"""What the filter menu offers; the line knows more."""
_OFFERED = frozenset({"source", "import", "person", "licence", "language", "group", "label", "rule"})
_SORTS = {
    "-arrival": "Newest first", "-characters": "Longest first", "characters": "Shortest first",
    "-response": "Longest response first", "response": "Shortest response first", "-tokens": "Most tokens first",
    "tokens": "Fewest tokens first", "-messages": "Most messages first",
}  # fmt: skip
COLUMNS = ("state", "instruction", "response", "source", "licence", "language", "group", "labels", "answered by",
           "characters", "tokens", "rules", "id")  # fmt: skip
USUAL = ("state", "instruction", "response", "source")
_NAME = "query"


class Asked(NamedTuple):
    """What is asked, and how its list is shown."""

    query: RecordQuery
    text: str
    """As it was typed."""
    sort: Sort
    columns: tuple[str, ...]


def show(workspace: Workspace, project: Project, person: str) -> Asked | None:
    """Draw the bar. Returns what is asked, or None where the line cannot be read, which is said."""
    _take_over_old_links()
    left, right = st.columns([3, 1])
    with left:
        text = state.words(
            _NAME, label="Which records", nothing='words, "a phrase", source:faq.jsonl, rating:>=4; empty lists all'
        )
    with right:
        sort = state.one_of("sort", list(_SORTS), label="Order", nothing="As they came in", shown=_SORTS)
    query = None
    try:
        query = parse(text)
    except CuratorError as error:
        st.error(f"{notice.plain(error.problem)}\n\n**Next:** {notice.plain(error.hint)}", icon=":material/error:")
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        _choose_states(query)
        with st.popover("Filter", icon=":material/filter_alt:"):
            _add_condition(workspace, project)
        with st.popover("Columns", icon=":material/view_column:"):
            columns = state.several("columns", COLUMNS, label="Columns", nothing="the usual ones")
        with st.popover("Views", icon=":material/bookmark:"):
            _views(workspace, project, person, sort=sort or "", columns=columns)
    if query is None:
        return None
    _show_conditions(query)
    return Asked(query, text, workbench.sort_of(sort or ""), tuple(columns) or USUAL)


def _take_over_old_links() -> None:
    """Put words and a state that a link of an earlier release names apart into the line."""
    said = st.query_params
    if _NAME in said or not ("words" in said or "state" in said):
        return
    condition = f"state:{said['state']}" if "state" in said else ""
    state.type_in(_NAME, " ".join(each for each in (condition, said.get("words", "")) if each))


def _choose_states(query: RecordQuery | None) -> None:
    """States to choose by a press; they stand in the line like any other condition."""
    stand = query.choices(ChoiceField.STATE) if query is not None else ()
    chosen = stand[0].values if len(stand) == 1 and not stand[0].excluded else ()
    state.show_in(_STATES, [each for each in chosen if each is not None])
    st.pills(
        "State",
        [each.value for each in RecordState],
        selection_mode="multi",
        key=_STATES,
        format_func=lambda value: record_card.STATES[RecordState(value)],
        on_change=_take_states,
        disabled=query is None,
    )


_STATES, _KEPT = "query states", "query conditions"


def _take_states() -> None:
    chosen = state.value_of(_STATES)
    query = parse(state.typed(_NAME))
    others = tuple(
        each for each in query.conditions if not (isinstance(each, Choice) and each.field is ChoiceField.STATE)
    )
    if isinstance(chosen, list) and chosen:
        others = (Choice(field=ChoiceField.STATE, values=tuple(chosen)), *others)
    state.type_in(_NAME, format_query(query.model_copy(update={"conditions": others})))


def _show_conditions(query: RecordQuery) -> None:
    """Every condition but the state as a button that takes it away."""
    written = [_written(each) for each in query.conditions if not _is_of_state(each)]
    if not written:
        return
    state.show_in(_KEPT, written)
    st.pills(
        "Filters; press one to take it away", written, selection_mode="multi", key=_KEPT, on_change=_take_conditions
    )


def _is_of_state(condition: Condition) -> bool:
    return isinstance(condition, Choice) and condition.field is ChoiceField.STATE


def _written(condition: Condition) -> str:
    return format_query(RecordQuery(conditions=(condition,)))


def _take_conditions() -> None:
    kept = state.value_of(_KEPT)
    query = parse(state.typed(_NAME))
    wanted = kept if isinstance(kept, list) else []
    left = tuple(each for each in query.conditions if _is_of_state(each) or _written(each) in wanted)
    state.type_in(_NAME, format_query(query.model_copy(update={"conditions": left})))


def _add_condition(workspace: Workspace, project: Project) -> None:
    """A condition, put together from a field and its values."""
    field = st.selectbox("By", list(_FIELDS), format_func=_FIELDS.__getitem__, key="filter by")
    if field in list(NumberField):
        limits = st.columns(2)
        limits[0].selectbox("Is", [">=", "<=", "=", ">", "<"], key="filter compare")
        limits[1].number_input(
            "Number", value=4.0 if field == "rating" else 1_000.0, key=f"filter number {field}", min_value=0.0
        )
    else:
        known = workbench.offers(workspace, project.id, ChoiceField(field)) if field in _OFFERED else ()
        st.multiselect(
            "Any of", known, key=f"filter values {field}", accept_new_options=True, placeholder="choose or type"
        )
        st.checkbox("or none at all", key="filter none", disabled=field == "rule")
    st.checkbox("Leave these out", key="filter excluded")
    st.button("Add", icon=":material/add:", on_click=_take_condition, key="filter add", width="stretch")


def _take_condition() -> None:
    field = str(state.value_of("filter by"))
    excluded = bool(state.value_of("filter excluded"))
    condition: Condition
    if field in list(NumberField):
        values = {"compare": state.value_of("filter compare"), "number": state.value_of(f"filter number {field}")}
        condition = Bound.model_validate({"field": field, "excluded": excluded, **values})
    else:
        chosen = state.value_of(f"filter values {field}")
        named: list[str | None] = list(chosen) if isinstance(chosen, list) else []
        if state.value_of("filter none"):
            named.append(None)
        if not named:
            return
        condition = Choice(field=ChoiceField(field), values=tuple(named), excluded=excluded)
    try:
        query = parse(state.typed(_NAME))
    except CuratorError:
        return  # the line says what is wrong with it
    state.type_in(_NAME, format_query(query.model_copy(update={"conditions": (*query.conditions, condition)})))


def _views(workspace: Workspace, project: Project, person: str, *, sort: str, columns: Sequence[str]) -> None:
    """Saved queries: show one, save this one, forget one."""
    saved = {view.name: view for view in workbench.views(workspace, project.id)}
    state.remember("saved views", saved)
    if saved:
        st.selectbox(
            "Show", list(saved), index=None, key="view shown", placeholder="a saved view", on_change=_take_view
        )
    name = st.text_input("Save what is listed as", key="view name", placeholder="long answers")
    if st.button("Save", key="save view", icon=":material/bookmark_add:", width="stretch"):
        with notice.errors():
            workbench.save_view(
                workspace, name, state.typed(_NAME), sort=sort, columns=columns, project_id=project.id, actor=person
            )
            state.remember("record", f"Saved as {notice.plain(name.strip())}. The address of this page shows it, too.")
            st.rerun()
    if saved:
        gone = st.selectbox("Forget", list(saved), index=None, key="view forgotten", placeholder="a saved view")
        if st.button("Forget it", key="forget view", disabled=gone is None) and gone is not None:
            with notice.errors():
                workbench.remove_view(workspace, gone, project_id=project.id, actor=person)
                st.rerun()


def _take_view() -> None:
    saved, name = state.recall("saved views"), state.value_of("view shown")
    view = saved.get(name) if isinstance(saved, dict) else None
    if isinstance(view, SavedView):
        state.type_in(_NAME, view.query)
        state.choose_one_in("sort", view.sort or None)
        state.choose_in("columns", view.columns)
