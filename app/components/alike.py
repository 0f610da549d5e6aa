"""Alike: the records that share most words with the one that is shown, to label them together."""

from __future__ import annotations

import streamlit as st

from app.components import links, notice, record_card
from curator import Workspace
from curator.curate import alike, text_space
from schemas.project import Project


def offer(workspace: Workspace, project: Project, record_id: str) -> None:
    """A switch that shows them; comparing takes longer than anything else about a record."""
    if st.toggle("Records like it", key="records like it"):
        _show(workspace, project, record_id)


def _show(workspace: Workspace, project: Project, record_id: str) -> None:
    """The likest records, each with a link."""
    if not text_space.is_counted(workspace, project):
        st.info("Records can be compared once their topics were counted.", icon=":material/category:")
        links.to("coverage", "Count them under Coverage", icon=":material/category:")
        return
    with notice.errors():
        report = alike.by_words(workspace, record_id)
        for each in report.neighbours:
            row = st.container(horizontal=True, vertical_alignment="center")
            row.markdown(f"**{each.likeness:.0%}**", width=50)
            with row:
                links.to("records", f"Record {each.record_id}", address={"record": each.record_id})
            row.caption(f"{record_card.STATES[each.state]} · {notice.plain(notice.excerpt(each.instruction, 100))}")
        if not report.neighbours:
            st.caption("No record shares a word with it that is rare.")
        since = f" {notice.counted(report.not_compared, 'record')} came in since." if report.not_compared else ""
        st.caption(f"Likeness of words, among {report.compared:,} records.{since}")
