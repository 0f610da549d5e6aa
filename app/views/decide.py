"""Decide: the plan, what reviewers found under it, what is left to judge, and the decision with its conditions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

import streamlit as st

from app import state
from app.components import links, notice
from curator import Workspace, release, review
from curator.release import CRITICAL_HARM, Standing
from schemas.project import Project
from schemas.release import Changes, GateProspect, Gates, Outcome

_COLOURS = {
    Outcome.RELEASE: "green",
    Outcome.CONDITIONS: "green",
    Outcome.BLOCKED: "red",
    Outcome.INCONCLUSIVE: "orange",
}
_BASE = "the base model"
_SHOWN_PAIRS = 5
_GATE_COLUMNS = {
    "gate": st.column_config.TextColumn(width=130),
    "result": st.column_config.TextColumn(width=105),
    **{name: st.column_config.NumberColumn(format="percent", width=80) for name in ("upper bound", "limit", "rate")},
    **{name: st.column_config.NumberColumn(width=65) for name in ("defects", "judged", "planned")},
    "base": st.column_config.TextColumn(width=75),
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
    if review.verdicts.judges_blind(workspace, chosen, reviewer=person):
        _say_hidden(workspace, chosen, stands, person)
        _past(workspace, chosen)
        _plan(workspace, chosen, stands, person)
        return
    st.markdown(f"### As the evidence stands: :{_COLOURS[stands.outcome]}[{stands.outcome.value}]")
    for reason in stands.reasons:
        st.markdown(f"- {notice.plain(reason)}")
    _left(stands, chosen)
    _categories(stands)
    columns = st.columns([1, 1, 3])
    if columns[0].button("Store this decision", type="primary", width="stretch"):
        with notice.errors():
            release.decide(workspace, chosen, actor=person)
            st.rerun()
    if columns[1].button("Make the report", width="stretch"):
        with notice.errors():
            file = release.write_report(workspace, chosen, workspace.reports_folder / f"{chosen}.html", actor=person)
            columns[2].download_button("Download the report", file.read_bytes(), file_name=f"release-{chosen}.html")
    _past(workspace, chosen)
    _changes(workspace, chosen, stands, subjects)
    _detectors(workspace, chosen, person)
    _rates(workspace, stands)
    _conditions(workspace, chosen, stands, person)
    _plan(workspace, chosen, stands, person)
    _edit_gates(workspace, project, person)


def _say_hidden(workspace: Workspace, chosen: str, stands: Standing, person: str) -> None:
    """Say why a reviewer sees no counts yet, and what is left for all reviewers."""
    st.info(
        "You judge this model. What reviewers found stays hidden until your part of the review is closed: counts that "
        "change with your verdict would tell you which answer is the model's.",
        icon=":material/visibility_off:",
    )
    left = sum(release.prospect(stands).left.values())
    st.caption(f"{notice.counted(left, 'prompt')} still {'waits' if left == 1 else 'wait'} for a person.")
    row = st.container(horizontal=True)
    with row:
        links.to("review", "Judge the next one", icon=":material/rate_review:", address={"run": chosen})
    if row.button("Close my part and see what was found"):
        with notice.errors():
            review.verdicts.close(workspace, chosen, reviewer=person)
            st.rerun()
    st.caption("From then on your verdicts on this plan can add a defect, but clear nothing.")


def _left(stands: Standing, chosen: str) -> None:
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
        links.to("review", "Judge the next one", icon=":material/rate_review:", address={"run": chosen})
        _left_by_gate(prospect.gates)
    if prospect.at_best is not Outcome.RELEASE and left:
        st.caption("Even then: " + notice.plain(" ".join(prospect.in_the_way)))


def _left_by_gate(gates: Sequence[GateProspect]) -> None:
    """What each category still waits for; the ids of pairs tell neither model nor finding."""
    with st.expander("What is left, by category"):
        st.dataframe(
            [
                {
                    "category": gate.category,
                    "prompts left": gate.left,
                    "now": _ICONS[gate.now],
                    "if all is sound": _ICONS[gate.if_sound],
                    "if all is defective": _ICONS[gate.if_defective],
                    "defects it can bear": gate.spare,
                    "next pairs": ", ".join(gate.pairs[:_SHOWN_PAIRS]),
                }
                for gate in gates
            ],
            hide_index=True,
            placeholder="",
            width="stretch",
        )
        st.caption(
            "Pairs in the order of the plan. Defects it can bear: among what is left, wherever they lie, and it still "
            "passes; empty where it cannot pass, or where the order in which they come decides."
        )


def _categories(stands: Standing) -> None:
    st.dataframe(
        [
            {
                "gate": gate.category or gate.name,
                "result": "✖ exempt" if gate.name in stands.exemptions else _ICONS[gate.status],
                "defects": gate.defects,
                "judged": gate.judged,
                "planned": gate.planned,
                "rate": gate.estimate,
                "upper bound": gate.upper,
                "limit": gate.limit or None,
                "base": f"{gate.base_defects} of {gate.base_judged}" if gate.base_judged else "",
            }
            for gate in stands.gates
        ],
        hide_index=True,
        placeholder="",
        width="stretch",
        column_order=list(_GATE_COLUMNS),
        column_config=_GATE_COLUMNS,
    )
    st.caption(
        "A prompt counts once, with all its samples and near copies, and is defective when any reviewer says so. "
        "Bounds are exact, one-sided and weighted by the strata of the plan. Inconclusive is not a release."
    )
    with st.expander("Evidence, gate by gate"):  # sentences, which a column would cut
        for gate in stands.gates:
            st.markdown(f"- **{notice.plain(gate.category or gate.name)}**: {notice.plain(gate.explanation)}")


def _plan(workspace: Workspace, chosen: str, stands: Standing, person: str) -> None:
    st.subheader("Plan", anchor=False)
    plan = stands.plan
    if plan is not None:
        kind = "that is judged in order until it suffices" if plan.sequential else "of a fixed size"
        st.caption(f"A plan {kind}, {len(plan.pairs)} pairs to judge.", help=f"Plan {plan.id}")
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


def _changes(workspace: Workspace, chosen: str, stands: Standing, subjects: dict[str, str]) -> None:
    """What was fixed and what newly fails, against the base model and against another run or system."""
    st.subheader("What changed", anchor=False)
    others = [each for each in subjects if each != chosen]
    base = release.against_base(workspace, stands)
    kinds = [_BASE] * bool(stands.system.run_id) + others
    if not kinds:
        st.caption("There is no other run or system to compare with.")
        return
    other = st.selectbox("Against", kinds, format_func=lambda each: subjects.get(each, each), key=f"against {chosen}")
    changes = base if other == _BASE else release.against_another(workspace, stands, release.assess(workspace, other))
    if not changes:
        st.caption("No prompt is judged of both yet, and no detector looked at both.")
        return
    st.dataframe(
        [
            {
                "failure": change.measure,
                "prompts": change.category or "that ask for help",
                "judged by": change.judged_by,
                "compared": change.prompts,
                "fixed": change.fixed,
                "still failing": change.still_failing,
                "newly failing": change.newly_failing,
                "fine in both": change.fine,
                "change": change.difference,
                "p": "< 0.001" if change.p_value < 0.001 else f"{change.p_value:.3f}",
            }
            for change in changes
        ],
        hide_index=True,
        placeholder="",
        width="stretch",
        column_config={"change": st.column_config.NumberColumn(format="percent")},
    )
    st.caption(
        "The same prompts, judged of both. p: exact test of McNemar, near copies of a prompt as one: the chance of a "
        "change this lopsided if there were none. What a detector says is a hint and clears nothing."
    )
    _prompt_by_prompt(changes)


def _prompt_by_prompt(changes: Sequence[Changes]) -> None:
    rows = [
        {"": each.kind, "failure": change.measure, "suite": each.suite, "id": each.id, "prompt": each.prompt}
        for change in changes
        if change.judged_by == "people"
        for each in change.failing
    ]
    if rows:
        with st.expander(f"Prompt by prompt: {notice.counted(len(rows), 'change')}"):
            st.dataframe(rows, hide_index=True, width="stretch")


def _detectors(workspace: Workspace, chosen: str, person: str) -> None:
    """What each detector and judge said of the outputs that people judged."""
    measured = review.detectors_against_people(workspace, chosen, reviewer=person)
    if not measured:
        return
    st.subheader("Detectors against people", anchor=False)
    st.dataframe(
        [
            {
                "detector": f"{each.card.detector} {each.card.version}",
                "hits": each.flagged_defective,
                "false alarms": each.flagged_sound,
                "missed": each.missed,
                "passed": each.passed_sound,
                "sensitivity": each.card.sensitivity.value if each.card.sensitivity else None,
                "specificity": each.card.specificity.value if each.card.specificity else None,
                "no answer": each.abstained + each.failed,
                "speaks of": each.card.defect,
                "fit": each.card.unfit_because or "fit",
            }
            for each in measured
        ],
        hide_index=True,
        placeholder="",
        width="stretch",
        column_config={
            name: st.column_config.NumberColumn(format="percent") for name in ("sensitivity", "specificity")
        },
    )
    st.caption(
        "On the outputs that people judged without names: flagged and defective (hits), flagged and sound (false "
        "alarms), defective and not flagged (missed), neither (passed). None of them clears an output, however good."
    )


def _rates(workspace: Workspace, stands: Standing) -> None:
    """Rates with the help of scores, when asked for: the head is fitted then."""
    if not stands.units or not st.toggle("Estimate rates with the help of scores, too", key="with scores"):
        return
    st.dataframe(
        [
            {
                "category": rate.category,
                "labels": rate.labels,
                "without": rate.unlabelled,
                "labels alone": rate.plain,
                "with scores": rate.estimate,
                "from": rate.lower,
                "to": rate.upper,
                "scores": rate.scores or "",
                "": rate.why_not or "",
            }
            for rate in release.powered_rates(workspace, stands)
        ],
        hide_index=True,
        placeholder="",
        width="stretch",
        column_config={
            name: st.column_config.NumberColumn(format="percent")
            for name in ("labels alone", "with scores", "from", "to")
        },
    )
    st.caption(
        "Prediction-powered estimates with two-sided 95 % intervals. Scores come from a head that learns from the "
        "verdicts on other prompts, or from a detector. They decide nothing: gates stand on exact bounds from labels."
    )


def _conditions(workspace: Workspace, chosen: str, stands: Standing, person: str) -> None:
    """Intended use, and failed gates that a lead answers for."""
    st.subheader("Use and conditions", anchor=False)
    use = st.text_area(
        "What the model is meant for",
        stands.intended_use,
        key=f"use {chosen}",
        placeholder="Who uses it, for what, in which languages; what it is not for",
    )
    if st.button("Store the use", disabled=not use.strip() or use.strip() == stands.intended_use):
        with notice.errors():
            release.state_use(workspace, chosen, use, actor=person)
            st.rerun()
    held = stands.exemptions
    for name, exemption in stands.signed.items():
        state_now = "" if name in held else " (does not hold now)"
        st.markdown(
            f"- **{notice.plain(name)}**{state_now}: until {exemption.expires:%Y-%m-%d}, signed by "
            f"{notice.plain(exemption.signed_by)}: {notice.plain(exemption.reason)}"
        )
    open_gates = [gate for gate in stands.gates if gate.status == "fail" and gate.name not in held]
    allowed = [gate.name for gate in open_gates if gate.name != CRITICAL_HARM]
    if allowed:
        with st.form(f"exempt {chosen}"):
            gate = st.selectbox("Failed gate", allowed)
            reason = st.text_area("Why the model may go out all the same")
            day = st.date_input("Until", workspace.clock().date() + timedelta(days=30))
            if st.form_submit_button("Answer for it until then"):
                with notice.errors():
                    expires = datetime.combine(day, time(), UTC)
                    release.exempt(workspace, chosen, gate, reason=reason, expires=expires, actor=person)
                    st.rerun()
        st.caption("Signed with your name. It covers the defects known now, under this plan, and none that is new.")
    if stands.signed:
        with st.expander("Take an exemption back"):
            name = st.selectbox("Gate", list(stands.signed))
            why = st.text_input("Reason", key=f"end {chosen}")
            if st.button("Take it back", disabled=not why.strip()):
                with notice.errors():
                    release.end_exemption(workspace, chosen, name, reason=why, actor=person)
                    st.rerun()


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
