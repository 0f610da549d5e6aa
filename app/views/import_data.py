"""Import: a file of instruction-response pairs becomes records; bad rows go to quarantine.

A file is looked at before anything of it is stored: its first rows are shown as the records that they would become.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app import state
from app.components import links, notice
from curator import Workspace
from curator.ingest import import_file, preview, recent_imports, remembered_mapping
from curator.ingest.preview import Preview
from schemas.importing import FieldMap, Format, ImportReport, RowIssue
from schemas.project import Project
from schemas.record import Record

# MB: no file is refused in the browser, by its size or its kind, since that would leave the last one in its place; the
# server refuses a file over its limit itself.
_ANY_SIZE = 10**6
_AUTOMATIC = "recognise it"
_WORDS = {
    "instruction": "Instruction",
    "response": "Response",
    "system": "System prompt",
    "rejected": "Rejected response",
    "group": "Group",
    "licence": "Licence",
    "language": "Language",
    "source": "Source",
}
_OWN = "under its own name"
_LABEL = "labels."


def render(workspace: Workspace, project: Project, person: str) -> None:
    """Choose a file, see what it would become, import it, see the sum."""
    st.title("Import", anchor=False)
    limit = st.get_option("server.maxUploadSize")
    st.write(
        f"JSON, JSON lines, CSV, Parquet, Arrow or Excel, each also packed as .gz or .zst, up to {limit:,} MB. "
        "Larger files and folders come in with `curator import` on the server."
    )
    given = st.file_uploader("File", max_upload_size=_ANY_SIZE)
    if given is not None:
        with notice.errors():
            _import(workspace, project, person, given)
    elif isinstance(report := state.recall("import report"), ImportReport):
        _show(report)
    _show_recent(workspace, project)


def _import(workspace: Workspace, project: Project, person: str, given: UploadedFile) -> None:
    upload = _kept(given)
    looked = preview(upload.file)
    key = upload.file_id
    remembered = _remembered(workspace, project, upload, looked.columns)
    with st.expander("Format and columns", expanded=looked.format is None or bool(remembered.columns)):
        chosen = st.selectbox("Format", [_AUTOMATIC, *(each.value for each in Format)], key=f"format {key}")
        format = None if chosen == _AUTOMATIC else Format(chosen)
        field_map = _choose_columns(looked.columns, remembered, key=key)
    if field_map.columns or format is not None:
        looked = preview(upload.file, format=format, field_map=field_map)
    _show_preview(looked)
    accept = st.toggle(
        "Take the records as already reviewed",
        help="They can be frozen at once. Leave it off to have people look first.",
    )
    if st.button(f"Import {notice.plain(upload.file.name)}", type="primary", disabled=looked.format is None):
        state.once("import report")  # what stands there is about another file
        with st.spinner(f"Importing {upload.file.name}"):
            report = import_file(
                workspace,
                upload.file,
                actor=person,
                format=format,
                field_map=field_map,
                accept=accept,
                project=project.name,
            )
        state.remember("import report", report)
        state.remember("imported upload", key)
    shown = state.recall("import report")
    if isinstance(shown, ImportReport) and state.recall("imported upload") == key:
        _show(shown)


class _Upload(NamedTuple):
    """A file that a browser sent, on the disk for as long as the browser's session lasts."""

    file_id: str
    folder: tempfile.TemporaryDirectory[str]
    file: Path


def _kept(given: UploadedFile) -> _Upload:
    """The file that was sent, written to the disk once."""
    upload = state.recall("upload")
    if not isinstance(upload, _Upload) or upload.file_id != given.file_id:
        folder = tempfile.TemporaryDirectory()
        upload = _Upload(given.file_id, folder, Path(folder.name) / (Path(given.name).name or "upload"))
        upload.file.write_bytes(given.getbuffer())
        state.remember("upload", upload)
    return upload


def _remembered(workspace: Workspace, project: Project, upload: _Upload, columns: tuple[str, ...]) -> FieldMap:
    """The mapping that a file with the same columns had when this one was chosen; its own import changes nothing."""
    kept = state.recall("remembered mapping")
    if not isinstance(kept, tuple) or kept[0] != upload.file_id:
        kept = (upload.file_id, remembered_mapping(workspace, columns, project_id=project.id))
        state.remember("remembered mapping", kept)
    field_map: FieldMap = kept[1]
    return field_map


def _choose_columns(columns: tuple[str, ...], remembered: FieldMap, *, key: str) -> FieldMap:
    """The mapping that is chosen from lists; it begins with the one that a file with the same columns had."""
    if remembered.columns:
        st.caption("Chosen as for the last file with the same columns.")
    chosen: dict[str, str] = {}
    fields = st.columns(4)
    for n, (word, title) in enumerate(_WORDS.items()):
        before = remembered.columns.get(word)
        column = fields[n % 4].selectbox(
            title,
            columns,
            index=columns.index(before) if before in columns else None,
            placeholder=_OWN,
            key=f"{word} {key}",
        )
        if column is not None:
            chosen[word] = column
    labels = [column for word, column in remembered.columns.items() if word.startswith(_LABEL) and column in columns]
    for column in st.multiselect("Labels", columns, default=labels, placeholder="none", key=f"labels {key}"):
        chosen[f"{_LABEL}{column}"] = column
    return FieldMap(columns=chosen)


def _show_preview(looked: Preview) -> None:
    if looked.format is None:
        st.info(
            f"{notice.plain(looked.problem or '')} Choose above which columns hold instruction and response.",
            icon=":material/table_chart:",
        )
        return
    st.subheader("First rows", anchor=False)
    st.caption(f"Read as {looked.format.value.replace('_', ' ')}. Nothing is stored yet.")
    st.dataframe([_preview_row(each) for each in looked.checked], hide_index=True, width="stretch")


def _preview_row(checked: Record | RowIssue) -> dict[str, str | None]:
    if isinstance(checked, RowIssue):
        return {"line": str(checked.line), "instruction": None, "response": None, "to quarantine": checked.problem}
    last_call = checked.messages[-1].tool_calls
    row: dict[str, str | None] = {
        "line": str(checked.origin.line),
        "instruction": checked.instruction,
        "response": checked.response or ", ".join(call.name for call in last_call),
    }
    system = next((message.content for message in checked.messages if message.role == "system"), None)
    others = {
        "system": system,
        "messages": str(len(checked.messages)) if len(checked.messages) > 2 else None,
        "rejected": " ".join(message.content for message in checked.rejected) or None,
        "desirable": None if checked.desirable is None else "yes" if checked.desirable else "no",
        "tools": str(len(checked.tools)) if checked.tools else None,
        "group": checked.group,
        "licence": checked.licence,
        "language": checked.language,
        "labels": ", ".join(f"{name}: {label}" for name, label in checked.labels.items()) or None,
    }
    return row | {name: value for name, value in others.items() if value is not None}


def _show(report: ImportReport) -> None:
    message = (
        f"{notice.plain(report.file)} ({report.format.value}): read {report.read:,} = {report.imported:,} imported + "
        f"{report.quarantined:,} quarantined + {report.duplicates:,} already known"
    )
    if not report.quarantined:
        st.success(message, icon=":material/check:")
    else:
        st.warning(message, icon=":material/rule:")
        st.dataframe(
            [issue.model_dump(include={"line", "field", "rule", "problem"}) for issue in report.issues],
            hide_index=True,
            width="stretch",
        )
        links.to("quarantine", "Fix the rows in quarantine", icon=":material/rule:")
    if report.imported:
        links.to("annotate", "Annotate what came in", icon=":material/edit_note:")


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


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project(), notice.person_needed())
