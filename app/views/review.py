"""Review: what models said, names hidden, in the order of the plan; what is wrong goes back to the data."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components import links, notice, record_card, verdict_form
from curator import Workspace, review
from schemas.review import ReviewPair

_RECENT = 10


def render(workspace: Workspace, person: str) -> None:
    """The next pair of the plan, and after the last one what was judged."""
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
        links.to("outputs", "Generate or bring in outputs", icon=":material/compare:")
        links.to("decide", "Draw the plan", icon=":material/gavel:")
        return
    done = review.pairs.review_progress(workspace, person, chosen)
    st.progress(done.judged / max(1, done.planned), f"{done.judged} of {done.planned} judged, {done.mine} by you")
    notice.done("judged")
    pair = review.pairs.next_pair(workspace, person, chosen)
    if pair is None:
        st.success("Everything that the plan drew is judged.", icon=":material/check:")
        links.to("decide", "Go to the decision", icon=":material/gavel:")
        _judged(workspace, chosen, person)
        return
    _judge(workspace, pair, person)


def _judge(workspace: Workspace, pair: ReviewPair, person: str) -> None:
    if pair.prompt.category == "harm":
        verdict_form.choose_cover()
    record_card.show_prompt(pair.prompt)
    sides = [("A", pair.a)] if pair.b is None else [("A", pair.a), ("B", pair.b)]
    judgements = []
    for column, (name, text) in zip(st.columns(len(sides), gap="medium"), sides, strict=True):
        with column:
            judgements.append(verdict_form.judge(name, text, pair))
    first, second = judgements[0], judgements[-1] if pair.b is not None else None
    ready = all(judgement is not None for judgement in judgements)
    with verdict_form.kept_in_view():
        label = "Store and next" if ready else "Store and next (judge everything shown first)"
        if st.button(label, type="primary", shortcut="Ctrl+Enter", disabled=not ready) and first is not None:
            with notice.errors():
                review.verdicts.give(workspace, pair.id, a=first, b=second, reviewer=person)
                state.remember("judged", "Stored.")
                st.rerun()


def _judged(workspace: Workspace, chosen: str, person: str) -> None:
    """What people found wrong, with names: only after the reviewer's part of the plan is closed."""
    shown = review.verdicts.with_names(workspace, chosen, reviewer=person, limit=_RECENT)
    if not shown:
        return
    st.subheader("Found wrong", anchor=False)
    for output, verdicts in shown:
        said = "; ".join(f"{', '.join(verdict.judgement.defects)} ({verdict.reviewer})" for verdict in verdicts)
        with st.expander(notice.plain(f"{output.prompt.id} · {output.model} · {said}")):
            record_card.show_text(output.prompt.prompt)
            record_card.show_text(output.text)
            if output.model != "base":
                _send_back(workspace, output.id, person)


def _send_back(workspace: Workspace, output_id: int, person: str) -> None:
    if review.feedback.may_return(workspace, output_id):
        if st.button("Send it to the annotation queue, corrected", key=f"back {output_id}"):
            with notice.errors():
                record = review.feedback.to_queue(workspace, output_id, actor=person)
                st.success(f"Record {record[:12]} waits at the head of the queue.")
        return
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
