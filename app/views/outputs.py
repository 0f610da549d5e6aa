"""Outputs: base and tuned model answer a frozen suite; the work is done by a process of its own."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components import links, notice, pickers, uploaded, ways_on
from curator import Workspace, release, review, runs
from curator.runs import generation
from schemas.review import SuiteSummary
from schemas.run import Run, RunState

_ENDED = (RunState.DONE, RunState.STOPPED)


def render(workspace: Workspace, person: str) -> None:
    """Choose a run and a suite, generate, screen, and read side by side."""
    st.title("Outputs", anchor=False)
    _add_suite(workspace, person)
    suites = {suite.name: suite for suite in review.list_suites(workspace)}
    if not suites:
        st.info("There is no suite yet. Add a JSON lines file of prompts above.", icon=":material/quiz:")
        return
    ended = [run for run in runs.watch(workspace) if run.state in _ENDED]
    columns = st.columns(2)
    with columns[0]:
        run = pickers.choose_run(ended)
    with columns[1]:
        suite_name = state.chosen("suite", list(suites), label="Suite")
    if suite_name is None:
        return
    suite = suites[suite_name]
    purpose = (
        "It decides about releases; its prompts never train." if suite.purpose == "gate" else "Its prompts may train."
    )
    st.caption(f"{suite.prompts} prompts. {purpose}")
    _bring_in(workspace, suite, person)
    if run is None:
        st.info("No run has ended yet: outputs of your own model need one.", icon=":material/model_training:")
        links.to("train", "Train one", icon=":material/model_training:")
        return
    state.name_tab(f"{suite.name}, {run.name}")
    working = generation.is_working(workspace, run.id)
    state.live(_work, every=2 if working else None)(workspace, run, suite, person, was_working=working)
    if not working:
        ways_on.to_review(workspace, run, person)
    _table(workspace, run, suite, person)


def _add_suite(workspace: Workspace, person: str) -> None:
    with st.expander("Add a suite"):
        label = "JSON lines with id, prompt, category, reference"
        given = st.file_uploader(label, max_upload_size=uploaded.ANY_SIZE)
        purpose = st.radio(
            "Purpose",
            ["gate", "explore"],
            captions=["decides about releases, its prompts never train", "looks for weak spots, its prompts may train"],
            horizontal=True,
        )
        if st.button("Add", disabled=given is None) and given is not None:
            with notice.errors():
                with uploaded.on_disk(given) as file:
                    summary = review.add_suite(
                        workspace,
                        file,
                        purpose="gate" if purpose == "gate" else "explore",
                        actor=person,
                    )
                st.success(f"Suite {notice.plain(summary.name)} has {summary.prompts} prompts.")
                if summary.matching_records:
                    held = notice.counted(summary.matching_records, "record")
                    st.warning(
                        f"{held} hold a prompt or an answer of it, in any wording. Of a gate suite they never train."
                    )
                    st.dataframe([match.model_dump() for match in summary.matches], hide_index=True)


def _bring_in(workspace: Workspace, suite: SuiteSummary, person: str) -> None:
    with st.expander("Bring in outputs from elsewhere"):
        given = st.file_uploader(
            "JSON lines, JSON or CSV with prompt_id and output; a log of inspect_ai or lm-eval",
            max_upload_size=uploaded.ANY_SIZE,
        )
        name = st.text_input("Name of the system", placeholder="Another vendor's model, another prompt ...")
        if st.button("Import", disabled=given is None or not name.strip()) and given is not None:
            with notice.errors():
                with uploaded.on_disk(given) as file:
                    found = review.import_outputs(workspace, file, suite=suite.name, system=name.strip(), actor=person)
                review.screen_run(workspace, name.strip(), actor=person)
                st.success(
                    f"{found.imported} outputs imported and screened, {found.refused} rows refused; {found.missing} "
                    "prompts have none yet."
                )
                for problem in found.problems:
                    st.caption(notice.plain(problem))


def _work(workspace: Workspace, run: Run, suite: SuiteSummary, person: str, *, was_working: bool) -> None:
    stored = generation.count(workspace, run.id, suite.id)
    total = 2 * suite.prompts
    working = generation.is_working(workspace, run.id)
    if was_working and not working:
        st.rerun()  # what is below has changed
    columns = st.columns([1, 1, 3], vertical_alignment="center")
    if columns[0].button("Generate", type="primary", width="stretch", disabled=working or stored >= total):
        with notice.errors():
            generation.start(workspace, run.id, suite.name, actor=person)
            st.rerun()
    if columns[1].button("Screen", width="stretch", disabled=working or stored == 0):
        with notice.errors(), st.spinner("Every detector looks at every output"):
            report = review.screen_run(workspace, run.id, actor=person)
            flagged = ", ".join(f"{name} {n}" for name, n in sorted(report.flagged.items()))
            st.success(f"{report.outputs} outputs screened; flagged: {flagged}.")
    if working or 0 < stored < total:
        columns[2].progress(min(1.0, stored / total), text=f"{stored} of {total} outputs")
    tail = generation.log_tail(workspace, run.id)
    if not working and stored < total and tail:
        st.error(f"The last generation ended early: {notice.plain(tail[-600:])}")


def _table(workspace: Workspace, run: Run, suite: SuiteSummary, person: str) -> None:
    stored = generation.outputs_of(workspace, run.id, suite.id)
    if not stored:
        return
    if suite.purpose == "gate" and not review.verdicts.open_names(workspace, run.id, reviewer=person):
        st.info(
            "Whose outputs these are stays hidden until your part of the review is closed: what is read with names is "
            "not judged blind.",
            icon=":material/visibility_off:",
        )
        if review.standing(workspace, run.id) is not None:
            if st.button("Close my part and read them with names"):
                review.verdicts.close(workspace, run.id, reviewer=person)
                st.rerun()
            st.caption("From then on your verdicts on this plan can add a defect, but clear nothing.")
        return
    scores = release.task_scores(stored)
    if scores:
        st.dataframe([score.model_dump() for score in scores], hide_index=True)
        st.caption(
            "Mean over prompts with a reference, between 0 and 1: exact match, or share of the fields that are right."
        )
    rows: dict[tuple[str, int], dict[str, object]] = {}
    for output in stored:
        row = rows.setdefault(
            (output.prompt.id, output.sample), {"id": output.prompt.id, "prompt": output.prompt.prompt}
        )
        row[output.model] = output.text
        row["reference"] = output.prompt.reference
    widths = {"id": 50, "prompt": 210, "base": 190, "tuned": 190, "reference": 110}
    st.dataframe(
        list(rows.values()),
        hide_index=True,
        width="stretch",
        height=420,
        row_height=70,
        column_order=list(widths),
        column_config={name: st.column_config.TextColumn(width=pixels) for name, pixels in widths.items()},
    )


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), notice.person_needed())
