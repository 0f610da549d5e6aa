"""Team: who did what, how far people agree, who holds what, and who gets what."""

from __future__ import annotations

from datetime import timedelta

import altair as alt
import pandas as pd
import streamlit as st

from app import state
from app.components import links, notice, record_card
from curator import Workspace
from curator.annotate import agreement, assignment, progress, team
from curator.ingest import recent_imports
from curator.stats.agreement import Agreement
from schemas.project import Project

_DAYS = 30  # that the chart of answers shows
_QUIET_MINUTES = 10  # a record that was not touched for longer than this is marked


def render(workspace: Workspace, project: Project, person: str) -> None:
    """Four views of the same work."""
    st.title("Team", anchor=False)
    notice.done("team")
    done, agree, held, assigned = state.tabs("team", ["Progress", "Agreement", "Open records", "Assignment"])
    with done:
        _progress(workspace, project, person)
    with agree:
        _agreement(workspace, project)
    with held:
        _leases(workspace, project, person)
    with assigned:
        _assignment(workspace, project, person)


def _progress(workspace: Workspace, project: Project, person: str) -> None:
    totals = progress(workspace, person, project_id=project.id)
    names = record_card.STATES
    for column, (each, label) in zip(st.columns(len(names)), names.items(), strict=True):
        column.metric(label, f"{totals.by_state[each]:,}", border=True)
    activity = team(workspace, project_id=project.id)
    if not activity.members:
        st.info("No record of this project is answered yet.", icon=":material/edit_note:")
        return
    st.dataframe(
        [
            {
                "annotator": member.name,
                "answers": member.answers,
                "today": member.today,
                "active hours": round(member.hours, 2),
                "seconds per answer": round(3600 * member.hours / member.answers) if member.hours else None,
                "edited": member.edited_none,
                "edited (shown)": member.edited_shown,
                "edited (hidden)": member.edited_hidden,
                "gold right": f"{member.gold_right} of {member.gold_given}" if member.gold_given else "none",
            }
            for member in activity.members
        ],
        hide_index=True,
        width="stretch",
        placeholder="none",
        column_config={
            name: st.column_config.NumberColumn(format="percent")
            for name in ("edited", "edited (shown)", "edited (hidden)")
        },
    )
    st.caption(
        "Answers that were not taken back. Active time leaves out pauses of more than a minute; imported answers "
        "have none. Edited is the share of answers whose text differs from the record's: of records without a "
        "suggestion, and of those with one that was shown or hidden. Gold counts as right when checks and other "
        "questions are equal and the rating is at most one away."
    )
    frame = _every_day(pd.DataFrame(activity.days, columns=["day", "annotator", "answers"]), workspace)
    chart = alt.Chart(frame).mark_bar().encode(
        x=alt.X("day", type="ordinal", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        y=alt.Y("answers", type="quantitative", aggregate="sum", title="answers", axis=alt.Axis(tickMinStep=1)),
        color=alt.Color("annotator", type="nominal", legend=alt.Legend(orient="bottom", title=None)),
        tooltip=["day", "annotator", "answers"],
    )  # fmt: skip
    st.altair_chart(chart, height=240)
    st.caption("Answers per day over the last thirty days, UTC.")


def _every_day(answers: pd.DataFrame, workspace: Workspace) -> pd.DataFrame:
    """Answers with a line for every day, so that one day's bar is as wide as a day."""
    today = workspace.clock().date()
    days = [str(today - timedelta(days=n)) for n in reversed(range(_DAYS))]
    none = pd.DataFrame({"day": days, "annotator": answers["annotator"].iloc[0], "answers": 0})
    return pd.concat([none, answers.assign(day=answers["day"].astype(str))]).assign(
        day=lambda each: each["day"].str[5:]
    )


def _agreement(workspace: Workspace, project: Project) -> None:
    st.caption("From every record with at least two answers; 95 % intervals by bootstrap over records.")
    if not st.button("Compute agreement", key="compute agreement"):
        return
    with st.spinner("Computing agreement"):
        report = agreement.report(workspace, project_id=project.id)
    if report.records == 0:
        st.info(
            "No record has two answers yet. Ask for more reviews under Project, or import answers from another tool.",
            icon=":material/group:",
        )
        return
    st.markdown(f"**{report.records:,}** records with several answers, by **{report.people}** people.")
    st.dataframe(
        [
            {
                "question": row.title,
                "records": row.percent.records,
                "agree": _shown(row.percent),
                "Krippendorff's alpha": f"{_shown(row.alpha)} ({row.level})",
                "Gwet's AC1": _shown(row.ac1),
                "positive agreement": "" if row.positive is None else _shown(row.positive),
            }
            for row in report.questions
        ],
        hide_index=True,
        width="stretch",
    )
    st.caption(
        "Alpha is 0 for what chance gives and is not defined without variation; where one answer is rare, alpha is low "
        "and AC1 stays readable. Positive agreement: of judgements on the positive side, the share whose partner does."
    )
    if report.pairs:
        st.dataframe([pair._asdict() for pair in report.pairs], hide_index=True, width="stretch")
        st.caption(
            "Cohen's kappa of every two people with at least ten records in common, of ratings weighted by the square "
            "of the distance; not defined, and left out, where there is no variation."
        )


def _shown(measured: Agreement) -> str:
    if measured.value is None:
        return "not defined"
    interval = "" if measured.interval is None else f" [{measured.interval.lower:.2f}, {measured.interval.upper:.2f}]"
    return f"{measured.value:.2f}{interval}"


def _leases(workspace: Workspace, project: Project, person: str) -> None:
    leases = assignment.leases(workspace, project_id=project.id)
    if not leases:
        st.info("No annotator has a record open.", icon=":material/check:")
        return
    st.caption(
        f"A record that was not touched for {_QUIET_MINUTES} minutes is marked. It goes back into the queue by itself "
        "when its time is up."
    )
    now = workspace.clock()
    for lease in leases:
        quiet = (now - (lease.seen_at or lease.claimed_at or now)).total_seconds() / 60
        left = (lease.expires_at - now).total_seconds() / 60
        columns = st.columns([2, 2, 2, 2, 1], vertical_alignment="center")
        columns[0].markdown(f"**{notice.plain(lease.holder)}**")
        with columns[1]:
            links.to("records", "What it is", icon=":material/description:", address={"record": lease.record_id})
        columns[2].markdown(
            f":orange[not touched for {quiet:.0f} min]" if quiet > _QUIET_MINUTES else f"touched {quiet:.0f} min ago"
        )
        columns[3].text(f"goes back in {left:.0f} min" if left > 0 else "is free again")
        if columns[4].button("Release", key=f"release {lease.slot_id}"):
            with notice.errors():
                holder = assignment.release(workspace, lease.slot_id, project_id=project.id, actor=person)
                _done(f"Taken from {notice.plain(holder)}; what they typed stays as their draft.")


def _assignment(workspace: Workspace, project: Project, person: str) -> None:
    pools = assignment.pool_members(workspace, project_id=project.id)
    st.subheader("Keep the next records for an annotator", anchor=False)
    columns = st.columns([1, 2, 2, 1], vertical_alignment="bottom")
    count = columns[0].number_input("Records", 1, 100_000, 50)
    kind = columns[1].selectbox("To", ["an annotator", *(f"pool {name}" for name in pools)])
    name = columns[2].text_input("Name", disabled=kind != "an annotator", placeholder="as they sign their answers")
    if columns[3].button("Assign", width="stretch", disabled=kind == "an annotator" and not name.strip()):
        with notice.errors():
            pool = kind.removeprefix("pool ") if kind.startswith("pool ") else None
            given = assignment.assign_next(
                workspace,
                int(count),
                project_id=project.id,
                actor=person,
                person=name.strip() if pool is None else None,
                pool=pool,
            )
            who = notice.plain(name.strip() if pool is None else kind)
            _done(f"Kept for {who}: {notice.counted(given, 'record')}.")
    st.caption(
        "In the order of the queue, leaving out what is kept for another annotator. Records that are open stay where "
        "they are."
    )
    _kept(workspace, project, person)
    _priority(workspace, project, person)
    st.subheader("Pools", anchor=False)
    for pool, members in pools.items():
        st.markdown(f"**{notice.plain(pool)}**: {notice.plain(', '.join(members))}")
    columns = st.columns([2, 4, 1], vertical_alignment="bottom")
    pool_name = columns[0].text_input("Pool", placeholder="medical")
    people = columns[1].text_input("Members", placeholder="names with commas; empty takes the pool away")
    if columns[2].button("Keep", width="stretch", disabled=not pool_name.strip()):
        with notice.errors():
            names = [each.strip() for each in people.split(",") if each.strip()]
            freed = assignment.set_pool(workspace, pool_name.strip(), names, project_id=project.id, actor=person)
            told = f" Open to everyone now: {notice.counted(freed, 'review')}." if freed else ""
            _done(f"Pool {notice.plain(pool_name)} has {notice.counted(len(names), 'member')}.{told}")


def _kept(workspace: Workspace, project: Project, person: str) -> None:
    """Who has something kept for them, and the way to free it."""
    kept = assignment.kept(workspace, project_id=project.id)
    if not kept:
        return
    st.subheader("Kept for", anchor=False)
    for audience, count in kept.items():
        columns = st.columns([3, 2, 1], vertical_alignment="center")
        columns[0].markdown(f"**{notice.plain(audience.name)}**{'' if audience.kind == 'person' else ', pool'}")
        columns[1].text(f"{notice.counted(count, 'review')} waiting")
        if columns[2].button("Free", key=f"free {audience.key}", help="Offer them to everyone again", width="stretch"):
            with notice.errors():
                freed = assignment.free(workspace, audience, project_id=project.id, actor=person)
                _done(f"Open to everyone now: {notice.counted(freed, 'review')}.")


def _priority(workspace: Workspace, project: Project, person: str) -> None:
    batches = {batch.id: batch for batch in recent_imports(workspace, project_id=project.id)}
    if not batches:
        return
    st.subheader("Put an import first", anchor=False)
    columns = st.columns([3, 1, 1], vertical_alignment="bottom")
    chosen = columns[0].selectbox(
        "Import",
        list(batches),
        format_func=lambda number: f"{batches[number].file_name}, {batches[number].created_at:%Y-%m-%d %H:%M} UTC",
    )
    priority = columns[1].number_input("Priority", -100, 100, 10, help="Higher comes first; 0 is usual.")
    if columns[2].button("Move", width="stretch"):
        with notice.errors():
            moved = assignment.set_priority(workspace, int(chosen or 0), int(priority), actor=person)
            _done(f"Priority {int(priority)}: {notice.counted(moved, 'review')}.")


def _done(message: str) -> None:
    state.remember("team", message)
    st.rerun()


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project(), notice.person_needed())
