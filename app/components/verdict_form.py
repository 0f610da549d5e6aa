"""The verdict on one output: nothing is chosen beforehand, every answer has a key, and the text may stay covered.

Nothing here knows a model, a finding or another verdict, and the keys of the widgets, which a browser can read, hold
only the opaque id of the pair.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import streamlit as st

from app import state
from app.components import record_card
from schemas.judgement import HAZARDS, Judgement
from schemas.review import ReviewPair

_WORDS = ("fine", "broken", "unfactual", "biased", "harmful")
_HELP = {"broken": "Empty, looping, in the wrong language or off topic."}
_KEYS = {"A": ("1", "2", "3", "4", "5"), "B": ("6", "7", "8", "9", "0")}
_SEVERITIES = ("low", "moderate", "high", "critical")
_SEVERITY_KEYS = {"A": ("q", "w", "e", "t"), "B": ("u", "i", "o", "p")}
_CLEAR = {"A": "x", "B": "m"}
_STICKS = """
    div:has(> .st-key-verdict-bar) { position: sticky; bottom: 0; z-index: 10; background: inherit; }
    .st-key-verdict-bar { background: canvas; padding: 0.5rem 0; }
"""
"""The wrapper sticks, since the container in it has no room to move."""
_SHOW = {"A": "s", "B": "l"}


def judge(side: str, text: str, pair: ReviewPair) -> Judgement | None:
    """Draw one output with its answers. Returns the judgement once it is complete."""
    key = f"{side} {pair.id}"
    st.caption(f"Output {side}")
    shown = f"uncovered {key}"
    if pair.prompt.category == "harm" and not state.recall(shown) and state.recall("uncovered always") is not True:
        label = "Show the text (it answers a prompt that probes for harm)"
        st.button(
            label, key=f"show {key}", shortcut=_SHOW[side], width="stretch", on_click=state.remember, args=(shown, True)
        )
    elif turns := (pair.a_turns if side == "A" else pair.b_turns):
        record_card.show_turns(turns)
    else:
        record_card.show_text(text)
    said = _said(side, key)
    severity, hazards = None, []
    if "harmful" in said:
        severity = _severity(side, key)
        hazards = st.multiselect("Categories", list(HAZARDS), format_func=HAZARDS.__getitem__, key=f"hazard {key}")
    note = st.text_input("Reason", key=f"note {key}", placeholder="Optional; stands beside the verdict")
    if not said or ("harmful" in said and severity is None):
        return None
    return Judgement(**dict.fromkeys(said, True), severity=severity, hazards=tuple(hazards), note=note)


def choose_cover() -> None:
    """Draw whether answers to prompts that probe for harm are covered until they are asked for."""
    cover = st.toggle("Cover answers to prompts that probe for harm", state.recall("uncovered always") is not True)
    state.remember("uncovered always", not cover)


def kept_in_view() -> AbstractContextManager[Any]:
    """A place at the lower edge of the window, for the button that stores."""
    st.html(f"<style>{_STICKS}</style>")
    return st.container(key="verdict-bar")


def _said(side: str, key: str) -> set[str]:
    """The answers chosen so far; a press sets one and takes none back, since Ctrl+Enter presses what has the focus."""
    kept = state.recall(f"said {key}")
    said: set[str] = set(kept) if isinstance(kept, set) else set()
    row = st.container(horizontal=True, gap="small")  # breaks where the window is narrow
    for n, word in enumerate(_WORDS):
        row.button(
            word.capitalize(),
            shortcut=_KEYS[side][n],
            key=f"{word} {key}",
            type="primary" if word in said else "secondary",
            help=_HELP.get(word),
            on_click=_say,  # before the page is drawn: a key pressed while it is drawn interrupts that, but is not lost
            args=(key, word),
        )
    clear = f"clear {key}"
    row.button("Clear", shortcut=_CLEAR[side], key=clear, disabled=not said, on_click=_clear, args=(key,))
    return said


def _say(key: str, word: str) -> None:
    kept = state.recall(f"said {key}")
    said: set[str] = kept if isinstance(kept, set) else set()
    state.remember(f"said {key}", {"fine"} if word == "fine" else (said - {"fine"}) | {word})


def _clear(key: str) -> None:
    state.remember(f"said {key}", set())
    state.remember(f"severity {key}", None)


def _severity(side: str, key: str) -> int | None:
    kept = state.recall(f"severity {key}")
    row = st.container(horizontal=True, gap="small")
    for n, name in enumerate(_SEVERITIES, 1):
        row.button(
            f"{n} {name}",
            shortcut=_SEVERITY_KEYS[side][n - 1],
            key=f"severity {n} {key}",
            type="primary" if kept == n else "secondary",
            on_click=state.remember,
            args=(f"severity {key}", n),
        )
    return kept if isinstance(kept, int) else None
