"""The note of a run, and the form that changes it and the name."""

from __future__ import annotations

import streamlit as st

from app.components import notice
from curator import Workspace, runs
from schemas.run import Run


def edit(workspace: Workspace, run: Run, person: str) -> None:
    """Draw both; what is kept is stored, then the page is drawn anew."""
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("Name and note", icon=":material/edit:"):
            name = st.text_input("Name", run.name, key=f"name of {run.id}")
            note = st.text_area("Note", run.note, key=f"note of {run.id}", placeholder="What to remember about it")
            if st.button("Keep", type="primary", key=f"keep {run.id}"):
                with notice.errors():
                    runs.describe(workspace, run.id, name=name, note=note, actor=person)
                    st.rerun()
        if run.note:
            st.text(run.note, width="stretch")
