"""Project: its settings, its guideline and its questions, each change with what it means for earlier answers."""

from __future__ import annotations

import streamlit as st
from pydantic import ValidationError

from app import state
from app.components import notice, question_form
from curator import Workspace
from curator.annotate import assignment, questions, settings
from schemas.project import Project
from schemas.questions import Change, ChangeClass


def render(workspace: Workspace, project: Project, person: str) -> None:
    """Three tabs, and a form for another project."""
    st.title(f"Project {notice.plain(project.name)}", anchor=False)
    notice.done("project message")
    first, second, third, fourth = st.tabs(["Settings", "Guideline", "Questions", "New project"])
    with first:
        _settings(workspace, project, person)
    with second:
        _guideline(workspace, project, person)
    with third:
        _questions(workspace, project, person)
    with fourth:
        name = st.text_input("Name of the new project")
        if st.button("Create", disabled=not name.strip()):
            with notice.errors():
                settings.create(workspace, name.strip(), actor=person)
                _done(f"Project {notice.plain(name)} is in the list of the sidebar.")


def _settings(workspace: Workspace, project: Project, person: str) -> None:
    columns = st.columns(3)
    chosen = {
        "min_rating": columns[0].number_input(
            "Smallest rating that is accepted",
            1,
            5,
            project.min_rating,
            help="Records that are settled stay as they are.",
        ),
        "reviews_required": columns[1].number_input(
            "Reviews per record", 1, 20, project.reviews_required, help="Different people who answer each new record."
        ),
        "order": columns[2].selectbox(
            "Order within a priority",
            ["priority", "random"],
            index=["priority", "random"].index(project.order),
            format_func={"priority": "as they came", "random": "drawn for every annotator"}.__getitem__,
        ),
        "gold_every": columns[0].number_input(
            "A gold record every so many answers", 0, 1000, project.gold_every, help="0 for never."
        ),
        "hidden_suggestions": columns[1].slider(
            "Share of records without suggestions",
            0.0,
            1.0,
            project.hidden_suggestions,
            0.05,
            help="Drawn per record and annotator; Team compares edits with and without.",
        ),
        "base_model": columns[2]
        .text_input("Model whose tokens are shown", project.base_model or "", placeholder="folder of a model")
        .strip()
        or None,
    }
    more = st.checkbox("Ask for as many reviews of the records that wait already")
    if st.button("Keep these settings", type="primary"):
        with notice.errors():
            settings.change(workspace, project_id=project.id, actor=person, **chosen)
            added = 0
            if more:
                reviews = int(str(chosen["reviews_required"]))
                added = assignment.require_reviews(workspace, reviews, project_id=project.id, actor=person)
            _done(f"Kept{f'; {added:,} reviews were added' if more else ''}.")


def _guideline(workspace: Workspace, project: Project, person: str) -> None:
    text = st.text_area("Markdown, shown beside every record", project.guideline, height=300)
    if st.button("Keep the guideline", disabled=text == project.guideline):
        with notice.errors():
            questions.set_guideline(workspace, text, project_id=project.id, actor=person)
            _done("Kept. Answers name the guideline that their annotator saw.")
    with st.expander("As annotators see it", expanded=True):
        st.markdown(text)


def _questions(workspace: Workspace, project: Project, person: str) -> None:
    st.caption(
        "Values of options are stored and stay; labels, order, keys and rules may change freely. A renamed or merged "
        "value needs a line under *Read old values as*. Ctrl+Enter, C and R are taken."
    )
    try:
        changed, mappings = question_form.edit(project.questions)
    except ValidationError as error:
        for issue in error.errors():
            st.error(notice.plain(issue["msg"]), icon=":material/error:")
        return
    except ValueError as error:
        st.error(notice.plain(str(error)), icon=":material/error:")
        return
    if changed == project.questions:
        st.caption("Nothing is changed.")
        return
    with notice.errors():
        change = questions.plan_change(workspace, changed, project_id=project.id, mappings=mappings)
        _show(change)
        if st.button("Make this change", type="primary"):
            questions.change_questions(workspace, changed, project_id=project.id, actor=person, mappings=mappings)
            _done("Changed. Earlier answers keep the questions that they were given to.")


def _show(change: Change) -> None:
    colour = {ChangeClass.COMPATIBLE: "green", ChangeClass.MAPPING: "blue", ChangeClass.BREAKING: "orange"}[change.kind]
    people = f"{change.people} {'person' if change.people == 1 else 'people'}"
    line = f":{colour}[**{change.kind.value.capitalize()}**]: touches {change.answers:,} answers by {people}"
    again = f"; {change.records:,} records go to review again" if change.kind is ChangeClass.BREAKING else ""
    st.markdown(f"{line}{again}.")
    for reason in change.reasons:
        st.caption(notice.plain(reason))


def _done(message: str) -> None:
    state.remember("project message", message)
    st.rerun()


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project(), notice.person_needed())
