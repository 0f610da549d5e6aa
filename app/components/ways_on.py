"""The ways on from a run that ended: it answers the suites that decide, and people review what it said."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components import links, notice
from curator import Workspace, review
from curator.runs import generation
from schemas.review import SuiteSummary
from schemas.run import Run


def to_outputs(workspace: Workspace, run: Run, person: str) -> None:
    """Draw one button that lets the run answer the next gate suite, or the link to what it answered."""
    waiting = _unanswered(workspace, run)
    if not waiting or generation.is_working(workspace, run.id):
        links.to("outputs", "Read its outputs", icon=":material/compare:", address={"run": run.id})
        return
    suite = waiting[0]
    if st.button(
        f"Let it answer the suite {notice.plain(suite.name)}", type="primary", key=f"answer {suite.name} {run.id}"
    ):
        with notice.errors():
            generation.start(workspace, run.id, suite.name, actor=person)
            state.choose("run", run.id)
            state.choose("suite", suite.name)
            st.switch_page("views/outputs.py")


def to_review(workspace: Workspace, run: Run, person: str) -> None:
    """Draw one button that screens the outputs, draws the plan and leads to the review; later, the links to both."""
    gates = [suite for suite in review.list_suites(workspace) if suite.purpose == "gate"]
    if not gates or all(generation.count(workspace, run.id, suite.id) == 0 for suite in gates):
        return
    this = {"run": run.id}
    if review.standing(workspace, run.id) is not None:
        with st.container(horizontal=True):
            links.to("review", "Review what it said", icon=":material/fact_check:", address=this)
            links.to("decide", "Go to the decision", icon=":material/gavel:", address=this)
        return
    waiting = notice.plain(", ".join(suite.name for suite in _unanswered(workspace, run)))
    if waiting:
        st.caption(f"The review begins when the run has answered every gate suite; waiting: {waiting}.")
        return
    st.caption(
        "People judge a sample of a fixed size, drawn now. Under Decide, a lead may choose to judge in order until it "
        "suffices."
    )
    if st.button("Screen and review", type="primary", key=f"review {run.id}"):
        with notice.errors():
            with st.spinner("Every detector looks at every output"):
                review.screen_run(workspace, run.id, actor=person)
            review.draw(workspace, run.id, actor=person)
            st.switch_page("views/review.py", query_params=this)


def _unanswered(workspace: Workspace, run: Run) -> list[SuiteSummary]:
    """Gate suites of which prompts wait for an answer of base or tuned model."""
    return [
        suite
        for suite in review.list_suites(workspace)
        if suite.purpose == "gate" and generation.count(workspace, run.id, suite.id) < 2 * suite.prompts
    ]
