"""What became of what reviewers sent back: on the record's page, and in the review of this run and the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlencode

import streamlit as st

from app import state
from app.components import notice, record_card
from curator import Workspace, overview
from curator.review import follow_up
from schemas.feedback import FollowUp, Kind

_KINDS = {
    Kind.CORRECTED: "right response",
    Kind.PREFERENCE: "preference pair",
    Kind.TAUGHT: "record that taught it",
}

_COLUMNS = {"record": st.column_config.LinkColumn(display_text="open")}


@notice.errors()  # a version whose files are damaged ends neither page
def show_about(workspace: Workspace, record_id: str) -> None:
    """On a record's page: from which review of outputs it comes or went back, and which versions hold it since."""
    called = overview.names(workspace)
    for each in follow_up.of_record(workspace, record_id):
        sent = each.sent
        what = {
            Kind.CORRECTED: "It says what an output should have said",
            Kind.PREFERENCE: "It says which of two responses is better",
            Kind.TAUGHT: "A reviewer says that it taught a wrong output",
        }[sent.kind]
        held = ", ".join(called.get(version, version[:12]) for version in each.versions) or "none"
        reason = f" “{sent.reason}”" if sent.reason else ""
        st.info(
            notice.plain(
                f"{what}: prompt {each.prompt_id} of {each.suite}, answered by "
                f"{called.get(sent.system_id, sent.system_id)}.{reason} "
                f"{sent.actor}, {sent.at:%Y-%m-%d %H:%M} UTC. Versions since then that hold it: {held}."
            ),
            icon=":material/rate_review:",
        )


@notice.errors()
def show_sent(workspace: Workspace, run_or_system: str, person: str) -> None:
    """What was sent back while a run was reviewed."""
    sent = follow_up.sent_from(workspace, run_or_system, reviewer=person)
    if not sent:
        return
    st.subheader("Sent back to the data", anchor=False)
    st.dataframe(
        [_line(each) | {"versions": len(each.versions)} for each in sent],
        hide_index=True,
        width="stretch",
        column_config=_COLUMNS,
    )


@notice.errors()
def show_answered(workspace: Workspace, run_or_system: str, person: str) -> None:
    """How a run answers what earlier ones got wrong: fixed, still failing, and whether it trained on the correction."""
    answered = follow_up.answered_by(workspace, run_or_system, reviewer=person)
    if not answered:
        return
    st.subheader("What earlier reviews sent back", anchor=False)
    counts = Counter(_status(each) for each in answered)
    st.caption(" · ".join(f"{n} {status}" for status, n in sorted(counts.items())))
    st.dataframe(
        [
            _line(each)
            | {"trained on it": "yes" if each.trained else "no", "now": _status(each), "found now": _found(each.now)}
            for each in answered
        ],
        hide_index=True,
        width="stretch",
        column_config=_COLUMNS,
    )


def _line(each: FollowUp) -> dict[str, object]:
    return {
        "prompt": f"{each.suite}/{each.prompt_id}",
        "sent back": _KINDS[each.sent.kind],
        "found then": _found(each.before),
        "record": "/records?" + urlencode(state.in_link() | {"record": each.sent.record_id}),
        "state": record_card.STATES[each.state],
    }


def _status(each: FollowUp) -> str:
    if each.now is None:
        return "not judged"
    return "still failing" if set(each.now) & set(each.before) else "failing otherwise" if each.now else "fixed"


def _found(defects: Sequence[str] | None) -> str:
    return "" if defects is None else ", ".join(defects) or "nothing"
