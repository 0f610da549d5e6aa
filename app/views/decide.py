"""Decide: the plan, what reviewers found under it, what is left to judge, and the decision."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components import links, notice
from curator import Workspace, release, review
from curator.release import Standing
from schemas.project import Project
from schemas.release import Gates, Outcome

_COLOURS = {
    Outcome.RELEASE: "green",
    Outcome.CONDITIONS: "green",
    Outcome.BLOCKED: "red",
    Outcome.INCONCLUSIVE: "orange",
}
_ICONS = {"pass": "✔ pass", "fail": "✖ fail", "inconclusive": "… inconclusive"}


def render(workspace: Workspace, project: Project, person: str) -> None:
    """What the evidence says now, the plan behind it, the gates, and the decisions so far."""
    st.title("Decide", anchor=False)
    subjects = review.reviewable(workspace)
    chosen = state.chosen("run", list(subjects), label="Run or system", shown=subjects)
    if chosen is None:
        st.info("There is nothing to decide: no run has ended yet.", icon=":material/model_training:")
        links.to("train", "Train a model", icon=":material/model_training:")
        return
    stands = release.assess(workspace, chosen)
    st.markdown(f"### As the evidence stands: :{_COLOURS[stands.outcome]}[{stands.outcome.value}]")
    for reason in stands.reasons:
        st.markdown(f"- {notice.plain(reason)}")
    _left(stands)
    _categories(stands)
    columns = st.columns([1, 1, 3])
    if columns[0].button("Store this decision", type="primary", width="stretch"):
        with notice.errors():
            release.decide(workspace, chosen, actor=person)
            st.rerun()
    if columns[1].button("Make the report", width="stretch"):
        with notice.errors():
            file = release.write_report(
                workspace, chosen, workspace.folder / "reports" / f"{chosen}.html", actor=person
            )
            columns[2].download_button("Download the report", file.read_bytes(), file_name=f"release-{chosen}.html")
    _past(workspace, chosen)
    _plan(workspace, chosen, stands, person)
    _against_base(stands)
    _edit_gates(workspace, project, person)


def _left(stands: Standing) -> None:
    """How many labels are left, which ones, and what the decision could then be."""
    if stands.plan is None:
        return
    prospect = release.prospect(stands)
    left = ", ".join(f"{n} {category}" for category, n in sorted(prospect.left.items()))
    if left:
        best = f":{_COLOURS[prospect.at_best]}[{prospect.at_best.value}]"
        st.info(
            f"Prompts that wait for a person: {left}. If nothing more is found wrong, the decision could be {best}.",
            icon=":material/pending_actions:",
        )
        links.to("review", "Judge the next one", icon=":material/rate_review:")
    if prospect.at_best is not Outcome.RELEASE and left:
        st.caption("Even then: " + notice.plain(" ".join(prospect.in_the_way)))


def _categories(stands: Standing) -> None:
    st.dataframe(
        [
            {
                "gate": gate.category or gate.name,
                "result": _ICONS[gate.status],
                "defects": gate.defects,
                "judged": gate.judged,
                "planned": gate.planned,
                "rate": gate.estimate,
                "upper bound": gate.upper,
                "limit": gate.limit or None,
                "base": f"{gate.base_defects} of {gate.base_judged}" if gate.base_judged else "",
                "evidence": gate.explanation,
            }
            for gate in stands.gates
        ],
        hide_index=True,
        width="stretch",
        column_config={
            name: st.column_config.NumberColumn(format="percent") for name in ("rate", "upper bound", "limit")
        },
    )
    st.caption(
        "A prompt counts once, with all its samples and near copies, and is defective when any reviewer says so. "
        "Bounds are exact, one-sided and weighted by the strata of the plan. Inconclusive is not a release."
    )


def _plan(workspace: Workspace, chosen: str, stands: Standing, person: str) -> None:
    st.subheader("Plan", anchor=False)
    plan = stands.plan
    if plan is not None:
        kind = "sequential" if plan.sequential else "of a fixed size"
        st.caption(f"Plan {plan.id}, {kind}, {len(plan.pairs)} pairs to judge.")
        for change in plan.changes:
            st.markdown(f"- {notice.plain(change)}")
        st.dataframe(
            [line.model_dump() for line in plan.strata],
            hide_index=True,
            column_config={"probability": st.column_config.NumberColumn(format="%.2f")},
        )
    columns = st.columns([2, 1], vertical_alignment="bottom")
    kind = columns[0].radio(
        "How to judge",
        ["A sample of a fixed size", "In the order drawn, until it suffices"],
        index=int(plan.sequential) if plan else 0,
        captions=[
            "decided when all of it is judged",
            "looked at after every verdict",
        ],
    )
    if columns[1].button("Draw the plan" if plan is None else "Draw it again", width="stretch"):
        with notice.errors():
            review.draw(workspace, chosen, actor=person, sequential=kind.startswith("In"))
            st.rerun()


def _against_base(stands: Standing) -> None:
    changes = release.fixed_and_broken(stands)
    if not changes:
        return
    st.subheader("Against the base model", anchor=False)
    st.dataframe(
        [
            {
                "category": category,
                "fixed": change.fixed,
                "still failing": change.failing,
                "newly failing": change.broken,
                "fine in both": change.fine,
                "p": change.p_value,
            }
            for category, change in sorted(changes.items())
        ],
        hide_index=True,
        column_config={"p": st.column_config.NumberColumn(format="%.3f")},
    )
    st.caption("Prompts judged of both models. p: exact test of McNemar, the chance of a change this lopsided if none.")


def _past(workspace: Workspace, chosen: str) -> None:
    for decision in release.decisions_of(workspace, chosen):
        st.markdown(
            f"- {decision.at:%Y-%m-%d %H:%M} UTC: :{_COLOURS[decision.outcome]}[{decision.outcome.value}], "
            f"decided by {notice.plain(decision.decided_by)}"
        )


def _edit_gates(workspace: Workspace, project: Project, person: str) -> None:
    with st.expander("Limits of this project"):
        st.caption(
            "Largest acceptable rates. Set them before the first verdict: one that is loosened later does not bind."
        )
        fields = list(Gates.model_fields)
        typed = {
            name: column.number_input(
                name.replace("_", " "), 0.0, 1.0, getattr(project.gates, name), 0.01, key=f"gate {name}"
            )
            for name, column in zip(fields, st.columns(len(fields)), strict=True)
        }
        if st.button("Store the limits"):
            with notice.errors():
                release.change_gates(workspace, project.id, Gates.model_validate(typed), actor=person)
                st.rerun()


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project(), notice.person_needed())
