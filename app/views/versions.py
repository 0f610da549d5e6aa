"""Versions: freeze the accepted records, look into a version, verify and export it, compare two of them."""

from __future__ import annotations

import io
import zipfile

import streamlit as st

from app import state
from app.components import comparison_view, links, notice, pickers, record_card
from curator import Workspace, overview, versions
from curator.curate import import_comparison
from curator.ingest import recent_imports
from curator.versions import comparison
from schemas.annotation import RecordState
from schemas.project import Project
from schemas.version import ExportFormat, MergedSplits, Split, SplitPlan, Version

_PAGE = 10


def render(workspace: Workspace, project: Project, person: str) -> None:
    """Freeze, then the list of versions and the chosen one."""
    st.title("Versions", anchor=False)
    notice.done("frozen")
    each, both = state.tabs("versions", ["Versions", "Compare"])
    with each:
        _show_each(workspace, project, person)
    with both, notice.errors():
        if both.open:
            _compare(workspace, project)


def _show_each(workspace: Workspace, project: Project, person: str) -> None:
    _freeze(workspace, project, person)
    all_versions = versions.newest_first(workspace)
    if not all_versions:
        st.info("There is no version yet. Freeze the accepted records to make one.", icon=":material/inventory_2:")
        return
    st.dataframe([_line(version) for version in all_versions], hide_index=True, width="stretch")
    version = pickers.choose_version(all_versions, label="Look into")
    if version is not None:
        _show(workspace, version, person)


def _freeze(workspace: Workspace, project: Project, person: str) -> None:
    accepted = overview.counts(workspace, project_id=project.id).by_state[RecordState.ACCEPTED]
    with st.expander(f"Freeze {notice.counted(accepted, 'accepted record')}", expanded=accepted > 0):
        columns = st.columns([3, 1, 1, 1], vertical_alignment="bottom")
        name = columns[0].text_input("Name", placeholder="optional, as in round-1")
        validation = columns[1].number_input("Validation", 0.0, 0.5, 0.1, 0.05)
        test = columns[2].number_input("Test", 0.0, 0.5, 0.1, 0.05)
        question = "Records that belong together and were frozen into different splits"
        answers = [each.value for each in MergedSplits]
        merged = MergedSplits(st.selectbox(question, answers, format_func=lambda value: _MERGED[MergedSplits(value)]))
        if columns[3].button("Freeze", type="primary", width="stretch", disabled=accepted == 0):
            with notice.errors():
                plan = SplitPlan(train=1 - validation - test, validation=validation, test=test)
                version = versions.freeze(
                    workspace,
                    project=project.name,
                    name=name.strip() or None,
                    plan=plan,
                    merged_splits=merged,
                    actor=person,
                )
                state.choose("version", version.id)
                holds = notice.counted(version.rows, "record")
                state.remember("frozen", f"{notice.plain(version.title)} is frozen and holds {holds}.")
                st.rerun()  # the menu has more to offer now
        st.caption(
            "Records that share a group, or ask the same or nearly the same, stay in one split, and stay there when "
            "data is added. Records whose prompt stands in a gate suite are left out."
        )


_MERGED = {
    MergedSplits.REFUSE: "Stop and list them",
    MergedSplits.OLDEST: "All go where the oldest of them stands",
    MergedSplits.TRAIN: "All go to train",
}


_OF = {"versions": "Two versions", "imports": "Two imports"}


def _compare(workspace: Workspace, project: Project) -> None:
    """Two versions or two imports side by side; which ones stands in the address."""
    kind = state.one_of("of", list(_OF), label="Compare", nothing=_OF["versions"], shown=_OF) or "versions"
    if kind == "versions":
        shown = {version.id: version.title for version in versions.newest_first(workspace)}
    else:
        batches = [batch for batch in recent_imports(workspace, project_id=project.id) if batch.undone_at is None]
        shown = {
            str(batch.id): f"{batch.file_name} (import {batch.id}, {batch.created_at:%Y-%m-%d})" for batch in batches
        }
    if len(shown) < 2:
        st.info(f"There are no two {kind} to compare yet.", icon=":material/difference:")
        return
    newest, older, *_ = shown
    left, right = st.columns(2)
    with left:
        before = state.one_of("from", list(shown), label="From", nothing=shown[older], shown=shown) or older
    with right:
        after = state.one_of("to", list(shown), label="To", nothing=shown[newest], shown=shown) or newest
    asked = (kind, before, after)
    kept = state.recall("comparison")
    if isinstance(kept, tuple) and kept[0] == asked:  # versions never change, and imports only when they are undone
        compared = kept[1]
    else:
        with st.spinner("Comparing"):
            if kind == "versions":
                compared = comparison.compare(workspace, before, after)
            else:
                compared = import_comparison.compare(workspace, int(before), int(after))
        state.remember("comparison", (asked, compared))
    comparison_view.show(compared)


