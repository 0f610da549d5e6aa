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
from app.components import column_form, links, notice, uploaded
from curator import Workspace
from curator.ingest import import_file, preview, recent_imports, remembered_mapping, undo_import
from curator.ingest.preview import Preview
from schemas.importing import FieldMap, ImportReport, RowIssue
from schemas.project import Project
from schemas.record import Record

_WIDTHS = {
    name: st.column_config.Column(width=pixels)
    for name, pixels in (
        ("when (UTC)", 125), ("file", 150), ("read", 55), ("imported", 75), ("quarantined", 90), ("already known", 105),
        ("state", 85), ("by", 70),
    )
}  # fmt: skip


def render(workspace: Workspace, project: Project, person: str) -> None:
    """Choose a file, see what it would become, import it, see the sum."""
    st.title("Import", anchor=False)
    limit = st.get_option("server.maxUploadSize")
    st.write(
        f"JSON, JSON lines, CSV, Parquet, Arrow or Excel, each also packed as .gz or .zst, up to {limit:,} MB. "
        "Larger files and folders come in with `curator import` on the server."
    )
    sent = st.file_uploader("File", max_upload_size=uploaded.ANY_SIZE)
    if sent is not None:
        with notice.errors():
            _import(workspace, project, person, sent)
    elif isinstance(report := state.recall("import report"), ImportReport):
        _show(report)
    _show_recent(workspace, project, person)


def _import(workspace: Workspace, project: Project, person: str, sent: UploadedFile) -> None:
    upload = _kept(sent)
    looked = preview(upload.file)
    if not looked.columns and not looked.checked:
        st.error(
            f"No row of {notice.plain(upload.file.name)} can be read.\n\n"
            "**Next:** Check that it is whole, and of one of the kinds above.",
            icon=":material/error:",
        )
        return
    key = upload.file_id
    told = st.container()
    remembered = _remembered(workspace, project, upload, looked.columns)
    with st.expander("Format and columns", expanded=looked.format is None or bool(remembered.columns)):
        if remembered.columns:
            st.caption("Chosen as for the last file with the same columns.")
        format = column_form.choose_format("recognise it", key=key)
        field_map = column_form.choose(looked.columns, remembered, key=key)
    if field_map.columns or format is not None:
        looked = preview(upload.file, format=format, field_map=field_map)
    _show_preview(looked, is_stored=state.recall("imported upload") == key)
    accept = st.toggle(
        "Take the records as already reviewed",
        help="They can be frozen at once. Leave it off to have people look first.",
    )
    if st.button(f"Import {notice.plain(upload.file.name)}", type="primary", disabled=looked.format is None):
        state.once("import report")  # what stands there is about another file
        with st.spinner(f"Importing {notice.plain(upload.file.name)}"):
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
        state.remember("imported as reviewed", accept)
        st.rerun()  # the menu has more to offer now
    shown = state.recall("import report")
    if isinstance(shown, ImportReport) and state.recall("imported upload") == key:
        with told:  # above the rows, where it is seen
            _show(shown)


class _Upload(NamedTuple):
    """A file that a browser sent, on the disk for as long as the browser's session lasts."""

    file_id: str
    folder: tempfile.TemporaryDirectory[str]
    file: Path


def _kept(sent: UploadedFile) -> _Upload:
    """The file that was sent, written to the disk once."""
    upload = state.recall("upload")
    if not isinstance(upload, _Upload) or upload.file_id != sent.file_id:
        folder = tempfile.TemporaryDirectory()
        upload = _Upload(sent.file_id, folder, uploaded.write(sent, Path(folder.name)))
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


def _show_preview(looked: Preview, *, is_stored: bool) -> None:
    if looked.format is None:
        st.info(
            f"{notice.plain(looked.problem or '')} Choose above which columns hold instruction and response.",
            icon=":material/table_chart:",
        )
        return
    st.subheader("First rows", anchor=False)
    said = "They are stored." if is_stored else "Nothing is stored yet."
    st.caption(f"Read as {looked.format.value.replace('_', ' ')}. {said}")
    rows = [_preview_row(each) for each in looked.checked]
    widths = {name: st.column_config.TextColumn(width="medium") for name in ("instruction", "response", "rejected")}
    st.dataframe(rows, hide_index=True, width="stretch", column_config=widths)
    if looked.unread and not is_stored:
        st.info(
            f"Not read: {_named(looked.unread)}. Choose above what they hold if a model should learn them.",
            icon=":material/visibility_off:",
        )


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
    if report.quarantined:
        st.warning(message, icon=":material/rule:")
    else:
        st.success(message, icon=":material/check:")
    if report.still_waiting:
        st.info(
            f"{notice.counted(report.still_waiting, 'known record')} still wait for an annotator: an earlier import "
            "brought them to be annotated. Undo that one below, and they are accepted as this one brought them.",
            icon=":material/hourglass_top:",
        )
    with st.container(horizontal=True):
        if report.imported and state.recall("imported as reviewed"):
            links.to("versions", "Freeze what came in", icon=":material/inventory_2:")
        elif report.imported:
            links.to("annotate", "Annotate what came in", icon=":material/edit_note:")
        if report.quarantined:
            links.to("quarantine", "Fix the rows in quarantine", icon=":material/rule:")
    if report.unread:
        st.info(
            f"Not read: {_named(report.unread)}. They stay with the row as it came; where a model should learn them, "
            "undo the import and choose the columns.",
            icon=":material/visibility_off:",
        )
    if report.quarantined:
        st.dataframe(
            [issue.model_dump(include={"line", "field", "rule", "problem"}) for issue in report.issues],
            hide_index=True,
            width="stretch",
            column_order=["problem", "line", "field", "rule"],
        )


def _named(columns: tuple[str, ...]) -> str:
    return ", ".join(notice.plain(column) for column in columns)


def _show_recent(workspace: Workspace, project: Project, person: str) -> None:
    batches = recent_imports(workspace, project_id=project.id)
    if not batches:
        return
    st.subheader("Imports", anchor=False)
    notice.done("import undone")
    picked = st.dataframe(
        [
            {
                "when (UTC)": f"{batch.created_at:%Y-%m-%d %H:%M}",
                "file": batch.file_name,
                "read": batch.read,
                "imported": batch.imported,
                "quarantined": batch.quarantined,
                "already known": batch.duplicates,
                "state": "undone" if batch.undone_at else "complete" if batch.finished else "stopped half-way",
                "by": batch.actor,
                "format": batch.format.replace("_", " "),
            }
            for batch in batches
        ],
        hide_index=True,
        width="stretch",
        column_config=_WIDTHS,
        on_select="rerun",
        selection_mode="single-row",
        key="imports",
    )
    rows = picked.selection.rows
    batch = batches[rows[0]] if rows and rows[0] < len(batches) else None
    if batch is None:
        st.caption("Choose an import to undo it.")
    elif batch.undone_at is not None:
        st.caption(f"Undone by {notice.plain(batch.undone_by or '')}. Import the file again to bring it back.")
    elif st.button(f"Undo the import of {notice.plain(batch.file_name)}", icon=":material/undo:"):
        with notice.errors():
            report = undo_import(workspace, batch.id, actor=person)
            words = f"{notice.counted(report.removed, 'record')} removed."
            if report.kept:
                words += f" {notice.counted(len(report.kept), 'record')} kept, since people worked on them."
            if report.shared:
                words += f" {notice.counted(report.shared, 'record')} kept, since another import brought them too."
            state.remember("import undone", words)
            st.rerun()


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project(), notice.person_needed())
