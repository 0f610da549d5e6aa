"""My history: what I submitted, newest first, and the way back into the editor."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components import diff_view, links, notice, record_card
from curator import Workspace
from curator.annotate import answers, assignment
from schemas.account import Right
from schemas.annotation import RecordState
from schemas.project import Project

_PAGE = 20


def render(workspace: Workspace, project: Project, person: str) -> None:
    """Answers of this person, each with its record and what was changed."""
    st.title("My history", anchor=False)
    entries = answers.history(workspace, person, project_id=project.id, limit=_PAGE)
    if not entries:
        st.info("You have not submitted an answer yet.", icon=":material/edit_note:")
        links.to("annotate", "Annotate", icon=":material/edit_note:")
        return
    is_lead = state.may(state.account(), Right.CURATE)
    st.caption(f"The newest {len(entries)} answers; those that you took back are not shown.")
    for added, record, record_state in entries:
        answer = added.answer
        marks = ", ".join(name.replace("_", " ") for name in answer.checks.ticked)
        judged = f"rating {answer.rating}"
        if answer.reject is not None:
            judged = f"rejected as {answer.reject}"
        elif answer.preference is not None:
            judged = f"preferred: {answer.preference.choice}"
        said = [f"{added.submitted_at:%Y-%m-%d %H:%M} UTC", judged, record_state.value]
        title = " · ".join([*said, marks] if marks else said)
        with st.expander(f"{title} · {notice.plain(record.instruction[:80])}"):
            record_card.show_context(record)
            st.caption("Final response")
            record_card.show_text(added.answer.response)
            diff_view.show(record.response, added.answer.response)
            if added.answer.note:
                st.caption("Note")
                st.text(added.answer.note)
            if (
                is_lead
                and record_state is not RecordState.GOLD
                and st.button(
                    "Make it a gold record with this answer",
                    key=f"gold {added.id}",
                    help="It leaves the queue and versions to come; annotators get it now and then to be compared.",
                )
            ):
                with notice.errors():
                    assignment.mark_gold(workspace, added.record_id, answer, actor=person)
                    st.rerun()
            if st.button("Take it back into the editor", key=f"reopen {added.id}"):
                with notice.errors():
                    answers.reopen(workspace, added.id, annotator=person)
                    state.remember("stored", "Taken back; this is the record as you left it.")
                    st.switch_page("views/annotate.py")


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project(), notice.person_needed())