def _line(version: Version) -> dict[str, object]:
    return {
        "name": version.title,
        "records": version.rows,
        **{split.value: version.splits[split] for split in Split},
        "frozen (UTC)": f"{version.created_at:%Y-%m-%d %H:%M}",
        "by": version.created_by,
    }


def _show(workspace: Workspace, version: Version, person: str) -> None:
    with notice.errors():
        manifest = versions.manifest(workspace, version.id)
        st.subheader(notice.plain(version.title), anchor=False, help=f"Version {version.id}")
        links.to("train", "Fine-tune a model on it", icon=":material/model_training:", address={"version": version.id})
        sources = ", ".join(f"{notice.plain(name)} ({rows:,})" for name, rows in sorted(manifest.sources.items()))
        st.markdown(f"Sources: {sources}")
        for warning in manifest.warnings:
            st.info(notice.plain(warning), icon=":material/info:")
        if manifest.refused_suite_matches:
            left_out = manifest.refused_suite_matches
            st.warning(f"{left_out} accepted records were left out: their prompts stand in a gate suite.")
        if st.button("Verify", help="Reads every record again and compares it with what was frozen"):
            report = versions.verify(workspace, version.id)
            if report.ok:
                st.success("Nothing has changed since it was frozen.", icon=":material/verified:")
            else:
                st.error("\n\n".join(notice.plain(problem) for problem in report.problems))
        _export(workspace, version, person)
        _browse(workspace, version)


def _export(workspace: Workspace, version: Version, person: str) -> None:
    st.subheader("Export", anchor=False)
    columns = st.columns([2, 1, 3], vertical_alignment="bottom")
    format = ExportFormat(columns[0].selectbox("Format", [each.value for each in ExportFormat]))
    out = workspace.folder / "exports" / version.id[:12] / format.value
    if columns[1].button("Export", width="stretch"):
        report = versions.export(workspace, version.id, format=format, out=out, actor=person)
        state.remember("export", report.folder)
        st.dataframe([file.model_dump() for file in report.files], hide_index=True, width="stretch")
    if state.recall("export") == out and out.is_dir():
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(each for each in out.rglob("*") if each.is_file()):
                archive.write(file, file.relative_to(out))
        columns[2].download_button("Download", packed.getvalue(), file_name=f"{version.id[:12]}-{format.value}.zip")


def _browse(workspace: Workspace, version: Version) -> None:
    st.subheader("Rows", anchor=False)
    columns = st.columns([2, 1, 3], vertical_alignment="bottom")
    split = Split(columns[0].selectbox("Split", [each.value for each in Split]))
    last = max(1, -(-version.splits[split] // _PAGE))
    page = columns[1].number_input("Page", 1, last, 1)
    for row in versions.page(workspace, version.id, split=split, offset=(page - 1) * _PAGE, limit=_PAGE):
        with st.expander(notice.plain(row.record.instruction[:100].replace("\n", " "))):
            record_card.show_context(row.record)
            record_card.show_message(row.record.messages[-1], label="Response")
            if row.record.rejected:
                for message in row.record.rejected:
                    record_card.show_message(message, label="Rejected" if message.role == "assistant" else None)
            origin = row.record.origin
            place = origin.source if origin.line is None else f"{origin.source}, line {origin.line}"
            st.caption(f"From {notice.plain(place)}", help=f"Row {row.row_id}, content {row.row_hash}")


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project(), notice.person_needed())
