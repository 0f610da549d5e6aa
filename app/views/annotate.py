"""Annotate: one record at a time, until the queue is empty."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components import answer_editor, notice, record_card
from curator import Workspace
from curator.annotate import answers, progress, queue, settle
from schemas.annotation import Answer, RecordState, Task
from schemas.project import Project


def render(workspace: Workspace, project: Project, person: str) -> None:
    """The record that this person holds, its editor, and what can be done with it."""
    task = queue.next_task(workspace, person, project_id=project.id)
    _header(workspace, project, person)
    if task is None:
        _empty(workspace, project, person)
        return
    left, right = st.columns([3, 2], gap="medium")
    with left:
        record_card.show_context(task.record)
        response = answer_editor.edit_response(task)
        answer_editor.show_edit(task.record.response, response)
    with right:
        answer = answer_editor.edit_judgement(task, response)
        _say_what_submit_does(answer, project)
        _actions(workspace, project, person, task=task, answer=answer)
        if project.guideline:
            with st.popover("Guideline", width="stretch"):
                st.markdown(project.guideline)
    if answer != answer_editor.starting_point(task):
        answers.save_draft(workspace, task.claim, answer, annotator=person)


def _header(workspace: Workspace, project: Project, person: str) -> None:
    done = progress(workspace, person, project_id=project.id)
    waiting = done.by_state[RecordState.WAITING]
    stored = state.once("stored")
    parts = [f"**{done.mine_today:,}** today", f"{done.mine:,} in all", f"{waiting:,} of {done.records:,} records wait"]
    if stored:
        parts.append(f":green[:material/check: {stored}]")
    st.markdown(" · ".join(parts))


def _say_what_submit_does(answer: Answer, project: Project) -> None:
    reasons = settle.reasons_to_keep_out(answer, project)
    if answer.rating is None:
        st.caption("A rating is needed to submit.")
    elif reasons:
        st.caption(f":orange[:material/block:] Kept out of versions, because {' and '.join(reasons)}.")
    else:
        st.caption(":green[:material/check:] Will be accepted.")


def _actions(workspace: Workspace, project: Project, person: str, *, task: Task, answer: Answer) -> None:
    token = task.claim.token
    if st.button("Submit and next", type="primary", width="stretch", shortcut="Ctrl+Enter", key=f"submit {token}"):
        with notice.errors():
            stored = answers.submit(workspace, task.claim, answer, annotator=person)
            _go_on(f"Stored as answer {stored.id}. Undo with Z.")
    columns = st.columns(3)
    if columns[0].button("Skip", width="stretch", shortcut="S", key=f"skip {token}", help="Give it to somebody else"):
        with notice.errors():
            answers.skip(workspace, task.claim, answer, annotator=person)
            _go_on("Skipped; what you typed is kept. Undo with Z.")
    if columns[1].button("Flag", width="stretch", shortcut="F", key=f"flag {token}", help="Set it aside for a lead"):
        with notice.errors():
            answers.flag(workspace, task.claim, answer, annotator=person)
            _go_on("Set aside for a lead. Undo with Z.")
    with columns[2]:
        _undo(workspace, project, person)
    st.page_link("views/history.py", label="Back to an earlier answer", icon=":material/history:")


def _undo(workspace: Workspace, project: Project, person: str) -> None:
    if st.button("Undo", width="stretch", shortcut="Z", key="undo", help="Take back your last submit, skip or flag"):
        with notice.errors():
            back = answers.undo(workspace, person, project_id=project.id)
            _go_on("There is nothing to undo." if back is None else "Taken back; this is the record as you left it.")


def _go_on(message: str) -> None:
    """The database has it; only now does the page move."""
    state.remember("stored", message)
    st.rerun()


def _empty(workspace: Workspace, project: Project, person: str) -> None:
    done = progress(workspace, person, project_id=project.id)
    if done.records == 0:
        st.info("There is no record yet.", icon=":material/upload_file:")
        st.page_link("views/import_data.py", label="Import a file", icon=":material/upload_file:")
        return
    why = queue.why_empty(workspace, person, project_id=project.id)
    if why.skipped:
        st.info(f"You skipped the last {why.skipped} records that are free.", icon=":material/skip_next:")
        if st.button("Offer them to me again"):
            queue.offer_skipped(workspace, person, project_id=project.id)
            st.rerun()
    elif why.held_by_others and why.next_free is not None:
        minutes = max(1, round((why.next_free - workspace.clock()).total_seconds() / 60))
        st.info(
            f"Others hold the last {why.held_by_others} records; the first comes back in at most {minutes} minutes.",
            icon=":material/hourglass:",
        )
    elif done.by_state[RecordState.WAITING]:
        st.info("You have answered every record that is free; the rest need somebody else.", icon=":material/group:")
    else:
        flagged = done.by_state[RecordState.FLAGGED]
        also = f" {flagged} wait for a lead." if flagged else ""
        st.success(f"Every record is answered.{also}", icon=":material/check:")
    _undo(workspace, project, person)
    st.page_link("views/history.py", label="My history", icon=":material/history:")


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project(), notice.person_needed())
