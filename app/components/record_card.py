"""Drawing a record: earlier turns folded, the instruction open. Text is data: it is shown, never interpreted."""

from __future__ import annotations

import streamlit as st

from schemas.annotation import RecordState
from schemas.record import Message, Record
from schemas.review import Prompt

STATES = {
    RecordState.WAITING: "○ Waiting",
    RecordState.ACCEPTED: "✔ Accepted",
    RecordState.REJECTED: "✖ Rejected",
    RecordState.CONFLICT: "≠ In conflict",
    RecordState.FLAGGED: "⚑ Flagged",
    RecordState.GOLD: "★ Gold",
}
"""How pages name the states of a record."""

_NAMES = {"system": "System", "developer": "Developer", "user": "User", "assistant": "Assistant", "tool": "Tool"}


def show_prompt(prompt: Prompt) -> None:
    """A prompt of a suite, its reference answer folded."""
    st.caption(f"Prompt ({prompt.category})")
    show_text(prompt.prompt)
    if prompt.reference is not None:
        with st.expander("Reference answer"):
            st.text(prompt.reference)


def show_context(record: Record) -> None:
    """Everything that the model is given, the last instruction open and what came before folded."""
    *earlier, last = record.context
    if earlier:
        with st.expander(f"{len(earlier)} earlier message{'s' if len(earlier) > 1 else ''}"):
            for message in earlier:
                show_message(message)
    show_message(last, label="Instruction" if last.role == "user" else None)


def show_message(message: Message, *, label: str | None = None) -> None:
    """One message, byte for byte."""
    st.caption(label or _NAMES[message.role])
    show_text(message.content)


def show_text(text: str) -> None:
    """Text as it is, with its line breaks."""
    with st.container(border=True):
        st.text(text or "(empty)")
