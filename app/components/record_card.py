"""Drawing a record: earlier turns folded, the instruction open. Text is data: it is shown, never interpreted."""

from __future__ import annotations

import streamlit as st

from app.components import notice
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
    if record.tools:
        with st.expander(f"{len(record.tools)} tool{'s' if len(record.tools) > 1 else ''} that may be called"):
            for definition in record.tools:
                st.code(definition, language="json", wrap_lines=True)
    if earlier:
        with st.expander(f"{len(earlier)} earlier message{'s' if len(earlier) > 1 else ''}"):
            for message in earlier:
                show_message(message)
    show_message(last, label="Instruction" if last.role == "user" else None)


def show_message(message: Message, *, label: str | None = None) -> None:
    """One message, byte for byte; a call of a tool is a card of its own."""
    name = label or _NAMES[message.role]
    st.caption(name if message.tool_call_id is None else f"{name}, answers {notice.plain(message.tool_call_id)}")
    if message.content or not message.tool_calls:
        show_text(message.content)
    for call in message.tool_calls:
        with st.container(border=True):
            st.caption(
                f":material/build: Calls **{notice.plain(call.name)}** ({notice.plain(call.id or 'without an id')})"
            )
            st.code(call.arguments or "(no arguments)", language="json", wrap_lines=True)


def show_text(text: str) -> None:
    """Text as it is, with its line breaks."""
    with st.container(border=True):
        st.text(text or "(empty)")
