"""The answer: response editor, rating, checks and note of one claimed record.

Every widget is named by the claim, so nothing that was typed for one record can reach the next. Plain buttons and
check boxes, because pills, segmented controls and radio buttons keep Enter to themselves: with the focus on one,
Ctrl+Enter would toggle it or do nothing.
"""

from __future__ import annotations

import difflib
import re

import streamlit as st

from app import state
from app.components import notice
from schemas.annotation import Answer, Checks, Task

CHECKS = {
    "harmful": "Harmful",
    "unfactual": "Unfactual",
    "biased": "Biased",
    "personal_data": "With personal data",
}
RATINGS = {1: "Poor", 2: "Weak", 3: "Fair", 4: "Good", 5: "Best"}
_WORD = re.compile(r"\s+|[^\s]+")


def starting_point(task: Task) -> Answer:
    """What the editor shows first: the draft, or the response as it came."""
    return task.draft or Answer(response=task.record.response)


def edit_response(task: Task) -> str:
    """The response as it is typed now."""
    start = starting_point(task).response
    height = min(420, max(120, 26 * (len(start) // 70 + start.count("\n") + 2)))
    return st.text_area("Response", start, height=height, key=f"response {task.claim.token}")


def edit_judgement(task: Task, response: str) -> Answer:
    """Rating, checks and note, with the response, as an answer."""
    start = starting_point(task)
    token = task.claim.token
    rating = _edit_rating(token, start.rating)
    st.caption("The final text is")
    columns = st.columns(2)
    ticked = [
        name
        for n, (name, label) in enumerate(CHECKS.items())
        if columns[n % 2].checkbox(label, getattr(start.checks, name), key=f"check {name} {token}")
    ]
    note = st.text_input("Note", start.note, key=f"note {token}", placeholder="For the lead, optional")
    return Answer(response=response, rating=rating, checks=Checks(**dict.fromkeys(ticked, True)), note=note)


def _edit_rating(token: str, start: int | None) -> int | None:
    """The rating; a press sets it and never clears it, since Ctrl+Enter also presses the button that has the focus."""
    st.caption("Quality of the final text")
    kept = state.recall(f"rating {token}")
    rating = kept if isinstance(kept, int) else start
    for n in RATINGS:
        if state.pressed(f"rate {n} {token}"):
            rating = n
            state.remember(f"rating {token}", n)
    with st.container(horizontal=True, gap="xsmall"):
        for n, word in RATINGS.items():
            st.button(word, type="primary" if n == rating else "secondary", shortcut=str(n), key=f"rate {n} {token}")
    return rating


def show_edit(before: str, after: str) -> None:
    """What was changed, word by word: added words green, removed words struck through."""
    if before == after:
        st.caption(f"{_words(after)}, not edited")
        return
    old, new = _WORD.findall(before), _WORD.findall(after)
    parts, added, removed = [], 0, 0
    for kind, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            parts.append(notice.plain("".join(old[i:j])))
            continue
        gone, come = "".join(old[i:j]).strip(), "".join(new[k:m]).strip()
        removed, added = removed + len(gone.split()), added + len(come.split())
        parts += [f" ~~{notice.plain(gone)}~~ "] * bool(gone) + [f" :green-background[{notice.plain(come)}] "] * bool(
            come
        )
    with st.expander(f"{_words(after)}, edited: {added} added, {removed} removed"):
        st.markdown("".join(parts))


def _words(text: str) -> str:
    n = len(text.split())
    return f"{n} word{'' if n == 1 else 's'}"
