"""A form for the format and the columns of a file: each word of a record is chosen from the columns that there are."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from schemas.importing import FieldMap, Format

_WORDS = {
    "instruction": "Instruction",
    "response": "Response",
    "system": "System prompt",
    "rejected": "Rejected response",
    "group": "Group",
    "licence": "Licence",
    "language": "Language",
    "source": "Source",
}
_LABEL = "labels."


def choose_format(automatic: str, *, key: str) -> Format | None:
    """The format that is chosen; None for the first option, which `automatic` names."""
    chosen = st.selectbox(
        "Format",
        [None, *Format],
        format_func=lambda each: automatic if each is None else each.value.replace("_", " "),
        key=f"format {key}",
    )
    return None if chosen is None else Format(chosen)


def choose(columns: Sequence[str], start: FieldMap, *, key: str) -> FieldMap:
    """The mapping that is chosen, from `start`; what is left open keeps its own name."""
    chosen: dict[str, str] = {}
    fields = st.columns(4)
    for n, (word, title) in enumerate(_WORDS.items()):
        before = start.columns.get(word)
        column = fields[n % 4].selectbox(
            title,
            columns,
            index=columns.index(before) if before in columns else None,
            placeholder="own name",
            key=f"{word} {key}",
        )
        if column is not None:
            chosen[word] = column
    labels = [column for word, column in start.columns.items() if word.startswith(_LABEL) and column in columns]
    for column in st.multiselect("Labels", columns, default=labels, placeholder="none", key=f"labels {key}"):
        chosen[f"{_LABEL}{column}"] = column
    return FieldMap(columns=chosen)
