"""One act on all records that a query means: chosen, looked at, confirmed, followed, taken back."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app import state
from app.components import diff_view, notice, record_card
from curator import Workspace, jobs
from curator.annotate import assignment, team
from curator.curate import bulk
from curator.curate.bulk import Preview, Selection
from schemas.act import (
    Accept,
    Act,
    ActReport,
    ActState,
    Assign,
    Flag,
    Mask,
    Reject,
    Replace,
    ReReview,
    SendBack,
    SetGroup,
    SetLicence,
    Tag,
)
from schemas.project import Project

_TYPED_FROM = 100
"""From so many records on their number is typed before the act."""
_CHOSEN = "bulk choice"
_SHOWN = 5
"""Acts that are listed, the newest first."""


def show(workspace: Workspace, project: Project, person: str, *, query: str, total: int | None = None) -> None:
    """What can be done with the records of a query, and what became of the newest acts.

    Args:
        workspace: Where they are.
        project: Theirs.
        person: Who acts.
        query: In its text form; what is shown in the list.
        total: How many records it means, where that is known.
    """
    notice.done("bulk act")
    which = "all of these records" if total is None else notice.counted(total, "record")
    if total != 0:
        with st.expander(f"Act on {which}", icon=":material/done_all:"):
            _choose(workspace, project, person, query)
    _show_recent(workspace, project, person)


def _choose(workspace: Workspace, project: Project, person: str, query: str) -> None:
    """What to do, a look at what it would do, and the confirmation."""
    name = st.selectbox("What to do with them", list(_FORMS), key="bulk act")
    with notice.errors():
        act = _FORMS[name](workspace, project)
        if act is None:
            return
        if st.button("Look at what it does", icon=":material/visibility:", key="bulk look"):
            with st.spinner("Choosing the records", show_time=True):
                selected = bulk.choose(workspace, query, project_id=project.id)
                state.remember(_CHOSEN, (query, act, selected, bulk.preview(workspace, selected, act)))
        chosen = state.recall(_CHOSEN)
        if isinstance(chosen, tuple) and chosen[:2] == (query, act):
            _confirm(workspace, person, act, chosen[2], chosen[3])


def _confirm(workspace: Workspace, person: str, act: Act, selected: Selection, shown: Preview) -> None:
    if not shown.matched:
        st.info("The query means no record any more.", icon=":material/search_off:")
        return
    stands = ", ".join(f"{n:,} {record_card.STATES[each][2:].lower()}" for each, n in shown.states.items())
    held = ""
    if shown.claimed:
        held = f" Annotators have {shown.claimed:,} of them open: what they read and type is not touched."
    st.markdown(f"**{notice.counted(shown.matched, 'record')}**: {stands}.{held}")
    if isinstance(act, Replace | Mask):
        _show_changes(shown)
    else:
        st.dataframe(
            [
                {
                    "state": record_card.STATES[each.state],
                    "instruction": notice.excerpt(each.now.instruction, 120),
                    "response": notice.excerpt(each.now.response, 120),
                    "record": each.id,
                }
                for each in shown.sample
            ],
            hide_index=True,
            width="stretch",
            height=min(280, 40 + 36 * len(shown.sample)),
        )
        st.caption(f"{len(shown.sample)} of them, spread evenly. What comes in from now on is out.")
    is_large = shown.matched >= _TYPED_FROM
    typed = ""
    if is_large:
        typed = st.text_input(
            f"Type {shown.matched} to confirm", key=f"bulk typed {selected.fingerprint}", autocomplete="off"
        )
    is_sure = not is_large or typed.replace(",", "").strip() == str(shown.matched)
    label = f"{_said(act)}: {notice.counted(shown.matched, 'record')}"
    if st.button(label, type="primary", disabled=not is_sure, key="bulk go", icon=":material/done_all:"):
        begun = bulk.begin(workspace, selected, act, actor=person)
        state.remember(_CHOSEN, None)
        state.remember("bulk act", f"Act {begun.id} has begun. It goes on if you close this page.")
        st.rerun()


def _show_changes(shown: Preview) -> None:
    if not shown.changes:
        read = notice.counted(shown.looked_through, "record")
        st.info(f"Nothing changes in the {read} that were read.", icon=":material/search_off:")
    place = st.container(height=320) if shown.changes else st.container()
    for change in shown.changes:
        with place.container(border=True):
            st.caption(f"Record {change.record_id}")
            for before, after in zip(change.before.messages, change.after.messages, strict=True):
                if before.content != after.content:
                    diff_view.show_open(before.content, after.content)
    if shown.changes:
        looked = notice.counted(shown.looked_through, "record")
        st.caption(f"{len(shown.changes)} changes, from the first {looked} of the choice that were read.")


def _tag(_workspace: Workspace, _project: Project) -> Act | None:
    left, right = st.columns(2)
    name = left.text_input("Label", key="bulk label", placeholder="checked").strip()
    value = right.text_input("Value", key="bulk value", placeholder="empty takes the label away").strip()
    if not name:
        st.caption("Name the label.")
        return None
    return Tag(labels={name: value or None})


def _group(_workspace: Workspace, _project: Project) -> Act:
    name = st.text_input("Group, which no split divides", key="bulk group", placeholder="empty for none").strip()
    return SetGroup(group=name or None)


def _licence(_workspace: Workspace, _project: Project) -> Act:
    name = st.text_input("Licence", key="bulk licence", placeholder="CC-BY-4.0; empty for unknown").strip()
    return SetLicence(licence=name or None)


def _assign(workspace: Workspace, project: Project) -> Act:
    people = [each.name for each in team(workspace, project_id=project.id).members]
    pools = list(assignment.pool_members(workspace, project_id=project.id))
    whom = {"everyone": Assign()}
    whom |= {f"pool {each}": Assign(pool=each) for each in pools} | {each: Assign(person=each) for each in people}
    return whom[st.selectbox("Keep what is still to be reviewed for", list(whom), key="bulk whom")]


def _send_back(_workspace: Workspace, _project: Project) -> Act:
    reason = st.text_input("Why, for the annotators", key="bulk reason")
    return SendBack(reason=reason)


def _ask_for_more(_workspace: Workspace, _project: Project) -> Act:
    return ReReview(reviews=int(st.number_input("How many more reviews", 1, 20, 1, key="bulk reviews")))


def _replace(_workspace: Workspace, _project: Project) -> Act | None:
    left, right = st.columns(2)
    pattern = left.text_input("Replace", key="bulk pattern")
    by = right.text_input("by", key="bulk by", placeholder="empty removes it")
    row = st.container(horizontal=True)
    is_pattern = row.checkbox("It is a regular expression", key="bulk regex")
    ignores_case = row.checkbox("Ignore case", key="bulk case")
    everywhere = row.checkbox("In prompts, too", key="bulk everywhere")
    if not pattern:
        st.caption("Say what to replace.")
        return None
    where = "all messages" if everywhere else "responses"
    return Replace(pattern=pattern, by=by, is_plain=not is_pattern, ignores_case=ignores_case, where=where)


def _mask(_workspace: Workspace, _project: Project) -> Act:
    st.caption(
        "Addresses, telephone, card and account numbers and keys become their kind, as in [EMAIL]. Names are not "
        "looked for. The row of the file is neither shown nor frozen any more."
    )
    country = st.text_input("Country of telephone numbers without a country code", "US", key="bulk country")
    return Mask(region=country.strip().upper()[:2] or "US")


_FORMS: dict[str, Callable[[Workspace, Project], Act | None]] = {
    "Accept": lambda *_: Accept(),
    "Reject": lambda *_: Reject(),
    "Flag": lambda *_: Flag(),
    "Set or remove a label": _tag,
    "Set the group": _group,
    "Set the licence": _licence,
    "Assign": _assign,
    "Send back": _send_back,
    "Ask for more reviews": _ask_for_more,
    "Replace text": _replace,
    "Mask personal data": _mask,
}


def _said(act: Act) -> str:
    """An act in a few words."""
    match act:
        case Tag():
            name, value = next(iter(act.labels.items()))
            return f"Remove the label {name}" if value is None else f"Label {name}: {value}"
        case SetGroup():
            return f"Set the group to {act.group or 'none'}"
        case SetLicence():
            return f"Set the licence to {act.licence or 'unknown'}"
        case Assign():
            return f"Assign to {act.person or (f'pool {act.pool}' if act.pool else 'everyone')}"
        case SendBack():
            return "Send back"
        case ReReview():
            return f"Ask for {notice.counted(act.reviews, 'more review')}"
        case Replace():
            return f"Replace “{notice.excerpt(act.pattern, 30)}”"
        case Mask():
            return "Mask personal data"
        case _:
            return act.act.capitalize()


def _show_recent(workspace: Workspace, project: Project, person: str) -> None:
    """The newest acts; those that are under way are drawn again every second."""
    newest = bulk.recent(workspace, project_id=project.id, limit=_SHOWN)
    if not newest:
        return
    moving = [each for each in newest if each.state in (ActState.RUNNING, ActState.UNDOING)]
    for each in moving:
        state.live(lambda each=each: _follow(workspace, person, each.id), every=1.0)()
    ended = [each for each in newest if each not in moving]
    if ended:
        with st.expander("Newest acts", icon=":material/history:"):  # another label would close it
            for each in ended:
                _show_ended(workspace, person, each)


def _line(report: ActReport) -> str:
    said = notice.plain(_said(report.act))
    if report.state is ActState.UNDONE:
        return f"{said}, taken back for {notice.counted(report.undone, 'record')}"
    return f"{said}, {notice.counted(report.changed, 'record')}"


def _follow(workspace: Workspace, person: str, act_id: int) -> None:
    """The progress of an act or its undo; the page is drawn anew once it has ended."""
    jobs.revive(workspace)
    report = bulk.report(workspace, act_id)
    job = jobs.status(workspace, report.job)
    if not job.is_alive and report.state is not ActState.UNDOING:
        st.rerun()
    undoes = "Taking back: " if report.state is ActState.UNDOING else ""
    total = job.total or report.matched
    said = f"{undoes}{notice.plain(_said(report.act))}, {job.done:,} of {total:,}"
    st.progress(min(1.0, job.done / max(1, total)), text=said)
    if job.can_resume:
        st.warning(f"It stopped: {notice.plain(job.problem or 'its process ended')}", icon=":material/warning:")
        if st.button("Go on", key=f"bulk on {act_id}"):
            jobs.resume(workspace, job.id, actor=person)
            st.rerun()
    elif report.state is ActState.RUNNING and st.button("Cancel", key=f"bulk cancel {act_id}", icon=":material/stop:"):
        jobs.cancel(workspace, job.id, actor=person)
        st.rerun()


def _show_ended(workspace: Workspace, person: str, report: ActReport) -> None:
    with st.container(border=True):
        text, button = st.columns([5, 1], vertical_alignment="center")
        of = f" of {report.matched:,}" if report.changed != report.matched else ""
        text.markdown(f"**{_line(report)}**{of}")
        lines = [f"{notice.plain(report.actor)}, {report.at:%Y-%m-%d %H:%M} UTC"]
        if report.query:
            lines.append(notice.plain(report.query))
        if report.state is ActState.INTERRUPTED:
            lines.append(f"stopped after {report.done:,}")
        lines += [f"{n:,} left out: {why}" for why, n in report.left_out.items()]
        lines += [f"{n:,} kept as they are: {why}" for why, n in report.kept.items()]
        text.caption(" · ".join(lines))
        if report.problem:
            text.caption(f"{notice.plain(report.problem)} {notice.plain(report.hint or '')}")
        left = bulk.not_changed(workspace, report.id, limit=20) if report.left_out or report.kept else []
        if left:
            text.caption("Among them records " + ", ".join(f"[{each}](?record={each})" for each, _ in left))
        if report.state is ActState.UNDONE:
            return
        with notice.errors():
            if report.state is ActState.INTERRUPTED and button.button("Go on", key=f"bulk on {report.id}"):
                jobs.resume(workspace, report.id, actor=person)
                st.rerun()
            if report.changed and button.button("Undo", key=f"bulk undo {report.id}", icon=":material/undo:"):
                bulk.take_back(workspace, report.id, actor=person)
                state.remember("bulk act", f"Act {report.id} is being taken back.")
                st.rerun()
