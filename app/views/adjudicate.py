"""Adjudicate: records on which annotators differ or that one flagged, and the questions of those who were unsure."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components import answer_card, answer_form, notice, record_card
from curator import Workspace
from curator.annotate import adjudicate, ask_again, assignment
from curator.annotate.adjudicate import Case
from curator.annotate.settle import problems
from curator.errors import AnnotationError
from schemas.annotation import Answer, RecordState
from schemas.project import Project

_PAGE = 50


def render(workspace: Workspace, project: Project, person: str) -> None:
    """The three things that wait for a decision."""
    st.title("Adjudicate", anchor=False)
    notice.done("decided")
    conflicts = adjudicate.cases(workspace, project_id=project.id, limit=_PAGE)
    flagged = adjudicate.cases(workspace, project_id=project.id, state=RecordState.FLAGGED, limit=_PAGE)
    doubts = adjudicate.inbox(workspace, project_id=project.id)
    st.caption(
        f"{_count(conflicts)} in conflict, {_count(flagged)} flagged, "
        f"{notice.counted(len(doubts), 'question')} to answer."
    )
    tabs = state.tabs(
        "adjudicate", ["≠ In conflict", "⚑ Flagged", "Questions"]
    )  # a tab whose label changes gives way to the first
    with tabs[0]:
        if conflicts:
            _decide(workspace, _chosen(conflicts, "conflict"), project, person)
        else:
            st.info(
                "No record is in conflict: annotators agree, or records need only one review.", icon=":material/check:"
            )
    with tabs[1]:
        if flagged:
            _decide(workspace, _chosen(flagged, "flagged"), project, person)
        else:
            st.info("No record is flagged.", icon=":material/check:")
    with tabs[2]:
        _answer_doubts(workspace, doubts, person)


def _count(cases: list[Case]) -> str:
    return f"{_PAGE} or more records" if len(cases) == _PAGE else notice.counted(len(cases), "record")


def _chosen(cases: list[Case], kind: str) -> Case:
    """One of the cases, the first unless another was chosen."""
    by_id = {case.record_id: case for case in cases}
    shown = {
        case.record_id: f"{' '.join(case.record.instruction.split())[:100]} ({case.record_id[:8]})" for case in cases
    }
    return by_id[state.chosen(kind, list(by_id), label="Record", shown=shown) or cases[0].record_id]


def _decide(workspace: Workspace, case: Case, project: Project, person: str) -> None:
    record_card.show_context(case.record)
    if case.state is RecordState.FLAGGED:
        _say_who_flagged(workspace, case)
    if case.record.alternative is not None:
        for side, title, text in zip(st.columns(2), ("Response", "Alternative"), _pair(case), strict=True):
            with side:
                st.caption(title)
                record_card.show_text(text)
    if case.answers:
        names = {"accept": "whether to accept it", "response": "the text", "preference": "which response is better"}
        differ = ", ".join(names.get(each, each) for each in case.differences)
        st.caption(
            f"They differ on **{notice.plain(differ)}**. Their order is not the order of names." if differ else ""
        )
        same_text = {answer.answer.response for answer in case.answers} == {case.record.response}
        if same_text and case.record.alternative is None:
            st.caption("Response, edited by none of them")
            record_card.show_text(case.record.response)
        blind = st.toggle("Hide names", True, key=f"blind {case.record_id}")
        for column, (n, answer) in zip(st.columns(len(case.answers)), enumerate(case.answers, 1), strict=True):
            with column, st.container(border=True):
                name = f"Annotator {n}" if blind else answer.annotator
                answer_card.show(answer, case.record, name=name, with_text=not same_text)
                if st.button("Take this answer", key=f"take {answer.id}", width="stretch"):
                    with notice.errors():
                        outcome = adjudicate.decide(
                            workspace, case.record_id, answer.answer, picked=answer.id, actor=person
                        )
                        _done(f"Decided: {outcome.value}.")
    _own_decision(workspace, case, project, person)
    columns = st.columns([4, 1], vertical_alignment="bottom")
    reason = columns[0].text_input("Send it back with a reason", key=f"reason {case.record_id}")
    label = "Send back" if case.state is RecordState.CONFLICT else "Put back into the queue"
    if columns[1].button(label, key=f"back {case.record_id}", width="stretch"):
        with notice.errors():
            if case.state is RecordState.CONFLICT:
                if not reason.strip():
                    raise AnnotationError(
                        "The annotators would not know why it came back.", hint="Write a reason, then send it back."
                    )
                ask_again.send_back(workspace, case.record_id, reason=reason, actor=person)
            else:
                ask_again.unflag(workspace, case.record_id, reason=reason, actor=person)
            _done("It waits in the queue again.")


def _say_who_flagged(workspace: Workspace, case: Case) -> None:
    who = "an annotator" if case.flagged_at is None else f"{case.flagged_by}, {case.flagged_at:%Y-%m-%d %H:%M} UTC"
    st.warning(
        f"Flagged by {notice.plain(who)}: {notice.plain(case.reason or 'without a reason')}", icon=":material/flag:"
    )


def _pair(case: Case) -> tuple[str, str]:
    return case.record.response, case.record.alternative or ""


def _own_decision(workspace: Workspace, case: Case, project: Project, person: str) -> None:
    with st.expander("Decide with an answer of your own", expanded=not case.answers):
        if len(case.answers) > 1:
            st.caption("What all answers say is filled in; what they differ on is left open.")
        start = answer_form.common([each.answer for each in case.answers], case.record)
        filled_in = answer_form.edit(start, case.record, project.questions, key=case.record_id)
        note = st.text_input("Why", key=f"why {case.record_id}", placeholder="For the annotators, optional")
        answer = filled_in.model_copy(update={"note": note})
        left, right = st.columns(2)
        if left.button("Store this decision", type="primary", key=f"store {case.record_id}", width="stretch"):
            with notice.errors():
                _require_complete(answer, case, project)
                outcome = adjudicate.decide(workspace, case.record_id, answer, actor=person, note=note)
                _done(f"Decided: {outcome.value}.")
        gold_help = (
            "It leaves the queue and goes into no version. Annotators get it now and then, to be compared with you."
        )
        if right.button("Make it a gold record", key=f"gold {case.record_id}", help=gold_help, width="stretch"):
            with notice.errors():
                _require_complete(answer, case, project)
                assignment.mark_gold(workspace, case.record_id, answer, actor=person)
                _done("It is a gold record now.")
        if project.gold_every == 0:
            st.caption("No annotator gets gold records while *A gold record every so many answers* is 0 under Project.")


def _require_complete(answer: Answer, case: Case, project: Project) -> None:
    missing = problems(answer, case.record, project.questions)
    if missing:
        raise AnnotationError(
            " ".join(each.text for each in missing), hint="Fill that in, or choose what to reject the record as."
        )


def _answer_doubts(workspace: Workspace, doubts: list[adjudicate.Inbox], person: str) -> None:
    if not doubts:
        st.info("No annotator waits for an answer. They ask with “I am unsure…”.", icon=":material/check:")
        return
    for waiting in doubts:
        doubt = waiting.doubt
        with st.container(border=True):
            st.markdown(
                f"**{notice.plain(doubt.author)}**, {doubt.at:%Y-%m-%d %H:%M} UTC: {notice.plain(doubt.question)}"
            )
            record_card.show_context(waiting.record)
            record_card.show_text(waiting.record.response)
            ruling = st.text_input("Ruling", key=f"ruling {doubt.id}", placeholder="Shown beside similar records")
            if st.button("Store the ruling", key=f"rule {doubt.id}"):
                with notice.errors():
                    adjudicate.rule(workspace, doubt.id, ruling, actor=person)
                    _done("The ruling stands beside similar records now.")


def _done(message: str) -> None:
    state.remember("decided", message)
    st.rerun()


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project(), notice.person_needed())
