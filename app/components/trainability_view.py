"""Which records a run with the chosen settings would train on, and why not the others, before it is started."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st

from app import state
from app.components import links, notice
from curator import Workspace
from curator.runs import trainability
from schemas.run import TrainConfig
from schemas.trainability import Hindered, Obstacle, Trainability
from schemas.version import Version

_SAMPLE = 2_000
_TITLES = {
    Obstacle.TOO_LONG: "too long",
    Obstacle.NOTHING_TRAINS: "nothing in them trains",
    Obstacle.SPECIAL_TOKEN: "hold a control token of the model in their text",
    Obstacle.TEMPLATE: "the chat template cannot say them",
}


def offer(workspace: Workspace, version: Version, config: TrainConfig) -> None:
    """Draw what was seen of a version with these settings, and the button that looks."""
    with st.expander("Which records would train"):
        is_sample = version.rows > _SAMPLE
        st.caption(
            "Each record is rendered with the chat template of the base model, as the trainer does it. "
            + (f"{_SAMPLE:,} are drawn at random; `curator trainability` looks at all." if is_sample else "")
        )
        asked = (version.id, config.base, config.chat_template, config.chat_template_kwargs, config.max_tokens)
        if st.button("Look", key="look at trainability", icon=":material/visibility:"):
            with notice.errors(), st.spinner("Rendering records"):
                report = trainability.of_version(workspace, version.id, config, most=_SAMPLE)
                state.remember("trainability", (asked, report))
        kept = state.recall("trainability")
        if isinstance(kept, tuple) and kept[0] == asked:
            show(kept[1])


def show(report: Trainability) -> None:
    """All of a report."""
    left_out = report.looked_at - report.trains
    columns = st.columns(4)
    columns[0].metric("Train", f"{report.trains:,}", f"of {report.looked_at:,}", delta_color="off", delta_arrow="off")
    columns[1].metric("Left out", f"{left_out:,}")
    if report.lengths is not None:
        columns[2].metric("Tokens, median", f"{report.lengths.median:,}")
        columns[3].metric("99 % have at most", f"{report.lengths.p99:,}")
        st.altair_chart(_fits(report), width="stretch")
    for obstacle in report.obstacles:
        st.markdown(f"**{notice.counted(obstacle.records, 'record')}: {_TITLES[obstacle.obstacle]}**")
        for each in obstacle.examples:
            _show_example(each)
        if obstacle.query:
            links.to("records", "See these records", icon=":material/search:", address={"query": obstacle.query})
        if obstacle.records > len(obstacle.examples):
            st.caption(f"{len(obstacle.examples)} of {obstacle.records:,} are shown.")
    if not report.obstacles:
        st.success("Every one of them trains.", icon=":material/check:")


def _show_example(each: Hindered) -> None:
    row = st.container(horizontal=True, vertical_alignment="center")
    row.caption(f"{notice.plain(each.excerpt)} — {notice.plain(each.reason)}")
    with row:
        for record_id in each.record_ids[:1]:
            links.to("records", f"Record {record_id}", icon=":material/search:", address={"record": record_id})


def _fits(report: Trainability) -> alt.Chart:
    frame = pd.DataFrame(
        {"most tokens": f"{each.max_tokens:,}", "records": each.records, "chosen": each.max_tokens == report.max_tokens}
        for each in report.fits
    )
    chart: alt.Chart = (
        alt.Chart(frame, title=alt.Title("Records that fit, by the longest that a run takes", anchor="start"))
        .mark_bar()
        .encode(
            x=alt.X("records:Q", title=None),
            y=alt.Y("most tokens:N", sort=None, title=None),
            opacity=alt.condition("datum.chosen", alt.value(1), alt.value(0.5)),
            tooltip=["most tokens", alt.Tooltip("records:Q", format=",")],
        )
        .properties(height=alt.Step(16))
    )
    return chart
