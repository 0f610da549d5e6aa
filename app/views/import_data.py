"""Import: a file of instruction-response pairs becomes records; bad rows go to quarantine."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from app import state
from app.components import links, notice
from curator import Workspace
from curator.ingest import import_file, recent_imports
from schemas.importing import FieldMap, Format, ImportReport
from schemas.project import Project

_AUTOMATIC = "recognise it"


def render(workspace: Workspace, project: Project, person: str) -> None:
    """Choose a file, import it, see the sum."""
    st.title("Import", anchor=False)
    st.write("Alpaca, prompt and completion, OpenAI chat and ShareGPT, as JSON array, JSON lines or CSV.")
    given = st.file_uploader("File", type=["json", "jsonl", "ndjson", "csv", "tsv"])
    with st.expander("Settings"):
        format = st.selectbox("Format", [_AUTOMATIC, *(each.value for each in Format)])
        mapping = st.text_input(
            "Columns with other names",
            placeholder="instruction=question, output=answer",
            help="field=column, separated by commas. Every field that is not named keeps its own name.",
        )
    accept = st.toggle(
        "Take the records as already reviewed",
        help="They can be frozen at once. Leave it off to have people look first.",
    )
    if st.button("Import", type="primary", disabled=given is None) and given is not None:
        with notice.errors(), tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / Path(given.name).name
            file.write_bytes(given.getbuffer())
            with st.spinner(f"Importing {file.name}"):
                report = import_file(
                    workspace,
                    file,
                    actor=person,
                    format=None if format == _AUTOMATIC else Format(format),
                    field_map=_field_map(mapping),
                    accept=accept,
                    project=project.name,
                )
            state.remember("import report", report)
    shown = state.recall("import report")
    if isinstance(shown, ImportReport):
        _show(shown)
    _show_recent(workspace, project)


def _show(report: ImportReport) -> None:
    message = (
        f"{notice.plain(report.file)} ({report.format.value}): read {report.read:,} = {report.imported:,} imported + "
        f"{report.quarantined:,} quarantined + {report.duplicates:,} already known"
    )
    if report.quarantined:
        st.warning(message, icon=":material/rule:")
        st.dataframe(
            [issue.model_dump(include={"line", "field", "rule", "problem"}) for issue in report.issues],
            hide_index=True,
            width="stretch",
        )
        links.to("quarantine", "Fix the rows in quarantine", icon=":material/rule:")
    else:
        st.success(message, icon=":material/check:")


def _show_recent(workspace: Workspace, project: Project) -> None:
    batches = recent_imports(workspace, project_id=project.id)
    if not batches:
        return
    st.subheader("Imports", anchor=False)
    st.dataframe(
        [
            {
                "when (UTC)": f"{batch.created_at:%Y-%m-%d %H:%M}",
                "file": batch.file_name,
                "format": batch.format,
                "read": batch.read,
                "imported": batch.imported,
                "quarantined": batch.quarantined,
                "already known": batch.duplicates,
                "complete": batch.finished,
                "by": batch.actor,
            }
            for batch in batches
        ],
        hide_index=True,
        width="stretch",
    )


def _field_map(text: str) -> FieldMap:
    pairs = (part.partition("=") for part in text.split(",") if "=" in part)
    return FieldMap(columns={field.strip(): column.strip() for field, _, column in pairs})


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project(), notice.person_needed())
