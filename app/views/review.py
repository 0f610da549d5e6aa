"""Review: what models said, names hidden, in the order of the plan; then what was found and what became of it."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components import follow_up, links, notice, record_card
from app.reviewing import component
from curator import Workspace, review
from curator.review import work
from curator.stats.agreement import Agreement

_RECENT = 10


def render(workspace: Workspace, person: str) -> None:
    """The pane, and what is open to a reader who has nothing left to judge."""
    st.title("Review", anchor=False)
    subjects = review.reviewable(workspace)
    chosen = state.chosen("run", list(subjects), label="Run or system", shown=subjects)
    if chosen is None:
        st.info("There is nothing to review: no run has ended yet.", icon=":material/model_training:")
        links.to("train", "Train a model", icon=":material/model_training:")
        return
    plan = review.standing(workspace, chosen)
    if plan is None:
        st.info(
            "No plan says yet which outputs people judge. A lead draws it before the first verdict.",
            icon=":material/checklist:",
        )
        links.to("outputs", "Generate or bring in outputs", icon=":material/compare:", address={"run": chosen})
        links.to("decide", "Draw the plan", icon=":material/gavel:", address={"run": chosen})
        return
    component.show(system=chosen, person=person)
    if not review.verdicts.open_names(workspace, chosen, reviewer=person):
        _close(workspace, chosen, person)
        return
    links.to("decide", "Go to the decision", icon=":material/gavel:", address={"run": chosen})
    second = work.second_readings_of(workspace, chosen, reviewer=person)
    if second.wanted:
        st.caption(f"{second.done} of {second.wanted} pairs that two people should read were read twice.")
    _agreement(workspace, chosen, person)
    follow_up.show_answered(workspace, chosen, person)
    follow_up.show_sent(workspace, chosen, person)
    _found_wrong(workspace, chosen, person)


def _close(workspace: Workspace, chosen: str, person: str) -> None:
    """The way to the names for a reader who does not want to judge any more."""
    with st.expander("End my part and show whose outputs these are"):
        st.caption(
            "From then on you judge nothing blind: your verdicts on this plan can add a defect, but clear nothing, and "
            "you settle no disagreement."
        )
        if st.button("End my part"):
            with notice.errors():
                review.verdicts.close(workspace, chosen, reviewer=person)
                st.rerun()


def _agreement(workspace: Workspace, chosen: str, person: str) -> None:
    """How far reviewers agree by themselves, per category."""
    measured = [each for each in review.agreement_of(workspace, chosen, reviewer=person) if each.outputs]
    if not measured:
        return
    st.subheader("Agreement", anchor=False)
    st.dataframe(
        [
            {
                "category": each.category,
                "read twice": each.outputs,
                "agree": _with_interval(each.percent),
                "both find it defective": _with_interval(each.positive),
                "AC1": _with_interval(each.ac1),
                "alpha of severity": _with_interval(each.severity),
            }
            for each in measured
        ],
        hide_index=True,
        width="stretch",
    )
    st.caption("What people said before anything was settled. In brackets: 95 % intervals.")


def _with_interval(measured: Agreement) -> str:
    if measured.value is None:
        return ""
    interval = measured.interval
    return f"{measured.value:.2f}" + (f" ({interval.lower:.2f} to {interval.upper:.2f})" if interval else "")


def _found_wrong(workspace: Workspace, chosen: str, person: str) -> None:
    """What people found wrong, with names: only after the reviewer's part of the plan is closed."""
    shown = review.verdicts.with_names(workspace, chosen, reviewer=person, limit=_RECENT)
    if not shown:
        return
    st.subheader("Found wrong", anchor=False)
    for output, verdicts in shown:
        said = "; ".join(f"{', '.join(each.judgement.defects) or 'fine'} ({each.reviewer})" for each in verdicts)
        with st.expander(notice.plain(f"{output.prompt.id} · {output.model} · {said}")):
            record_card.show_text(output.prompt.prompt)
            record_card.show_text(output.text)
            for verdict in verdicts:
                if verdict.judgement.note:
                    st.caption(notice.plain(f"{verdict.reviewer}: {verdict.judgement.note}"))
            if output.model != "base":
                _send_back(workspace, output.id, person)


def _send_back(workspace: Workspace, output_id: int, person: str) -> None:
    st.caption("This prompt decides about releases, so it may not train in any wording. Ask for the same ability anew.")
    instruction = st.text_area("Another prompt", key=f"variant {output_id}")
    corrected = st.text_area("Right response", key=f"right {output_id}")
    if st.button("Send it to the annotation queue", key=f"send {output_id}"):
        with notice.errors():
            record = review.feedback.to_queue(
                workspace, output_id, actor=person, instruction=instruction, corrected=corrected
            )
            st.success(f"Record {record[:12]} waits at the head of the queue.")


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), notice.person_needed())
