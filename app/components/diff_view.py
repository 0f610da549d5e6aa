"""What an edit changed: added words green, removed words struck through."""

from __future__ import annotations

import streamlit as st

from app.components import notice
from curator.quality import edits


def show(before: str, after: str) -> None:
    """The edit from one text to another, folded, with how many words came and went."""
    count = edits.words(after)
    words = f"{count} word{'' if count == 1 else 's'}"
    if before == after:
        st.caption(f"{words}, not edited")
        return
    pieces = edits.word_diff(before, after)
    added, removed = edits.changed_words(pieces)
    with st.expander(f"{words}, edited: {added} added, {removed} removed"):
        _draw(pieces)


def show_open(before: str, after: str) -> None:
    """The edit from one text to another, in full."""
    _draw(edits.word_diff(before, after))


def _draw(pieces: list[edits.Piece]) -> None:
    st.markdown("".join(_drawn(piece) for piece in pieces))


def inline(before: str, after: str) -> None:
    """The edit from one text to another, in full."""
    st.markdown("".join(_drawn(piece) for piece in edits.word_diff(before, after)) or "No text")


def _drawn(piece: edits.Piece) -> str:
    shown = notice.plain(piece.text.strip()) if piece.kind != "same" else notice.plain(piece.text)
    if piece.kind == "same" or not shown:
        return shown or piece.text
    return f" :green-background[{shown}] " if piece.kind == "added" else f" ~~{shown}~~ "
