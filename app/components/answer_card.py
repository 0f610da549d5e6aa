"""Drawing an answer: what an annotator judged, where, and how they changed the text."""

from __future__ import annotations

import streamlit as st

from app.components import diff_view, notice, record_card
from schemas.annotation import Annotation, Answer
from schemas.record import Record

_FAST = 3  # seconds below which an answer can hardly have been read


def show(annotation: Annotation, record: Record, *, name: str, with_text: bool = True) -> None:
    """One answer under the name that is given for its author; `with_text` draws its response and the edit, too."""
    answer = annotation.answer
    took = f", {annotation.active_seconds:.0f} s" if annotation.active_seconds else ""
    fast = " :orange[very fast]" if annotation.active_seconds and annotation.active_seconds < _FAST else ""
    st.markdown(f"**{notice.plain(name)}**{took}{fast}")
    st.markdown(notice.plain(judgement(answer)) or "no judgement")
    for detail in answer.details:
        passage = "" if detail.start is None else f" “{answer.response[detail.start : detail.end]}”"
        severity = f" ({detail.severity})" if detail.severity else ""
        st.caption(notice.plain(f"{detail.check}{severity}{passage} {detail.reason}"))
    if with_text:
        record_card.show_text(answer.response)
        diff_view.show(record.response, answer.response)
    if answer.edit_reasons:
        st.caption("Edited for " + ", ".join(answer.edit_reasons))
    if answer.note:
        st.caption("Note")
        st.text(answer.note)


def judgement(answer: Answer) -> str:
    """Everything but text, details and note, in one line.

    Example:
        >>> judgement(Answer(response="Hi", rating=4, values={"topics": ("sky", "sea")}))
        'rating 4 · topics: sky, sea'
    """
    facts = [] if answer.rating is None else [f"rating {answer.rating}"]
    facts += [name.replace("_", " ") for name in answer.checks.ticked]
    facts += [f"rejected as {answer.reject}"] if answer.reject else []
    facts += [f"prefers {answer.preference.choice}"] if answer.preference else []
    facts += [
        f"{key}: {', '.join(value) if isinstance(value, tuple) else value}" for key, value in answer.values.items()
    ]
    return " · ".join(facts)
