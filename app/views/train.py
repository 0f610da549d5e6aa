"""Train: start a fine-tune on a version with one click, and watch it from any browser.

The run is a process of its own: this page reads what it has stored and may be closed at any time.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import streamlit as st

from app import state
from app.components import curves, links, notice, pickers, run_note, token_view, train_form, trainability_view, ways_on
from curator import Workspace, base_models, runs, versions
from curator.runs.preflight import preflight
from schemas.preflight import Preflight
from schemas.run import MetricRow, Run, RunState, TrainConfig
from schemas.version import Split, Version

_PREVIEWED = 3


def render(workspace: Workspace, person: str) -> None:
    """Start a run, then the queue and the chosen run."""
    st.title("Train", anchor=False)
    all_versions = versions.newest_first(workspace)
    if not all_versions:
        st.info("A run needs a version, and there is none.", icon=":material/inventory_2:")
        links.to("versions", "Freeze one", icon=":material/inventory_2:")
        return
    _start(workspace, all_versions, person)
    all_runs = runs.watch(workspace)
    if not all_runs:
        return
    waiting = [run for run in reversed(all_runs) if run.state is RunState.QUEUED]
    if waiting:
        names = notice.plain(", ".join(run.name for run in waiting))
        st.caption(f"In the queue: {names}. One run works at a time per device.")
    run = pickers.choose_run(all_runs)
    if run is not None:
        run_note.edit(workspace, run, person)
        state.live(_show, every=2 if run.is_alive else None)(workspace, run.id, person, was=run.state)


def _start(workspace: Workspace, all_versions: list[Version], person: str) -> None:
    columns = st.columns([3, 3, 1, 1, 1], vertical_alignment="bottom")
    with columns[0]:
        version = pickers.choose_version(all_versions) or all_versions[0]
    with columns[1]:
        base = pickers.choose_base(base_models.known(workspace))
    if base is None:
        st.info("A run starts from a base model, and there is none. Add the folder of one.", icon=":material/info:")
        _edit_bases(workspace, person)
        return
    method = columns[2].selectbox(
        "Method", ["full", "lora", "qlora"], help=TrainConfig.model_fields["method"].description
    )
    described = st.columns([3, 4, 2], vertical_alignment="bottom")
    name = described[0].text_input(
        "Name of the run", placeholder=f"{version.title} on {base.name}, {method}", key="name of the next run"
    )
    note = described[1].text_input("Note", placeholder="optional, as in: without the old tickets", key="next note")
    with described[2]:
        _edit_bases(workspace, person)
    config = train_form.edit({"base": base.folder, "method": method})
    if columns[3].button("Check", width="stretch", help="What the run would do, before it does it") and config:
        with notice.errors(), st.spinner("Reading the version as the trainer would"):
            state.remember("preflight", (version.id, config, preflight(workspace, version.id, config)))
    if columns[4].button("Start", type="primary", width="stretch") and config:
        with notice.errors():
            run = runs.start(workspace, version.id, config, actor=person, name=name, note=note)
            state.choose("run", run.id)
            st.rerun()
    checked = state.recall("preflight")
    if config is not None and isinstance(checked, tuple) and checked[:2] == (version.id, config):
        _preflight(workspace, checked[2], config)
    if config is not None:
        trainability_view.offer(workspace, version, config)


def _edit_bases(workspace: Workspace, person: str) -> None:
    """What leads do to the list of base models."""
    with st.popover("Base models", icon=":material/hard_drive:", width="stretch"):
        notice.done("base models")
        st.caption(
            "Folders on the server with config.json, tokenizer and weights in safetensors. Only what stands on this "
            "list can be trained from here."
        )
        folder = st.text_input("Folder", placeholder="/models/SmolLM2-135M", key="folder of a base")
        name = st.text_input("Name", placeholder="that of the folder", key="name of a base")
        if st.button("Add", type="primary", disabled=not folder.strip(), key="add a base"):
            with notice.errors():
                added = base_models.add(workspace, Path(folder.strip()), name=name, actor=person)
                state.choose("base", added.name)
                state.remember("base models", f"{notice.plain(added.name)} can be chosen now.")
                st.rerun()
        for base in base_models.known(workspace):
            if base.added_by is None:
                continue
            row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
            row.text(base.name, help=notice.plain(base.folder))
            if row.button("Remove", key=f"remove base {base.name}", help="Takes it off the list; its folder stays"):
                with notice.errors():
                    base_models.remove(workspace, base.name, actor=person)
                    st.rerun()


def _preflight(workspace: Workspace, preview: Preflight, config: TrainConfig) -> None:
    with st.container(border=True):
        if preview.ok:
            st.success("Nothing speaks against a start.", icon=":material/check:")
        for check in preview.checks:
            if not check.ok:
                st.error(f"{check.name}: {notice.plain(check.explanation)}", icon=":material/error:")
        columns = st.columns(5)
        share = preview.response_tokens / preview.tokens if preview.tokens else 0
        columns[0].metric("Records that train", f"{preview.records[Split.TRAIN]:,}")
        columns[1].metric(
            "Tokens", f"{preview.tokens:,}", f"{share:.0%} carry loss", delta_color="off", delta_arrow="off"
        )
        columns[2].metric("Steps", f"{preview.steps:,}")
        minutes = "unknown" if preview.seconds is None else f"{max(1, round(preview.seconds / 60)):,} min"
        columns[3].metric("Time", minutes, "estimate", delta_color="off", delta_arrow="off")
        memory = f"{preview.memory_bytes / 2**30:.1f} GiB"
        columns[4].metric(
            "Memory", memory, f"disk {preview.disk_bytes / 2**30:.1f} GiB", delta_color="off", delta_arrow="off"
        )
        st.caption(
            f"{preview.trained_parameters:,} of {preview.parameters:,} parameters train. The longest record has "
            f"{preview.longest:,} tokens. Prompts shared between records save {1 - 1 / preview.sharing:.0%} of the "
            "tokens. Time and memory are computed from the sizes and the speed of matrix products on this machine."
        )
        if preview.weighed:
            st.caption(notice.plain("Weights: " + "; ".join(preview.weighed) + "."))
        if preview.refused:
            with st.expander(f"{len(preview.refused):,} records are left out"):
                st.text("\n".join(preview.refused[:200]))
        with st.expander("How the trainer sees a record"):
            st.caption("Tokens on green carry loss; everything else is context.")
            rows = runs.token_rows(workspace, preview.version, config)
            with notice.errors():
                for row in islice(rows, _PREVIEWED):
                    token_view.show(row)


def _show(workspace: Workspace, run_id: str, person: str, *, was: RunState) -> None:
    run = next((each for each in runs.watch(workspace) if each.id == run_id), None)
    if run is None or run.state is not was:
        st.rerun()  # what is said elsewhere on the page changes, too
    rows = runs.metrics(workspace, run_id)
    _state(workspace, run, rows, person)
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
        with st.container(horizontal=True, vertical_alignment="center"):
            this = {"run": run.id}
            ways_on.to_outputs(workspace, run, person)
            links.to("runs", "Assess it", icon=":material/leaderboard:", address=this)
            links.to("losses", "Look at single records", icon=":material/troubleshoot:", address=this)
            links.to("chat", "Talk to it", icon=":material/forum:", address=this)
    if rows:
        curves.show(rows)
    if run.result and run.result.refused:
        with st.expander(f"{len(run.result.refused)} records were left out"):
            st.text("\n".join(run.result.refused[:200]))
    with st.expander("Settings and log", expanded=run.state is RunState.FAILED):
        st.caption("The settings of this run, as they were frozen at its start.")
        st.json(run.config.model_dump(mode="json"), expanded=False)
        st.code(runs.log_tail(workspace, run_id) or "(the log is empty)", language=None)


def _state(workspace: Workspace, run: Run, rows: list[MetricRow], person: str) -> None:
    done = rows[-1].step if rows else 0
    if run.state is RunState.QUEUED:
        st.info("It waits for its turn, or its process is starting.", icon=":material/hourglass_top:")
    elif run.is_alive:
        steps = run.steps_planned or 0
        measured = runs.activity(workspace, run.id)
        if measured is not None:
            text = f"{measured.doing.capitalize()}: {measured.done:,} of {measured.total:,}"
            st.progress(measured.done / measured.total, text=text)
        st.progress(
            min(1.0, done / (steps or 1)), text=f"{run.state}: step {done} of {steps or '?'}{_left(rows, steps)}"
        )
    elif run.state is RunState.FAILED:
        st.error(notice.plain(run.reason or "It failed without a reason."), icon=":material/error:")
    elif run.result is not None and run.result.stopped_early:
        st.info(notice.plain(run.result.stopped_early), icon=":material/flag:")
    if run.result is not None and run.result.notes:
        kept = [str(step) for step in runs.kept_checkpoints(workspace, run.id) if step != run.result.best_step]
        beside = f" Beside them are those of step {', '.join(kept)}." if kept else ""
        st.caption(
            notice.plain("; ".join(run.result.notes)) + f". Weights of step {run.result.best_step} were kept." + beside
        )
    with st.container(horizontal=True):
        if run.is_alive:
            stopping = run.state is RunState.STOPPING
            if st.button("Stop", help="Finishes the step, saves, ends", disabled=stopping, icon=":material/stop:"):
                runs.request_stop(workspace, run.id, actor=person)
                st.rerun()
            return
        resumable = runs.can_resume(workspace, run)
        if resumable and st.button(
            "Resume", type="primary", help="Goes on where it was saved", icon=":material/play_arrow:"
        ):
            with notice.errors():
                runs.resume(workspace, run.id, actor=person)
                st.rerun()
        with st.popover("Delete", icon=":material/delete:"):
            st.write("Weights, metrics and log go; outputs and verdicts stay. This cannot be undone.")
            if st.button("Delete this run", type="primary", key=f"delete {run.id}"):
                with notice.errors():
                    runs.delete(workspace, run.id, actor=person)
                    st.rerun()


def _left(rows: list[MetricRow], steps: int) -> str:
    """The time that is left at the speed of the last steps."""
    recent = [row for row in rows if row.step and row.seconds is not None][-50:]
    if len(recent) < 2 or not steps:
        return ""
    per_step = ((recent[-1].seconds or 0) - (recent[0].seconds or 0)) / (recent[-1].step - recent[0].step)
    left = per_step * (steps - recent[-1].step)
    return f", about {left / 60:.0f} min left" if left > 90 else f", about {left:.0f} s left"


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), notice.person_needed())
