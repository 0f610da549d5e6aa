"""Train: start a fine-tune on a version with one click, and watch it from any browser.

The run is a process of its own: this page reads what it has stored and may be closed at any time.
"""

from __future__ import annotations

import pandas as pd
import streamlit as st
from pydantic import ValidationError

from app import state
from app.components import notice
from curator import Workspace, training, versions
from curator.demo import sample_folder
from schemas.run import Run, RunState, TrainConfig
from schemas.version import Version

_ALIVE = (RunState.QUEUED, RunState.RUNNING, RunState.STOPPING)
_EXPERT = ("epochs", "learning_rate", "records_per_step", "tokens_per_batch", "max_tokens", "seed")


def render(workspace: Workspace, person: str) -> None:
    """Start a run, then the list of runs and the chosen one."""
    st.title("Train", anchor=False)
    found = versions.newest_first(workspace)
    if not found:
        st.info("A run needs a version, and there is none.", icon=":material/inventory_2:")
        st.page_link("views/versions.py", label="Freeze one", icon=":material/inventory_2:")
        return
    _start(workspace, found, person)
    runs = training.watch(workspace)
    if not runs:
        return
    st.dataframe([_line(run) for run in runs], hide_index=True, width="stretch")
    chosen = state.chosen("run", [run.id for run in runs], label="Run")
    if chosen is not None:
        alive = any(run.id == chosen and run.state in _ALIVE for run in runs)
        st.fragment(_show, run_every=2 if alive else None)(workspace, chosen, person, was_alive=alive)


def _start(workspace: Workspace, found: list[Version], person: str) -> None:
    labels = {f"{version.name or 'unnamed'} ({version.id[:12]}, {version.rows:,} rows)": version for version in found}
    columns = st.columns([3, 3, 1, 1], vertical_alignment="bottom")
    version = labels[columns[0].selectbox("Version", list(labels))]
    base = columns[1].text_input(
        "Base model", str(sample_folder() / "base_model"), help="Folder of a causal language model"
    )
    method = columns[2].selectbox("Method", ["full", "lora"], help="full: every weight. lora: low-rank adapters.")
    values: dict[str, object] = {"base": base, "method": method}
    with st.expander("Settings"):
        expert = st.columns(3)
        for n, name in enumerate(_EXPERT):
            typed = expert[n % 3].text_input(name.replace("_", " "), placeholder=_default(name), key=f"config {name}")
            if typed.strip():
                values[name] = typed.strip()
    if columns[3].button("Start", type="primary", width="stretch"):
        with notice.errors():
            try:
                config = TrainConfig.model_validate(values)
            except ValidationError as error:
                for issue in error.errors():
                    st.error(f"{issue['loc'][0]}: {notice.plain(issue['msg'])}")
                return
            run = training.start(workspace, version.id, config, actor=person)
            state.choose("run", run.id)
            st.rerun()


def _default(name: str) -> str:
    default = TrainConfig.model_fields[name].default
    return "2e-5 (full) or 2e-4 (lora)" if default is None else str(default)


def _line(run: Run) -> dict[str, object]:
    result = run.result
    return {
        "run": run.id,
        "state": run.state.value,
        "version": run.version_id[:12],
        "method": run.config.method,
        "steps": result.steps if result else run.steps_planned,
        "held-out before": result.heldout_base.nll if result and result.heldout_base else None,
        "held-out after": result.heldout_tuned.nll if result and result.heldout_tuned else None,
        "by": run.created_by,
    }


def _show(workspace: Workspace, run_id: str, person: str, *, was_alive: bool) -> None:
    run = next(each for each in training.watch(workspace) if each.id == run_id)
    if was_alive and run.state not in _ALIVE:
        st.rerun()  # it has ended: the table above changes, too
    rows = training.metrics(workspace, run_id)
    done = rows[-1].step if rows else 0
    if run.state in _ALIVE:
        st.progress(
            min(1.0, done / (run.steps_planned or 1)), text=f"{run.state}: step {done} of {run.steps_planned or '?'}"
        )
        if st.button(
            "Stop", help="Finishes the step, saves the checkpoint, ends", disabled=run.state is RunState.STOPPING
        ):
            training.request_stop(workspace, run_id, actor=person)
            st.rerun(scope="fragment")
    elif run.state is RunState.FAILED:
        st.error(notice.plain(run.reason or "It failed without a reason."), icon=":material/error:")
    if run.result and run.result.heldout_base and run.result.heldout_tuned:
        base, tuned = run.result.heldout_base, run.result.heldout_tuned
        columns = st.columns(3)
        columns[0].metric("Held-out loss before", f"{base.nll:.3f}", border=True)
        change = f"{tuned.nll - base.nll:.3f}"
        columns[1].metric("Held-out loss after", f"{tuned.nll:.3f}", change, delta_color="inverse", border=True)
        columns[2].metric("Response tokens trained on", f"{run.result.response_tokens:,}", border=True)
        st.caption(
            f"Negative log-likelihood in nats per response token: summed over the {tuned.response_tokens:,} response "
            f"tokens of {tuned.records:,} records of the split {tuned.split}, divided once."
        )
    if rows:
        _curve(pd.DataFrame([row.model_dump(include={"step", "loss", "validation_nll"}) for row in rows]))
    if run.result and run.result.refused:
        with st.expander(f"{len(run.result.refused)} records were left out"):
            st.text("\n".join(run.result.refused[:200]))
    with st.expander("Settings and log"):
        st.json(run.config.model_dump(mode="json"), expanded=False)
        st.code(training.log_tail(workspace, run_id) or "(the log is empty)", language=None)


def _curve(frame: pd.DataFrame) -> None:
    frame = frame.rename(columns={"loss": "training", "validation_nll": "validation"})
    long = frame.melt("step", var_name="split", value_name="nats per response token").dropna()
    st.line_chart(long, x="step", y="nats per response token", color="split", height=280)


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), notice.person_needed())
