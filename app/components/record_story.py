"""The story of one record: its texts, answers, comments and log, and what a lead does with it."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components import alike, answer_card, diff_view, follow_up, links, notice, record_card
from curator import Workspace
from curator.annotate import ask_again, assignment, comments, queue
from curator.annotate.lookup import Story
from curator.store.records import StoredRecord
from schemas.annotation import RecordState
from schemas.project import Project


def source_of(stored: StoredRecord) -> str:
    """Where a record came from, with its line."""
    origin = stored.content.origin
    return origin.source if origin.line is None else f"{origin.source}, line {origin.line}"


def show(workspace: Workspace, project: Project, story: Story, person: str) -> None:
    """Draw all that happened to a record, and what can be done with it."""
    stored = story.stored
    st.subheader(f"Record {stored.id[:8]}", anchor=False)
    st.caption(f"{record_card.STATES[stored.state]} · {notice.plain(source_of(stored))}")
    standing = sum(not each.undone for each in story.answers)
    counts = ((standing, "answer"), (len(story.comments) + len(story.doubts), "comment"), (len(story.events), "event"))
    needs = [f"needs {notice.counted(story.missing, 'more review')}"] if story.missing else []
    st.caption(" · ".join([*needs, *(notice.counted(n, noun) for n, noun in counts)]))
    follow_up.show_about(workspace, stored.id)
    # Numbers in labels would change, and a tab whose label changes gives way to the first.
    text, answered, commented, log = st.tabs(["Texts", "Answers", "Comments", "Log"])
    with text:
        _show_texts(stored)
    with answered:
        _show_answers(story)
    with commented:
        _show_comments(workspace, story, person)
    with log:
        _show_log(story)
    alike.offer(workspace, project, stored.id)
    if stored.state in (RecordState.CONFLICT, RecordState.FLAGGED):
        links.to("adjudicate", "It waits for a decision under Adjudicate", icon=":material/balance:")
    elif stored.state in (RecordState.ACCEPTED, RecordState.REJECTED):
        _send_back(workspace, stored, person)
    elif stored.state is RecordState.WAITING:
        _in_the_queue(workspace, project, story, person)
    elif stored.state is RecordState.GOLD:
        _back_from_gold(workspace, stored, person)


def _show_texts(stored: StoredRecord) -> None:
    record_card.show_context(stored.content)
    st.caption("Response as it came in")
    record_card.show_text(stored.content.response)
    if stored.content.alternative is not None:
        st.caption("Alternative")
        record_card.show_text(stored.content.alternative)
    if stored.final is not None and stored.final.response != stored.content.response:
        st.caption("Response as accepted")
        record_card.show_text(stored.final.response)
        diff_view.show(stored.content.response, stored.final.response)


def _show_answers(story: Story) -> None:
    if not story.answers:
        st.info("No annotator has answered it yet.", icon=":material/edit_note:")
    for each in story.answers:
        with st.container(border=True):
            answer_card.show(each, story.stored.content, name=each.annotator)
            undone = ", taken back later" if each.undone else ""
            st.caption(f"{each.submitted_at:%Y-%m-%d %H:%M} UTC{undone}")


def _show_comments(workspace: Workspace, story: Story, person: str) -> None:
    for comment in story.comments:
        st.markdown(f"**{notice.plain(comment.author)}**, {comment.at:%Y-%m-%d %H:%M} UTC")
        st.text(comment.text)
    for doubt in story.doubts:
        st.markdown(f"**{notice.plain(doubt.author)}** was unsure, {doubt.at:%Y-%m-%d %H:%M} UTC")
        st.text(doubt.question)
        if doubt.ruling is None:
            links.to("adjudicate", "It waits for a ruling", icon=":material/balance:")
        else:
            st.markdown(f"**{notice.plain(doubt.ruled_by or '')}** ruled")
            st.text(doubt.ruling)
    text = st.text_area("Comment", key=f"comment {story.stored.id} {len(story.comments)}", height=80)
    if st.button("Add the comment", key=f"add comment {story.stored.id}"):
        with notice.errors():
            comments.add(workspace, story.stored.id, text, author=person)
            st.rerun()


def _show_log(story: Story) -> None:
    if not story.events:
        st.info("Nothing has happened to it since it came in.", icon=":material/history:")
        return
    st.dataframe(
        [
            {
                "when (UTC)": f"{event.at:%Y-%m-%d %H:%M:%S}",
                "who": event.actor,
                "what": event.kind.replace("-", " "),
                "from": (event.old_hash or "")[:12],
                "to": (event.new_hash or "")[:12],
                "more": "" if event.detail is None else str(event.detail),
            }
            for event in story.events
        ],
        hide_index=True,
        width="stretch",
    )
    st.caption(
        "From and to are the first digits of the fingerprint (SHA-256) of the text. Nothing is taken out of the log."
    )


def _in_the_queue(workspace: Workspace, project: Project, story: Story, person: str) -> None:
    """What a lead does with one record that waits: answer it, keep it for an annotator, ask for more reviews."""
    record_id = story.stored.id
    opens, keeps, asks = st.columns([1, 2, 2], vertical_alignment="bottom")
    if opens.button("Annotate it", key=f"open {record_id}", icon=":material/edit_note:", width="stretch"):
        with notice.errors():
            if queue.claim_record(workspace, person, record_id) is None:
                st.info("An annotator has it open. Team says who.", icon=":material/lock:")
            else:
                st.switch_page("views/annotate.py")
    with keeps.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Keep it for", key=f"for {record_id}", placeholder="name; empty for everyone").strip()
        if st.button("Keep", key=f"keep {record_id}"):
            with notice.errors():
                kept = assignment.assign(
                    workspace, [record_id], project_id=project.id, actor=person, person=name or None
                )
                state.remember("record", f"For {notice.plain(name) or 'everyone'}: {notice.counted(kept, 'review')}.")
                st.rerun()
    with asks.container(horizontal=True, vertical_alignment="bottom"):
        given = sum(not each.undone for each in story.answers)
        wanted = st.number_input("Reviews in all", 1, 20, max(1, given + story.missing), key=f"reviews {record_id}")
        if st.button("Ask", key=f"ask {record_id}", help="You can ask for more, not for fewer."):
            with notice.errors():
                added = assignment.require_reviews(
                    workspace, int(wanted), project_id=project.id, actor=person, record_ids=[record_id]
                )
                state.remember("record", f"Added: {notice.counted(added, 'review')}.")
                st.rerun()


def _back_from_gold(workspace: Workspace, stored: StoredRecord, person: str) -> None:
    """A gold record becomes an ordinary one, which a version may hold once it is accepted."""
    st.caption("Its right answer is known. Annotators are measured by it, and no version holds it.")
    if st.button("Make it an ordinary record again", key=f"ungold {stored.id}", icon=":material/undo:"):
        with notice.errors():
            assignment.unmark_gold(workspace, stored.id, actor=person)
            state.remember("record", f"Record {stored.id[:8]} is an ordinary record again, and waits to be annotated.")
            st.rerun()


def _send_back(workspace: Workspace, stored: StoredRecord, person: str) -> None:
    columns = st.columns([4, 1], vertical_alignment="bottom")
    reason = columns[0].text_input("Have it annotated again", key=f"reason {stored.id}", placeholder="why, for them")
    if columns[1].button("Send back", key=f"back {stored.id}", width="stretch"):
        with notice.errors():
            ask_again.send_back(workspace, stored.id, reason=reason, actor=person)
            state.remember("record", f"Record {stored.id[:8]} waits in the queue again, before others.")
            st.rerun()
