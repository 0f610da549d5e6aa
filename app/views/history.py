"""My history: what I submitted, with the way back into the editor, and what I skipped, flagged and asked."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components import diff_view, links, notice, record_card
from curator import Workspace
from curator.annotate import answers, assignment, skipped_and_flagged, undo
from curator.annotate.answers import StandingAnswer
from schemas.account import Right
from schemas.annotation import RecordState
from schemas.project import Project

_PAGE = 20


def render(workspace: Workspace, project: Project, person: str) -> None:
    """Answers of this person, and what they did about records without an answer."""
    st.title("My history", anchor=False)
    answered, aside = state.tabs("history", ["Answered", "Skipped, flagged, asked"])
    with answered:
        _answers(workspace, project, person)
    with aside:
        _skipped_and_flagged(workspace, project, person)


def _page(workspace: Workspace, project: Project, person: str) -> list[StandingAnswer]:
    """Twenty answers, newest first, and the buttons to turn the page."""
    mark = (project.id, person)
    kept = state.recall("history pages")
    starts: tuple[int | None, ...] = kept[1] if isinstance(kept, tuple) and kept[0] == mark else (None,)
    answered = answers.history(workspace, person, project_id=project.id, before=starts[-1], limit=_PAGE + 1)
    if not answered and len(starts) == 1:
        return answered
    row = st.container(horizontal=True, vertical_alignment="center")
    turned = starts
    if row.button("Newer", icon=":material/chevron_left:", disabled=len(starts) == 1):
        turned = starts[:-1]
    if row.button("Older", icon=":material/chevron_right:", disabled=len(answered) <= _PAGE):
        turned = (*starts, answered[_PAGE - 1].annotation.id)
    state.remember("history pages", (mark, turned))
    if turned != starts:
        st.rerun()
    first = (len(starts) - 1) * _PAGE
    row.caption(
        f"Answers {first + 1:,} to {first + min(len(answered), _PAGE):,}; those that you took back are not shown."
    )
    return answered[:_PAGE]


def _answers(workspace: Workspace, project: Project, person: str) -> None:
    """Answers, each with its record and what was changed."""
    entries = _page(workspace, project, person)
    if not entries:
        st.info("You have not submitted an answer yet.", icon=":material/edit_note:")
        links.to("annotate", "Annotate", icon=":material/edit_note:")
        return
    is_lead = state.may(state.account(), Right.CURATE)
    for added, record, record_state in entries:
        answer = added.answer
        marks = ", ".join(name.replace("_", " ") for name in answer.checks.ticked)
        judged = f"rating {answer.rating}"
        if answer.reject is not None:
            judged = f"rejected as {answer.reject}"
        elif answer.preference is not None:
            judged = f"preferred: {answer.preference.choice}"
        facts = [f"{added.submitted_at:%Y-%m-%d %H:%M} UTC", judged]
        if is_lead:  # a state that only gold records lack would tell annotators which they are measured by
            facts.append(record_state.value)
        title = " · ".join([*facts, marks] if marks else facts)
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
                    undo.reopen(workspace, added.id, annotator=person)
                    state.remember("stored", "Taken back; this is the record as you left it.")
                    st.switch_page("views/annotate.py")


def _skipped_and_flagged(workspace: Workspace, project: Project, person: str) -> None:
    put_aside = skipped_and_flagged(workspace, person, project_id=project.id, limit=_PAGE)
    if not put_aside:
        st.info("You have not skipped, flagged or asked about a record.", icon=":material/flag:")
        return
    st.caption(f"The newest {len(put_aside)}; what you took back is not shown.")
    for each in put_aside:
        title = f"{each.at:%Y-%m-%d %H:%M} UTC · {each.kind}"
        with st.expander(f"{title} · {notice.plain(each.record.instruction[:80])}"):
            if each.said:
                st.caption("You said")
                st.text(each.said)
            if each.ruling is not None:
                st.caption(f"{notice.plain(each.ruled_by or 'A lead')} answered")
                st.text(each.ruling)
            elif each.kind == "asked" or (each.kind == "flagged" and each.state is RecordState.FLAGGED):
                st.caption("It waits for a lead.")
            record_card.show_context(each.record)
            st.caption("Response as it came in")
            record_card.show_text(each.record.response)


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project(), notice.person_needed())
