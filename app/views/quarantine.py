"""Quarantine: rows that failed an import, kept word for word until they are corrected, mapped anew or discarded."""

from __future__ import annotations

import orjson
import streamlit as st

from app import state
from app.components import column_form, notice
from curator import Workspace
from curator.ingest import quarantine
from curator.ingest.quarantine import Chosen
from schemas.importing import FieldMap, QuarantinedRow, RetryReport, WaitingRows
from schemas.project import Project

_SHOWN = 500
_SAMPLE = 100  # rows whose columns are offered


def render(workspace: Workspace, project: Project, person: str) -> None:
    """The waiting rows; choose some, correct one, try them in another way or discard them."""
    st.title("Quarantine", anchor=False)
    notice.done("rows done")
    counts = quarantine.waiting_by_rule(workspace, project=project.name)
    if not counts:
        st.info("No row waits here: everything that was read is a record or already known.", icon=":material/check:")
        return
    filtered, total = _choose(counts)
    rows = quarantine.waiting(workspace, project=project.name, limit=_SHOWN, chosen=filtered)
    first = f" The first {len(rows)} are shown." if total > len(rows) else ""
    st.write(f"{notice.counted(total, 'row')} {'waits' if total == 1 else 'wait'}.{first}")
    selected = _show(rows)
    chosen = Chosen(rows=[row.id for row in selected]) if selected else filtered
    everything = f"all {total:,} rows" if total > 1 else "this row"
    which = notice.counted(len(selected), "chosen row") if selected else everything
    correct, again, discard = state.tabs("quarantine", ["Correct a row", "Try again", "Discard"])
    with correct, notice.errors():
        _correct(workspace, project, person, selected[0] if selected else rows[0])
    with again, notice.errors():
        _try_again(workspace, project, person, rows, chosen, which)
    with discard, notice.errors():
        _discard(workspace, project, person, chosen, which)
    lines = (orjson.dumps({"file": row.file_name, **row.issue.model_dump()}) for row in rows)
    st.download_button("Download the rows that are shown", b"\n".join(lines) + b"\n", file_name="quarantine.jsonl")


def _choose(counts: list[WaitingRows]) -> tuple[Chosen, int]:
    """Which rows are looked at, and how many they are."""
    left, right = st.columns(2)
    files = list(dict.fromkeys(each.file_name for each in counts))
    with left:
        file_name = state.one_of("file", files, label="File", nothing=f"every file ({len(files)})")
    rules = sorted({each.rule for each in counts if file_name in (None, each.file_name)})
    with right:
        rule = state.one_of("rule", rules, label="Rule", nothing=f"every rule ({len(rules)})")
    total = sum(each.rows for each in counts if file_name in (None, each.file_name) and rule in (None, each.rule))
    return Chosen(rule, file_name), total


def _show(rows: list[QuarantinedRow]) -> list[QuarantinedRow]:
    """Draw the rows. Returns those that are chosen."""
    table = [
        {"file": row.file_name, **row.issue.model_dump(include={"line", "field", "rule", "problem"})} for row in rows
    ]
    picked = st.dataframe(
        table,
        hide_index=True,
        width="stretch",
        column_order=["problem", "line", "file", "field", "rule"],
        column_config={"problem": st.column_config.TextColumn(width=330), "line": st.column_config.Column(width=50)},
        on_select="rerun",
        selection_mode="multi-row",
        key="quarantine rows",
    )
    return [rows[n] for n in picked.selection.rows if n < len(rows)]


def _correct(workspace: Workspace, project: Project, person: str, row: QuarantinedRow) -> None:
    st.markdown(f"**{notice.plain(row.file_name)}, line {row.issue.line}**")
    st.warning(notice.plain(row.issue.problem), icon=":material/rule:")
    text = st.text_area("Text of the row", row.issue.text, height=200, key=f"row {row.id}")
    if st.button("Try this text", type="primary"):
        report = quarantine.retry(workspace, actor=person, project=project.name, texts={row.id: text})
        if report.issues:
            st.error(notice.plain(report.issues[0].problem), icon=":material/error:")
        else:
            state.remember("rows done", "Imported." if report.imported else "The record is already known.")
            st.rerun()


def _try_again(
    workspace: Workspace, project: Project, person: str, rows: list[QuarantinedRow], chosen: Chosen, which: str
) -> None:
    st.caption("What you choose here takes the place of the mapping with which the rows came.")
    format = column_form.choose_format("as their import", key="again")
    columns = quarantine.columns(workspace, rows[:_SAMPLE])
    field_map = column_form.choose(columns, FieldMap(), key="again")
    if st.button(f"Try {which} again", type="primary"):
        report = quarantine.retry(
            workspace,
            actor=person,
            project=project.name,
            chosen=chosen,
            format=format,
            field_map=field_map if field_map.columns else None,
        )
        if report.imported + report.duplicates:
            state.remember("rows done", _sum(report))
            st.rerun()
        first = f" The first: {notice.plain(report.issues[0].problem)}" if report.issues else ""
        st.error(f"{_sum(report)}{first}", icon=":material/error:")


def _sum(report: RetryReport) -> str:
    return (
        f"{notice.counted(report.rows, 'row')} = {report.imported:,} imported + {report.duplicates:,} already known + "
        f"{report.still_failing:,} still failing."
    )


def _discard(workspace: Workspace, project: Project, person: str, chosen: Chosen, which: str) -> None:
    reason = st.text_input("Reason", key="discard reason", placeholder="Stands beside the rows, which are kept")
    if st.button(f"Discard {which}", disabled=not reason.strip()):
        ended = quarantine.discard(workspace, actor=person, project=project.name, reason=reason, chosen=chosen)
        state.remember("rows done", f"{notice.counted(ended, 'row')} discarded.")
        st.rerun()


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project(), notice.person_needed())
