"""Review: base and tuned output side by side, names hidden; what is wrong goes back to the data."""

from __future__ import annotations

import streamlit as st
from pydantic import ValidationError

from app import state
from app.components import links, notice, record_card
from curator import Workspace, review, runs
from schemas.review import HAZARDS, Finding, Judgement, Output, ReviewPair, Verdict
from schemas.run import RunState

_DEFECTS = {"harmful": "Harmful", "unfactual": "Unfactual", "biased": "Biased"}
_SEVERITIES = {1: "1 low", 2: "2 moderate", 3: "3 high", 4: "4 critical"}
_RECENT = 10


def render(workspace: Workspace, person: str) -> None:
    """The next pair of the chosen run, and what was judged last."""
    st.title("Review", anchor=False)
    run_ids = [run.id for run in runs.watch(workspace) if run.state in (RunState.DONE, RunState.STOPPED)]
    run_id = state.chosen("run", run_ids, label="Run")
    if run_id is None:
        st.info("There is nothing to review: no run has ended yet.", icon=":material/model_training:")
        links.to("train", "Train a model", icon=":material/model_training:")
        return
    done = review.sampling.review_progress(workspace, person, run_id)
    if done.pairs == 0:
        st.info("This run has no outputs yet.", icon=":material/compare:")
        links.to("outputs", "Generate outputs", icon=":material/compare:")
        return
    st.caption(f"You judged {done.mine} of {done.pairs} pairs; {done.anybody} have a verdict of somebody.")
    notice.done("judged")
    pair = review.sampling.next_pair(workspace, person, run_id)
    if pair is None:
        st.success("You have judged every pair of this run.", icon=":material/check:")
        links.to("decide", "Go to the decision", icon=":material/gavel:")
    else:
        _judge(workspace, pair, person)
    _recent(workspace, run_id, person)


def _judge(workspace: Workspace, pair: ReviewPair, person: str) -> None:
    record_card.show_prompt(pair.prompt)
    columns = st.columns(2, gap="medium")
    with columns[0]:
        first = _side("A", pair.a, pair.findings_a, fine_key="1")
    with columns[1]:
        second = _side("B", pair.b, pair.findings_b, fine_key="2")
    ready = first is not None and second is not None
    label = "Store and next" if ready else "Store and next (judge both sides first)"
    if st.button(label, type="primary", shortcut="Ctrl+Enter", disabled=not ready) and first and second:
        with notice.errors():
            review.verdicts.give(workspace, pair, a=first, b=second, reviewer=person)
            tuned = "A" if pair.a.model == "tuned" else "B"
            state.remember("judged", f"Stored. The tuned model was {tuned}.")
            st.rerun()


def _side(name: str, output: Output, findings: tuple[Finding, ...], *, fine_key: str) -> Judgement | None:
    """The verdict on one side, as far as it is complete. What detectors say stays hidden until it is stored."""
    st.caption(f"Output {name}")
    unsafe = any(finding.detector == "lexicon" and finding.flag for finding in findings)
    if unsafe:
        with st.expander("Words of the unsafe list; open to read"):
            record_card.show_text(output.text)
    else:
        record_card.show_text(output.text)
    key = f"{output.id}"
    # Setting, not toggling: Ctrl+Enter presses the button that has the focus, too.
    if st.button(f"{name} is fine", shortcut=fine_key, width="stretch", key=f"fine {key}"):
        state.remember(f"fine {key}", True)
    columns = st.columns(3)
    defects = [
        defect
        for n, (defect, label) in enumerate(_DEFECTS.items())
        if columns[n].checkbox(label, key=f"{defect} {key}")
    ]
    hazard = severity = None
    if "harmful" in defects:
        hazard = st.selectbox("Category", list(HAZARDS), format_func=HAZARDS.__getitem__, key=f"hazard {key}")
        severity = st.selectbox(
            "Severity", list(_SEVERITIES), None, format_func=_SEVERITIES.__getitem__, key=f"severity {key}"
        )
    fine = bool(state.recall(f"fine {key}")) and not defects
    if fine:
        st.caption(":green[:material/check: Fine.] Tick what is wrong to change it.")
    note = st.text_input("Note", key=f"note {key}")
    chosen = dict.fromkeys(defects, True)
    try:
        return Judgement(fine=fine, **chosen, hazard=hazard, severity=severity, note=note)
    except ValidationError:  # not complete yet
        return None


def _recent(workspace: Workspace, run_id: str, person: str) -> None:
    judged = review.verdicts.recent(workspace, run_id, limit=_RECENT)
    if not judged:
        return
    st.subheader("Judged last", anchor=False)
    for output, verdict, findings in judged:
        said = _said(verdict)
        with st.expander(f"{output.prompt.id} · {output.model} · {said} · {notice.plain(verdict.reviewer)}"):
            record_card.show_text(output.prompt.prompt)
            record_card.show_text(output.text)
            for finding in findings:
                if finding.flag:
                    st.caption(f"{finding.detector}: {notice.plain(finding.reason)}")
            if output.model == "tuned" and not verdict.judgement.fine:
                _send_back(workspace, output, person)


def _send_back(workspace: Workspace, output: Output, person: str) -> None:
    if review.feedback.may_return(workspace, output.id):
        if st.button("Send it to the annotation queue, corrected", key=f"back {output.id}"):
            with notice.errors():
                record = review.feedback.to_queue(workspace, output.id, actor=person)
                st.success(f"Record {record[:12]} waits at the head of the queue.")
        return
    st.caption("This prompt decides about releases, so it may not train. Write a variant of it to teach the same.")
    instruction = st.text_area("Variant of the prompt", output.prompt.prompt, key=f"variant {output.id}")
    corrected = st.text_area("Right response", output.prompt.reference or "", key=f"right {output.id}")
    if st.button("Send the variant to the annotation queue", key=f"send {output.id}"):
        with notice.errors():
            record = review.feedback.to_queue(
                workspace, output.id, actor=person, instruction=instruction, corrected=corrected
            )
            st.success(f"Record {record[:12]} waits at the head of the queue.")


def _said(verdict: Verdict) -> str:
    judgement = verdict.judgement
    if judgement.fine:
        return "fine"
    severity = f" ({judgement.severity})" if judgement.severity else ""
    return ", ".join(name for name in _DEFECTS if getattr(judgement, name)) + severity


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), notice.person_needed())
