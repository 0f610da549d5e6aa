"""Overview: where the project stands in the loop, the next step, and what happened last."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components import happenings, links, loop, notice, welcome
from curator import Workspace, overview
from schemas.account import Right
from schemas.annotation import RecordState
from schemas.project import Project


def render(workspace: Workspace, project: Project) -> None:
    """The loop with the counts of every stage, the next step, and the newest events."""
    st.title("Curator", anchor=False)
    counts = overview.counts(workspace, project_id=project.id)
    if counts.records == 0:
        st.write(welcome.WHAT_IT_IS)
    loop.show(counts, with_links=True)
    states = counts.by_state
    parts = [
        f"{states[state]:,} {name}"
        for state, name in (
            (RecordState.REJECTED, "rejected"),
            (RecordState.CONFLICT, "in conflict"),
            (RecordState.FLAGGED, "flagged"),
            (RecordState.GOLD, "gold"),
        )
        if states[state]
    ]
    if parts:
        st.caption(f"Of {notice.counted(counts.records, 'record')}: {', '.join(parts)}.")
    if counts.quarantined:
        rows = notice.counted(counts.quarantined, "row")
        links.to("quarantine", f"{rows} could not be read and can be mended", icon=":material/rule:")
    if not state.may(state.account(), Right.CURATE):
        return
    st.subheader("What happened last", anchor=False)
    latest = overview.latest_events(workspace, limit=300)
    if latest:
        happenings.show(latest, now=workspace.clock(), names=overview.names(workspace))
    else:
        st.caption("Nothing yet.")


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project())
