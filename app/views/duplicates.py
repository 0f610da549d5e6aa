"""Duplicates: records that say almost the same, which one is kept, and evaluation items among them."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components import diff_view, links, notice, uploaded
from curator import Workspace, jobs
from curator.curate import duplicates, leakage
from curator.curate.duplicates import FIND, PUT_BACK, SET_ASIDE
from schemas.duplicate import DuplicateCluster, DuplicateKind, DuplicateReport, KeepRule
from schemas.job import Job, JobState
from schemas.leakage import LeakageReport
from schemas.project import Project
from schemas.record import Record

_PAGE = 10
_MEMBERS = 5
_LONGEST = 4_000  # characters of a text that are compared on the page
_MATCHES = 20
_KINDS = {
    DuplicateKind.BOTH: "Repetitions: the same instruction and response",
    DuplicateKind.INSTRUCTION: "Conflicts: the same instruction, other responses",
    DuplicateKind.RESPONSE: "Boilerplate: the same response, other instructions",
}
_RULES = {
    KeepRule.HUMAN: "written or answered by a person",
    KeepRule.RATED: "rated best",
    KeepRule.LONGEST: "longest response",
    KeepRule.NEWEST: "newest",
}
_WORK = {FIND: "Looking for duplicates", SET_ASIDE: "Setting aside", PUT_BACK: "Putting back"}


def render(workspace: Workspace, project: Project, person: str) -> None:
    """Near duplicates in clusters, and what of evaluation data stands in the records."""
    st.title("Duplicates", anchor=False)
    notice.done("duplicates")
    among, tested = state.tabs("duplicates", ["Duplicates", "Leakage"])
    with among, notice.errors():
        _show_duplicates(workspace, project, person)
    with tested, notice.errors():
        _show_leakage(workspace, project)


def _show_duplicates(workspace: Workspace, project: Project, person: str) -> None:
    said = {each.value: label for each, label in _KINDS.items()}
    chosen = state.one_of("kind", list(said), label="What is the same", nothing=_KINDS[DuplicateKind.BOTH], shown=said)
    kind = DuplicateKind(chosen) if chosen else DuplicateKind.BOTH
    job = _under_way(workspace, project)
    if job is not None:
        state.live(_show_progress, every=1.0 if job.is_alive else None)(workspace, job.id, person)
        return
    found = duplicates.report(workspace, project=project.name, kind=kind)
    _offer_search(workspace, project, person, kind, found)
    if found is None:
        return
    if not found.clusters:
        st.info(f"None of {notice.counted(found.records, 'record')} repeats another one.", icon=":material/check:")
        return
    _offer_change(workspace, person, found)
    _show_clusters(workspace, found)


def _offer_search(
    workspace: Workspace, project: Project, person: str, kind: DuplicateKind, found: DuplicateReport | None
) -> None:
    """What decides about a search, and the button that starts it."""
    is_first = found is None
    with st.expander("Look for duplicates" if is_first else "Look again", expanded=is_first):
        left, right = st.columns(2)
        rules = [rule.value for rule in KeepRule]
        keep: str = left.selectbox(
            "Of each cluster, keep the one that is", rules, format_func=lambda rule: _RULES[KeepRule(rule)],
            key=f"keep {kind}", help="The other rules settle ties, in this order. Gold records always stay.",
        )  # fmt: skip
        least = right.slider(
            "Least similarity", 0.5, 1.0, 0.8, 0.05, key=f"least {kind}",
            help="Share of the runs of three words that two records have in common, of all that either has.",
        )  # fmt: skip
        if st.button("Look for duplicates", type="primary" if is_first else "secondary", icon=":material/search:"):
            parameters = {"project": project.name, "kind": kind.value, "keep": keep, "least": least}
            jobs.start(
                workspace, FIND, parameters, person, project_id=project.id,
                key=f"duplicates of project {project.id}",
            )  # fmt: skip
            state.remember(f"cluster pages {kind}", [])
            st.rerun()
    if found is not None:
        st.caption(
            f"{notice.counted(found.records, 'record')} compared on {found.at:%Y-%m-%d at %H:%M} UTC by "
            f"{notice.plain(found.actor)}, similarity {found.least:.2f} or more, kept: {_RULES[found.keep]}."
        )


def _under_way(workspace: Workspace, project: Project) -> Job | None:
    """The job that looks for duplicates of this project or changes them, while there is one."""
    newest = next((job for job in jobs.listed(workspace, project_id=project.id) if job.kind in _WORK), None)
    return newest if newest and (newest.is_alive or newest.state is JobState.INTERRUPTED) else None


def _show_progress(workspace: Workspace, job_id: int, person: str) -> None:
    job = jobs.status(workspace, job_id)
    if not job.is_alive and job.state is not JobState.INTERRUPTED:
        st.rerun()
    row = st.container(horizontal=True, vertical_alignment="center")
    of = f" of {job.total:,}" if job.total else ""
    share = min(1.0, job.done / job.total) if job.total else 0.0
    row.progress(share, text=f"{_WORK[job.kind]}: {job.done:,}{of} records. You can leave this page.")
    if job.state is JobState.INTERRUPTED and row.button("Go on"):
        jobs.resume(workspace, job_id, actor=person)
        st.rerun()
    if row.button("Cancel"):
        jobs.cancel(workspace, job_id, actor=person)
        st.rerun()


def _offer_change(workspace: Workspace, person: str, found: DuplicateReport) -> None:
    """What would go or went, the alarm, and the buttons that set aside and put back."""
    clusters = notice.counted(found.clusters, "cluster")
    words = {
        DuplicateKind.BOTH: f"{notice.counted(found.members, 'record')} too many, in {clusters}.",
        DuplicateKind.INSTRUCTION: (
            f"{notice.counted(found.members, 'record')} answer the instructions of {found.clusters:,} others "
            "otherwise: conflicts, or material for preference pairs."
        ),
        DuplicateKind.RESPONSE: (
            f"{notice.counted(found.members, 'record')} give the responses of {found.clusters:,} others to other "
            "instructions."
        ),
    }
    st.write(words[found.kind])
    if found.kind is not DuplicateKind.BOTH:
        return
    if found.is_applied:
        row = st.container(horizontal=True, vertical_alignment="center")
        row.success(f"{notice.counted(found.removed, 'record')} set aside.", icon=":material/inventory:")
        if row.button("Put them back", icon=":material/undo:"):
            duplicates.put_back(workspace, found.id, actor=person, detach=True)
            st.rerun()
        return
    sure = True
    if found.alarm:
        st.error(f"{notice.plain(found.alarm)} Look at the largest clusters first.", icon=":material/warning:")
        sure = st.checkbox("I have looked, and these are duplicates", key=f"sure {found.id}")
    label = f"Set aside {notice.counted(found.members, 'record')} ({found.share:.1%})"
    if st.button(label, type="primary", disabled=not sure, icon=":material/inventory:"):
        duplicates.set_aside(workspace, found.id, actor=person, despite_alarm=sure, detach=True)
        st.rerun()


def _show_clusters(workspace: Workspace, found: DuplicateReport) -> None:
    """One page of clusters, the largest first."""
    kept = state.recall(f"cluster pages {found.kind}")
    pages = [each for each in kept if each[0] == found.id] if isinstance(kept, list) else []
    after = pages[-1][1] if pages else None
    listed = duplicates.clusters(workspace, found.id, after=after, limit=_PAGE + 1)
    for cluster in listed[:_PAGE]:
        _show_cluster(workspace, found, cluster)
    row = st.container(horizontal=True, vertical_alignment="center")
    if row.button("Previous", disabled=not pages, key="previous clusters", icon=":material/arrow_back:"):
        state.remember(f"cluster pages {found.kind}", pages[:-1])
        st.rerun()
    row.caption(f"Page {len(pages) + 1} of {-(-found.clusters // _PAGE):,}")
    if row.button("Next", disabled=len(listed) <= _PAGE, key="next clusters", icon=":material/arrow_forward:"):
        last = listed[_PAGE - 1]
        state.remember(f"cluster pages {found.kind}", [*pages, (found.id, (last.members, last.kept_id))])
        st.rerun()


def _show_cluster(workspace: Workspace, found: DuplicateReport, cluster: DuplicateCluster) -> None:
    """The record that is kept, and the first ones beside it with what they change."""
    kept, examples = duplicates.examples(workspace, found.id, cluster.kept_id, limit=_MEMBERS)
    with st.container(border=True):
        head = st.container(horizontal=True, vertical_alignment="center")
        head.markdown(f"**{notice.plain(notice.excerpt(kept.instruction, 90))}**")
        head.badge(f"{cluster.members:,} more", color="orange")
        links.to("records", f"Kept: record {cluster.kept_id}", address={"record": cluster.kept_id}, says_why=False)
        for number, (member, record) in enumerate(examples):
            marks = [f"Record {member.record_id}", f"{member.similarity:.0%} the same"]
            marks += ["set aside"] if member.is_removed else []
            marks += [] if member.is_current else ["changed since the search"]
            with st.expander(", ".join(marks), expanded=number == 0):
                _compare(kept, record, found.kind)
        if cluster.members > len(examples):
            st.caption(f"and {cluster.members - len(examples):,} more")


def _compare(kept: Record, other: Record, kind: DuplicateKind) -> None:
    """Both sides of a record word by word against the one that is kept; what differs as a whole, one by the other."""
    for title, before, after, is_same in (
        ("Instruction", kept.instruction, other.instruction, kind is not DuplicateKind.RESPONSE),
        ("Response", kept.response, other.response, kind is not DuplicateKind.INSTRUCTION),
    ):
        st.caption(title)
        if is_same:
            diff_view.inline(before[:_LONGEST], after[:_LONGEST])
            continue
        left, right = st.columns(2)
        left.text(before[:_LONGEST])
        right.text(after[:_LONGEST])


def _show_leakage(workspace: Workspace, project: Project) -> None:
    """Which evaluation items stand in the records, each beside the record that holds it."""
    st.write(
        "Prompts of suites and items of files that stand in the records would be trained on, and then measure memory."
    )
    files = st.file_uploader(
        "Files with evaluation items", ["jsonl", "json", "csv", "txt"], accept_multiple_files=True,
        help="JSON lines, JSON or CSV with a column question, prompt or instruction, or one text on each line.",
    )  # fmt: skip
    if st.button("Look for them in the records", icon=":material/search:"):
        items = leakage.suite_items(workspace)
        for sent in files or ():
            with uploaded.on_disk(sent) as file:
                items += leakage.read_items(file)
        with st.spinner("Reading the records"):
            state.remember(f"leakage {project.id}", leakage.check(workspace, items, project=project.name))
    report = state.recall(f"leakage {project.id}")
    if isinstance(report, LeakageReport):
        _show_report(report)


def _show_report(report: LeakageReport) -> None:
    if not report.matches:
        asked = sum(source.items for source in report.sources)
        st.success(
            f"None of {notice.counted(report.records, 'record')} holds one of {notice.counted(asked, 'item')}.",
            icon=":material/check:",
        )
        return
    st.warning(
        f"{notice.counted(report.matches, 'record')} of {report.records:,} hold an item.", icon=":material/warning:"
    )
    table = [{"looked for": each.name, "items": each.items, "records": each.matches} for each in report.sources]
    st.dataframe(table, hide_index=True, width="stretch")
    for match in report.shown[:_MATCHES]:
        with st.container(border=True):
            what = "answer" if match.is_answer else "item"
            said = f"{match.share:.0%} of {what} {match.item_id} of {match.source}"
            st.markdown(f"**{notice.plain(said)}**")
            left, right = st.columns(2)
            left.caption("Item")
            left.text(match.item_text)
            with right:
                st.caption(f"Record {match.record_id}")
                st.text(match.response if match.is_answer else match.instruction)
                links.to("records", "Open it", address={"record": match.record_id}, says_why=False)


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project(), notice.person_needed())
