"""Overview: where the project stands in the loop, and the next step."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components import links, notice
from curator import Workspace, overview
from schemas.account import Right
from schemas.annotation import RecordState
from schemas.project import Project


def render(workspace: Workspace, project: Project) -> None:
    """Counts of every stage, the next step, and the newest events."""
    st.title("Curator", anchor=False)
    counts = overview.counts(workspace, project_id=project.id)
    if counts.records == 0:
        st.info("This project has no records yet.", icon=":material/upload_file:")
        links.to("import_data", "Import a file", icon=":material/upload_file:")
        return
    waiting = counts.by_state[RecordState.WAITING]
    columns = st.columns(4)
    columns[0].metric("Records", f"{counts.records:,}", border=True)
    columns[1].metric("Waiting for an annotation", f"{waiting:,}", border=True)
    columns[2].metric("Accepted", f"{counts.by_state[RecordState.ACCEPTED]:,}", border=True)
    columns[3].metric("In quarantine", f"{counts.quarantined:,}", border=True)
    columns = st.columns(4)
    columns[0].metric("Versions", f"{counts.versions:,}", border=True)
    columns[1].metric("Runs done", f"{counts.runs_done:,}", border=True)
    columns[2].metric("Outputs", f"{counts.outputs:,}", border=True)
    columns[3].metric("Last decision", counts.last_decision or "none", border=True)
    st.caption(
        f"Rejected {counts.by_state[RecordState.REJECTED]:,}, set aside for a lead "
        f"{counts.by_state[RecordState.FLAGGED]:,}, in conflict {counts.by_state[RecordState.CONFLICT]:,}, gold "
        f"{counts.by_state[RecordState.GOLD]:,}."
    )
    st.subheader("Next step", anchor=False)
    page, label = _next_step(counts)
    links.to(page, label, icon=":material/arrow_forward:")
    if not state.may(state.account(), Right.CURATE):
        return
    st.subheader("What happened last", anchor=False)
    st.dataframe(
        [
            {
                "when (UTC)": f"{event.at:%Y-%m-%d %H:%M:%S}",
                "who": event.actor,
                "what": event.kind,
                "about": event.subject,
            }
            for event in overview.latest_events(workspace, limit=15)
        ],
        hide_index=True,
        width="stretch",
    )


def _next_step(counts: overview.Counts) -> tuple[str, str]:
    undecided = counts.by_state[RecordState.CONFLICT] + counts.by_state[RecordState.FLAGGED]
    if undecided:
        return "adjudicate", f"Decide {notice.counted(undecided, 'record')} in conflict or flagged"
    waiting = counts.by_state[RecordState.WAITING]
    if waiting:
        return "annotate", f"Annotate: {notice.counted(waiting, 'record')} {'waits' if waiting == 1 else 'wait'}"
    if not counts.versions:
        accepted = notice.counted(counts.by_state[RecordState.ACCEPTED], "accepted record")
        return "versions", f"Freeze the {accepted} into a version"
    if not counts.runs_done:
        return "train", "Fine-tune a model on a version"
    if not counts.outputs:
        return "outputs", "Let the tuned model answer a suite"
    return "review", "Review what the tuned model says"


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project())
