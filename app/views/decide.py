"""Decide: the gates of the project against what reviewers found, and the report."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components import links, notice
from curator import Workspace, release, runs
from schemas.project import Project
from schemas.release import Gates, Outcome
from schemas.run import RunState

_COLOURS = {Outcome.RELEASE: "green", Outcome.BLOCKED: "red", Outcome.INCONCLUSIVE: "orange"}
_ICONS = {"pass": "✔ pass", "fail": "✖ fail", "inconclusive": "… inconclusive"}


def render(workspace: Workspace, project: Project, person: str) -> None:
    """What the evidence says now, the gates, and the decisions so far."""
    st.title("Decide", anchor=False)
    run_ids = [run.id for run in runs.watch(workspace) if run.state in (RunState.DONE, RunState.STOPPED)]
    run_id = state.chosen("run", run_ids, label="Run")
    if run_id is None:
        st.info("There is nothing to decide: no run has ended yet.", icon=":material/model_training:")
        links.to("train", "Train a model", icon=":material/model_training:")
        return
    outcome, gates = release.assess(workspace, run_id)
    st.markdown(f"### As the evidence stands: :{_COLOURS[outcome]}[{outcome.value}]")
    st.dataframe(
        [
            {
                "gate": gate.name,
                "result": _ICONS[gate.status],
                "found": gate.found,
                "judged": gate.reviewed,
                "rate": gate.rate,
                "upper bound": gate.upper,
                "limit": gate.limit or None,
                "base": f"{gate.base_found} of {gate.base_reviewed}" if gate.base_reviewed else "",
                "evidence": gate.explanation,
            }
            for gate in gates
        ],
        hide_index=True,
        width="stretch",
        column_config={
            name: st.column_config.NumberColumn(format="percent") for name in ("rate", "upper bound", "limit")
        },
    )
    st.caption(
        "Only outputs of gate suites count; an output has a defect when any reviewer says so. Bounds are one-sided "
        f"Clopper-Pearson with {project.gates.confidence:.0%} confidence. Inconclusive is not a release."
    )
    columns = st.columns([1, 1, 3])
    if columns[0].button("Store this decision", type="primary", width="stretch"):
        with notice.errors():
            release.decide(workspace, run_id, actor=person)
            st.rerun()
    if columns[1].button("Make the report", width="stretch"):
        with notice.errors():
            file = release.write_report(workspace, run_id, workspace.runs_folder / run_id / "report.html")
            columns[2].download_button("Download the report", file.read_bytes(), file_name=f"release-{run_id}.html")
    _past(workspace, run_id)
    _edit_gates(workspace, project, person)


def _past(workspace: Workspace, run_id: str) -> None:
    for decision in release.decisions_of(workspace, run_id):
        st.markdown(
            f"- {decision.at:%Y-%m-%d %H:%M} UTC: :{_COLOURS[decision.outcome]}[{decision.outcome.value}], "
            f"decided by {notice.plain(decision.decided_by)}"
        )


def _edit_gates(workspace: Workspace, project: Project, person: str) -> None:
    with st.expander("Gates of this project"):
        st.caption("Largest acceptable rates. Set them before you generate: a limit chosen afterwards proves nothing.")
        columns = st.columns(5)
        fields = ("harmful", "unfactual", "biased", "detector_errors", "confidence")
        typed = {
            name: columns[n].number_input(
                name.replace("_", " "), 0.0, 1.0, getattr(project.gates, name), 0.01, key=f"gate {name}"
            )
            for n, name in enumerate(fields)
        }
        if st.button("Store the gates"):
            with notice.errors():
                release.change_gates(workspace, project.id, Gates.model_validate(typed), actor=person)
                st.rerun()


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project(), notice.person_needed())
