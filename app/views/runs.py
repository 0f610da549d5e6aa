"""Runs: all of them in one table; one chosen is assessed, promoted and exported, several are compared."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app import state
from app.components import curves, links, notice, run_note
from curator import Workspace, base_models, runs, versions
from curator.review import votes
from curator.runs import assessment
from curator.runs.comparison import compare, differing_settings
from curator.runs.export import export_model
from curator.runs.folder import assessment_of
from curator.runs.promotion import promote
from schemas.assessment import Assessment
from schemas.run import Run


def render(workspace: Workspace, person: str) -> None:
    """The table, then what was chosen in it."""
    st.title("Runs", anchor=False)
    all_runs = runs.watch(workspace)
    if not all_runs:
        st.info("No run was started yet.", icon=":material/model_training:")
        links.to("train", "Train one", icon=":material/model_training:")
        return
    st.caption("Tick one run to assess it, several to compare them.")
    chosen = _choose(workspace, all_runs)
    st.caption("Losses are held-out, in nats per response token.")
    state.name_tab(", ".join(run.name for run in chosen))
    if len(chosen) == 1:
        _one(workspace, chosen[0], person)
    else:
        _several(workspace, chosen)


def _choose(workspace: Workspace, all_runs: list[Run]) -> list[Run]:
    """Draw the table. Returns the runs that are ticked, which stand in the address, or else the newest."""
    linked = state.in_address("run")
    if linked is not None:
        state.remember("ticked runs", tuple(linked.split(",")))
    kept = state.recall("ticked runs")
    ticked = kept if isinstance(kept, tuple) else ()
    titles = {version.id: version.title for version in versions.newest_first(workspace)}
    bases = {base.folder: base.name for base in base_models.known(workspace)}
    event = st.dataframe(
        [_line(run, titles, bases) for run in all_runs],
        hide_index=True,
        width="stretch",
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [n for n, run in enumerate(all_runs) if run.id in ticked]}},
        column_config={
            "name": st.column_config.TextColumn(width=210),
            **{name: st.column_config.NumberColumn(format="%.4f") for name in ("loss before", "loss after")},
        },
        key=f"runs {len(all_runs)} {all_runs[0].id} {linked or state.recall('linked runs')}",  # rows go by their place
    )
    if linked is not None:
        state.remember("linked runs", linked)
    chosen = [all_runs[n] for n in event.selection.rows if n < len(all_runs)]
    state.remember("ticked runs", tuple(run.id for run in chosen))
    chosen = chosen or all_runs[:1]
    state.put_in_address("run", ",".join(run.id for run in chosen))
    if len(chosen) == 1:
        state.choose("run", chosen[0].id)  # on every page that shows one run
    return chosen


def _line(run: Run, titles: dict[str, str], bases: dict[str, str]) -> dict[str, object]:
    result = run.result
    return {
        "name": run.name,
        "state": run.state.value,
        "loss before": result.heldout_base.nll if result and result.heldout_base else None,
        "loss after": result.heldout_tuned.nll if result and result.heldout_tuned else None,
        "promoted": "✔" if run.promoted_at else "",
        "version": titles.get(run.version_id, ""),
        "base": bases.get(run.config.base, Path(run.config.base).name),
        "method": run.config.method,
        "steps": result.steps if result else run.steps_planned,
        "minutes": round(result.seconds / 60, 1) if result else None,
        "by": run.created_by,
    }


def _one(workspace: Workspace, run: Run, person: str) -> None:
    st.subheader(notice.plain(run.name), anchor=False, help=f"Run {run.id}")
    run_note.edit(workspace, run, person)
    this = {"run": run.id}
    with st.container(horizontal=True):
        links.to("train", "See how it trained", icon=":material/model_training:", address=this)
        links.to("outputs", "See what it says", icon=":material/compare:", address=this)
        links.to("losses", "Look at single records", icon=":material/troubleshoot:", address=this)
    if run.is_alive or run.result is None or not (runs.folder_of(workspace, run.id) / "checkpoint").is_dir():
        st.info(f"It is {run.state} and has no weights to assess.", icon=":material/hourglass_empty:")
        return
    state.live(_assessed, every=3)(workspace, run, person)
    with st.expander("Export the model"):
        st.caption(
            "Either way the folder holds a model card that says whether the run was promoted, and the run's manifest."
        )
        columns = st.columns([4, 1, 1], vertical_alignment="bottom")
        name = columns[0].text_input(
            "New folder", f"model-{run.id}", help=f"Below {notice.plain(str(workspace.exports_folder))}"
        )
        as_trained = columns[1].button("As trained", width="stretch", help="The adapter, or all weights")
        merged = columns[2].button("Merged", width="stretch", help="The adapter merged into its base")
        if as_trained or merged:
            with notice.errors(), st.spinner("Writing"):
                folder = export_model(workspace, run.id, workspace.exports_folder / name, merged=merged, actor=person)
                st.success(f"The model is in {notice.plain(str(folder))}.", icon=":material/check:")


def _assessed(workspace: Workspace, run: Run, person: str) -> None:
    assessed = assessment_of(workspace, run.id)
    asked = state.recall(f"assessing {run.id}")
    if assessed is None:
        if asked:
            st.info(
                "Both models are being asked; this page shows the result when it is there.", icon=":material/hourglass:"
            )
            log = assessment.log_tail(workspace, run.id)
            if log:
                st.code(log, language=None)
        elif st.button("Assess", type="primary", help="Compares base and tuned model on the same held-out records"):
            assessment.start(workspace, run.id, actor=person)
            state.remember(f"assessing {run.id}", True)
            st.rerun(scope="fragment")
        return
    _gates(workspace, run, assessed, person)
    _figures(assessed)
    voted = votes.tally(workspace, run.id)
    if voted.win_rate is not None:
        st.caption(
            f"Blind votes: the tuned model wins {voted.win_rate:.0%} of {voted.tuned + voted.base} decided pairs "
            f"(95 % interval {voted.lower:.0%} to {voted.upper:.0%}), {voted.ties} ties, {voted.both_bad} both bad."
        )
    with st.expander(f"{len(assessed.examples)} held-out answers side by side"):
        for example in assessed.examples:
            st.text(example.prompt)
            columns = st.columns(3)
            for column, (title, text) in zip(
                columns,
                (("Reference", example.reference), ("Base", example.base), ("Tuned", example.tuned)),
                strict=True,
            ):
                with column:
                    st.caption(title)
                    st.code(text or "(nothing)", language=None, wrap_lines=True)


def _gates(workspace: Workspace, run: Run, assessed: Assessment, person: str) -> None:
    for gate in assessed.gates:
        icon = ":material/check_circle:" if gate.ok else ":material/cancel:"
        st.markdown(f"{icon} **{gate.name}**: {notice.plain(gate.explanation)}")
    if run.promoted_at is not None:
        st.success(f"Promoted on {run.promoted_at:%Y-%m-%d %H:%M} UTC.", icon=":material/verified:")
    elif st.button("Promote", type="primary", disabled=not assessed.passed, help="Every gate must hold"):
        with notice.errors():
            promote(workspace, run.id, actor=person)
            st.rerun()


def _figures(assessed: Assessment) -> None:
    stated = [
        ("Loss, nats per response token", assessed.nll_base, assessed.nll_tuned),
        ("Bits per byte of response", assessed.bits_per_byte_base, assessed.bits_per_byte_tuned),
        ("Probability of the end at the true end", assessed.end_probability_base, assessed.end_probability_tuned),
        (f"Share of {assessed.asked} answers that end", assessed.stop_rate_base.value, assessed.stop_rate_tuned.value),
        ("Loss on general prompts", assessed.retention_nll_base, assessed.retention_nll_tuned),
        ("Loss with two examples before the prompt", assessed.few_shot_nll, None),
        ("Loss on the training records", None, assessed.train_nll_tuned),
        ("Length of answers over references", None, assessed.length_ratio_tuned),
        ("Share of answers copied from training", None, assessed.copies),
        ("Divergence from the base, nats per token", None, assessed.kl),
    ]
    st.dataframe(
        [{"": name, "base": _number(base), "tuned": _number(tuned)} for name, base, tuned in stated],
        hide_index=True,
        width="stretch",
    )
    st.caption(
        f"{assessed.records:,} records of the {assessed.split} split, the same for both; {assessed.improved:.0%} "
        f"of them improved. The interval comes from {assessed.groups:,} independent groups."
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _several(workspace: Workspace, chosen: list[Run]) -> None:
    first, *others = chosen
    st.subheader("Compared", anchor=False)
    curves.show_beside({run.name: runs.metrics(workspace, run.id) for run in chosen})
    for other in others:
        compared = compare(workspace, first, other)
        title = notice.plain(f"{other.name} against {first.name}")
        if compared.change is None:
            st.markdown(f"**{title}**: they measured no held-out record in common.")
        else:
            bounds = "" if compared.lower is None else f", 95 % interval {compared.lower:+.4f} to {compared.upper:+.4f}"
            st.markdown(
                f"**{title}**: {compared.change:+.4f} nats per response token on {compared.records:,} common held-out "
                f"records{bounds}."
            )
        settings = differing_settings(first, other)
        st.dataframe(
            [{"setting": name, first.name: one, other.name: two} for name, (one, two) in settings.items()],
            hide_index=True,
            width="stretch",
        )


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), notice.person_needed())
