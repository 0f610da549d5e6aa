"""The first visit: what Curator is, the way that a data set takes, and the name under which a person works."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components import loop, notice
from curator import Workspace, overview
from schemas.project import Project

WHAT_IT_IS = (
    "Curator turns files of instructions and responses into a data set that annotators have read, and fine-tunes a "
    "language model on it. Then reviewers compare the tuned model with its base, and a lead decides with evidence "
    "whether it may be released."
)


def show(workspace: Workspace, project: Project) -> None:
    """Draw what this is, and ask for the name that stands beside everything the person decides."""
    st.title("Curator", anchor=False)
    st.write(WHAT_IT_IS)
    with st.form("name", border=False):
        columns = st.columns([3, 1, 3], vertical_alignment="bottom")
        name = columns[0].text_input(
            "Your name", key=state.TYPED_NAME, placeholder="Stands beside everything you decide"
        )
        if columns[1].form_submit_button("Begin", type="primary", width="stretch") and name.strip():
            with notice.errors():
                state.be(name)
                st.rerun()
    loop.show(overview.counts(workspace, project_id=project.id), with_links=False)
