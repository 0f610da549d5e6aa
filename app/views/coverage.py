"""Coverage: what the records are about, and a subset of them by quality and diversity beside a random one."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st

from app import state
from app.components import links, notice
from curator import Workspace
from curator.curate import subset, topics
from schemas.project import Project
from schemas.subset import Arm, SubsetRecipe, SubsetReport
from schemas.topic import Topic, TopicReport

_AT_ONCE = 20_000  # records up to which the page counts topics by itself, which takes less than a minute


def render(workspace: Workspace, project: Project, person: str) -> None:
    """The topics of the project, and choosing a subset of its records."""
    st.title("Coverage", anchor=False)
    notice.done("coverage")
    with notice.errors():
        report = topics.report(workspace, project=project.name)
        if report.records == 0:
            st.info("This project has no records yet.", icon=":material/upload_file:")
            links.to("import_data", "Import a file", icon=":material/upload_file:")
            return
        _count(workspace, project, person, report)
        if report.counted_at is None:
            return
        by_topic, chosen = state.tabs("coverage", ["Topics", "Subset"])
        with by_topic:
            _show_topics(report)
        with chosen, notice.errors():
            _choose_subset(workspace, project, person, report)


def _count(workspace: Workspace, project: Project, person: str, report: TopicReport) -> None:
    if report.counted_at is None:
        st.info("The records have not been sorted into topics yet.", icon=":material/category:")
    else:
        behind = f" {notice.counted(report.without, 'record')} came or changed since." if report.without else ""
        st.caption(f"{report.records:,} records, counted {report.counted_at:%Y-%m-%d %H:%M} UTC.{behind}")
    if report.records > _AT_ONCE:
        st.caption("So many records are counted by the command `curator topics --count`, in some minutes.")
    elif st.button("Count topics", icon=":material/category:", key="count topics"):
        with st.spinner("Reading the records"):
            topics.count(workspace, project=project.name, actor=person)
        state.remember("coverage", "The topics are counted.")
        st.rerun()


def _show_topics(report: TopicReport) -> None:
    frame = pd.DataFrame(
        {"topic": each.name, "records": each.records, "terms": ", ".join(each.terms)} for each in report.topics
    )
    chart = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("records:Q", title=None),
            y=alt.Y("topic:N", sort=None, title=None, axis=alt.Axis(labelLimit=260, labelOverlap=False)),
            tooltip=["topic", alt.Tooltip("records:Q", format=","), "terms"],
        )
        .properties(height=alt.Step(18))
    )
    st.altair_chart(chart, width="stretch")
    st.dataframe(
        [_line(each) for each in report.topics],
        hide_index=True,
        width="stretch",
        column_config={
            "accepted": st.column_config.NumberColumn(format="percent", help="Of the records that were decided"),
            "edited": st.column_config.NumberColumn(format="percent", help="Of the accepted ones"),
        },
    )
    by_id = {str(each.id): each for each in report.topics}
    shown = {id: each.name for id, each in by_id.items()}
    picked = state.one_of("topic", list(by_id), label="Examples of", nothing="the largest topic", shown=shown)
    topic = by_id[picked] if picked is not None else report.topics[0]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Closest to the middle of the topic:")
        for record_id in topic.examples:
            links.to("records", f"Record {record_id}", icon=":material/search:", address={"record": record_id})
    st.caption("Topics are sorted by the words of the texts. A name describes a topic, and judges nothing.")


def _line(topic: Topic) -> dict[str, object]:
    return {
        "topic": topic.name,
        "records": topic.records,
        "accepted": topic.share_accepted,
        "edited": topic.share_edited,
        "terms": ", ".join(topic.terms),
    }


def _choose_subset(workspace: Workspace, project: Project, person: str, report: TopicReport) -> None:
    usual = SubsetRecipe(count=max(1, min(1_000, report.records // 10)))
    with st.form("subset", border=False):
        columns = st.columns([1, 3])
        count = columns[0].number_input("Records", 1, max(1, report.records), usual.count)
        query = columns[1].text_input("From", usual.query, help="A query, as under Records; empty for all")
        weights = st.columns(3)
        quality = weights[0].slider("Quality or diversity", 0.0, 1.0, usual.quality, help="0 looks at diversity alone")
        balance = weights[1].slider("Topics by size", 0.0, 1.0, usual.balance, help="1: by their size; 0: all alike")
        seed = weights[2].number_input("Seed of the random set", 0, 10**9, usual.seed)
        if st.form_submit_button("Choose", type="primary"):
            recipe = SubsetRecipe(query=query, count=int(count), quality=quality, balance=balance, seed=int(seed))
            with notice.errors(), st.spinner("Choosing"):
                state.remember("subset", subset.select(workspace, recipe, project=project.name))
    st.caption(
        "Whether choosing helps is not known beforehand. A few clean and diverse records were enough in LIMA and "
        "AlpaGasus; in larger, controlled comparisons most ways of choosing did not beat random choice. So a random "
        "set of the same size stands beside: train on both, and compare the runs."
    )
    kept = state.recall("subset")
    if isinstance(kept, SubsetReport) and kept.project == project.name:
        _show_subset(workspace, kept, person)


_NAMES = {"all": "all", "chosen": "chosen", "random": "at random"}


def _show_subset(workspace: Workspace, report: SubsetReport, person: str) -> None:
    st.dataframe([_figures(each) for each in report.arms], hide_index=True, width="stretch")
    judged = ", ".join(report.judged_by) or "nothing that was counted, so it is alike for all"
    st.caption(f"Quality is judged by {judged}. Coverage: mean likeness of any record to the closest one in the set.")
    frame = pd.DataFrame(
        {"topic": each.topic, "set": name, "share": n / total if total else 0, "records": n}
        for each in report.topics
        for name, n, total in zip(
            _NAMES.values(), (each.all, each.chosen, each.random), (arm.records for arm in report.arms), strict=True
        )
    )
    chart = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("share:Q", title=None, axis=alt.Axis(format="%")),
            y=alt.Y("topic:N", sort=None, title=None, axis=alt.Axis(labelLimit=260, labelOverlap=False)),
            yOffset=alt.YOffset("set:N", sort=list(_NAMES.values())),
            color=alt.Color("set:N", sort=list(_NAMES.values()), title=None, legend=alt.Legend(orient="top")),
            tooltip=["topic", "set", "records", alt.Tooltip("share:Q", format=".1%")],
        )
        .properties(height=alt.Step(9))
    )
    st.altair_chart(chart, width="stretch")
    row = st.container(horizontal=True, vertical_alignment="bottom")
    name = row.text_input("Label both sets", placeholder="as in: round 1", key="label of a subset")
    if row.button("Label", disabled=not name.strip(), help="As a bulk act, which can be taken back"):
        with notice.errors(), st.spinner("Labelling"):
            subset.label(workspace, report, name, actor=person)
            state.remember(
                "coverage", f"Labelled: {notice.plain(name.strip())} and {notice.plain(name.strip())}.random."
            )
            st.rerun()


def _figures(arm: Arm) -> dict[str, object]:
    figures: dict[str, object] = {
        "set": _NAMES[arm.name],
        "records": arm.records,
        "topics": arm.topics,
        "as evenly as so many": arm.even_topics,
        "imports": arm.imports,
        "coverage": arm.coverage,
        "quality": arm.quality,
    }
    if arm.responses is not None:  # the profile counts lengths
        figures |= {"median response": arm.median_response, "characters of responses": arm.responses}
    return figures


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project(), notice.person_needed())
