"""The menu: the stages of the loop in its order, each once there is something to do there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from app import state
from curator import Workspace, overview
from schemas.project import Project

_NEEDS = {
    "quarantine": "quarantine",
    "annotate": "records",
    "history": "records",
    "records": "records",
    "profile": "records",
    "duplicates": "records",
    "coverage": "records",
    "adjudicate": "records",
    "team": "records",
    "versions": "records or versions",  # the labelling screen accepts them and redraws no menu
    "train": "versions",
    "runs": "runs",
    "losses": "runs",
    "chat": "runs",
    "outputs": "runs",
    "vote": "outputs",
    "review": "outputs",
    "decide": "outputs",
}
"""What must be there before a page is of use; other pages always are. Their addresses work all the same."""


def show(sections: Mapping[str, Sequence[StreamlitPage]], workspace: Workspace, project: Project) -> None:
    """Draw the links to the pages that can be used now."""
    there = overview.reached(workspace, project_id=project.id)
    with st.sidebar:
        for section, pages in sections.items():
            usable = [page for page in pages if _NEEDS.get(page.url_path) in (None, *there)]
            if section and usable:
                st.caption(section)
            for page in usable:
                st.page_link(page, width="stretch", query_params=state.in_link())
