"""Quarantine: rows that failed an import, kept word for word until a lead fixes them."""

from __future__ import annotations

import orjson
import streamlit as st

from app import state
from app.components import notice
from curator import Workspace
from curator.ingest import quarantine
from schemas.project import Project

_SHOWN = 500


def render(workspace: Workspace, project: Project, person: str) -> None:
    """The waiting rows; pick one, correct its text, try it again."""
    st.title("Quarantine", anchor=False)
    message = state.once("row fixed")
    if message:
        st.success(str(message), icon=":material/check:")
    rows = quarantine.waiting(workspace, project=project.name, limit=_SHOWN)
    if not rows:
        st.info("No row waits here: everything that was read is a record or already known.", icon=":material/check:")
        return
    st.write(
        f"{len(rows):,} rows wait{' (the first are shown)' if len(rows) == _SHOWN else ''}. Choose one to mend it."
    )
    table = [
        {"file": row.file_name, **row.issue.model_dump(include={"line", "field", "rule", "problem"})} for row in rows
    ]
    picked = st.dataframe(
        table, hide_index=True, width="stretch", on_select="rerun", selection_mode="single-row", key="quarantine rows"
    )
    selected = picked.selection.rows
    row = rows[selected[0] if selected and selected[0] < len(rows) else 0]
    st.subheader(f"{row.file_name}, line {row.issue.line}", anchor=False)
    st.warning(notice.plain(row.issue.problem), icon=":material/rule:")
    text = st.text_area("Text of the row", row.issue.text, height=200, key=f"row {row.id}")
    if st.button("Try this text", type="primary"):
        with notice.errors():
            report = quarantine.retry(workspace, actor=person, project=project.name, texts={row.id: text})
            if report.issues:
                st.error(notice.plain(report.issues[0].problem), icon=":material/error:")
            else:
                state.remember("row fixed", "Imported." if report.imported else "The record is already known.")
                st.rerun()
    lines = (orjson.dumps({"file": row.file_name, **row.issue.model_dump()}) for row in rows)
    st.download_button("Download the rows", b"\n".join(lines) + b"\n", file_name="quarantine.jsonl")


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project(), notice.person_needed())
