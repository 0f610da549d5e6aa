"""The token view: a record as the trainer sees it, with the tokens that carry loss tinted."""

from __future__ import annotations

import streamlit as st

from app.components import notice
from schemas.run import TokenRow

_MOST = 600
"""Tokens that are drawn; a longer record is cut on screen only."""
IGNORED = -100


def show(row: TokenRow) -> None:
    """One record: context plain, loss-bearing tokens on green, every special token and line break visible."""
    parts: list[str] = []
    carries = False
    current = ""
    for text, label in list(zip(row.text, row.labels, strict=True))[:_MOST]:
        if (label != IGNORED) != carries and current:
            parts.append(_tinted(current, carries))
            current = ""
        carries = label != IGNORED
        current += text.replace("\n", "⏎")
    parts.append(_tinted(current, carries))
    loss = sum(label != IGNORED for label in row.labels)
    st.caption(f"Record of the {row.split} split: {len(row.labels)} tokens, {loss} of them trained")
    st.markdown("".join(parts))
    if len(row.labels) > _MOST:
        st.caption(f"The first {_MOST} of {len(row.labels)} tokens are shown; the run reads them all.")


def _tinted(text: str, carries: bool) -> str:
    shown = notice.plain(text)
    return f":green-background[{shown}]" if carries else shown
