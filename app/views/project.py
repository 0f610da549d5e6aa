"""Project: its settings, its guideline and its questions, each change with what it means for earlier answers."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components import notice, question_form
from app.labelling import preview
from curator import Workspace, base_models
from curator.annotate import assignment, questions, settings
from curator.store import wordings
from schemas.project import Project
from schemas.questions import Change, ChangeClass, QuestionSet


def render(workspace: Workspace, project: Project, person: str) -> None:
    """Three tabs, and a form for another project."""
    st.title(f"Project {notice.plain(project.name)}", anchor=False)
    notice.done("project message")
    first, second, third, fourth = state.tabs("project", ["Settings", "Guideline", "Questions", "New project"])
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
                state.enter_project(name.strip())
                _done(f"Project {notice.plain(name.strip())} is made, and you are in it.")


def _settings(workspace: Workspace, project: Project, person: str) -> None:
    columns = st.columns(3)
    named = {base.folder: base.name for base in base_models.known(workspace)}
    folders = list(dict.fromkeys([*named, project.base_model] if project.base_model else named))
    chosen = {
        "min_rating": columns[0].number_input(
            "Smallest rating that is accepted",
            1,
            5,
            project.min_rating,
            help="Records that are accepted or rejected already stay as they are.",
        ),
        "reviews_required": columns[1].number_input(
            "Reviews per record", 1, 20, project.reviews_required, help="How many annotators answer each new record."
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
            "Share of records shown without suggestions",
            0.0,
            1.0,
            project.hidden_suggestions,
            0.05,
            help="Drawn for each record and annotator. Team compares how often texts are edited with and without.",
        ),
        "base_model": columns[2].selectbox(
            "Model whose tokens annotators see",
            [None, *folders],
            index=folders.index(project.base_model) + 1 if project.base_model else 0,
            format_func=lambda folder: "none" if folder is None else named.get(folder, folder),
            help="Base models are added under Train.",
        ),
    }
    more = st.checkbox("Ask as many reviews of the records that wait already")
    if st.button("Keep these settings", type="primary"):
        with notice.errors():
            settings.change(workspace, project_id=project.id, actor=person, **chosen)
            added = 0
            if more:
                reviews = int(str(chosen["reviews_required"]))
                added = assignment.require_reviews(workspace, reviews, project_id=project.id, actor=person)
            _done(f"Kept; added: {notice.counted(added, 'review')}." if more else "Kept.")


def _guideline(workspace: Workspace, project: Project, person: str) -> None:
    text = st.text_area("Markdown, shown beside every record", project.guideline, height=300)
    if st.button("Keep the guideline", disabled=text == project.guideline):
        with notice.errors():
            questions.set_guideline(workspace, text, project_id=project.id, actor=person)
            _done("Kept. Each answer remembers the guideline that its annotator saw.")
    with st.expander("As annotators see it", expanded=True):
        if text.strip():
            st.html(preview.markdown(text))


def _questions(workspace: Workspace, project: Project, person: str) -> None:
    st.caption(
        "The value of an option is what is stored. Labels, order, keys and help may change freely; a renamed or merged "
        "value needs a line under *Read old values as*."
    )
    _last_change(workspace, project, person)
    before = wordings.questions_hash(project.questions)
    _say_what_others_changed(project, before)
    try:
        changed, mappings = question_form.edit(project.questions, scope=f"{project.id} {before[:12]}")
    except ValueError as error:
        st.error(notice.plain(str(error)), icon=":material/error:")
        return
    if changed == project.questions:
        st.caption("You have not changed anything.")
        return
    with notice.errors():
        change = questions.plan_change(workspace, changed, project_id=project.id, mappings=mappings)
        after = wordings.questions_hash(changed)
        _show(change, project.questions, changed)
        is_grave = change.kind is ChangeClass.BREAKING and change.answers > 0
        agreed = not is_grave or st.checkbox(_consequence(change), key=f"agreed {after} {change.model_dump_json()}")
        if st.button("Make this change", type="primary", disabled=not agreed):
            questions.change_questions(
                workspace, changed, project_id=project.id, actor=person, mappings=mappings, expected=before
            )
            state.remember(_seen(project), after)
            _done("Changed. Earlier answers keep the questions that they answered.")


def _last_change(workspace: Workspace, project: Project, person: str) -> None:
    """The newest change, and the way back from it."""
    last = questions.last_change(workspace, project_id=project.id)
    if last is None:
        return
    with st.expander(f"The last change, by {notice.plain(last.actor)}, {last.at:%Y-%m-%d %H:%M} UTC"):
        for reason in last.reasons:
            st.text(reason)
        if last.waiting:
            waits = notice.counted(last.waiting, "record")
            st.markdown(f"Asked again and not touched since: {waits}. They get their answers back.")
        if st.button("Take this change back", key=f"take back {project.id} {last.at.isoformat()}"):
            with notice.errors():
                returned = questions.take_back_change(workspace, project_id=project.id, actor=person)
                state.remember(_seen(project), None)
                answers = f"; as answered before: {notice.counted(returned, 'record')}" if returned else ""
                _done(f"The questions are as they were{answers}.")


def _seen(project: Project) -> str:
    return f"questions of {project.id}"


def _say_what_others_changed(project: Project, now: str) -> None:
    seen = state.recall(_seen(project))
    state.remember(_seen(project), now)
    place = st.empty()
    if seen not in (None, now):
        place.warning(
            "The questions were changed by another lead meanwhile. You see them as they are now; what you typed was "
            "about the earlier ones.",
            icon=":material/group:",
        )


def _consequence(change: Change) -> str:
    """What a lead who makes a breaking change has to know."""
    if change.records == 0:
        return "Make this change although earlier answers to it no longer count."
    return (
        f"Send {notice.counted(change.records, 'record')} to review again. Their answers become drafts of the "
        "annotators who wrote them. Taking the change back later returns those on records not touched since."
    )


def _show(change: Change, before: QuestionSet, after: QuestionSet) -> None:
    colour = {ChangeClass.COMPATIBLE: "green", ChangeClass.MAPPING: "blue", ChangeClass.BREAKING: "orange"}[change.kind]
    answers = notice.counted(change.answers, "answer")
    people = f"{change.people:,} {'person' if change.people == 1 else 'people'}"
    line = f":{colour}[**{change.kind.value.capitalize()}**]: touches {answers} by {people}"
    again = f"; {notice.counted(change.records, 'record')} to review again" if change.records else ""
    st.markdown(f"{line}{again}.")
    for reason in change.reasons:
        st.caption(notice.plain(reason))
    if [each.id for each in after.questions if before.by_id(each.id)] != [
        each.id for each in before.questions if after.by_id(each.id)
    ]:
        st.caption("The order changes.")


def _done(message: str) -> None:
    state.remember("project message", message)
    st.rerun()


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project(), notice.person_needed())
