"""Curator's own rows: those of a version, as `curator export` writes them as Parquet, `datasets` folder, CSV or Excel.

In a table of text (CSV, Excel) what is nested stands as JSON, and a text that a spreadsheet would run has an apostrophe
before it, which is taken off here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curator.ingest.shapes.base import Content, Fields, RowError, Shape, shown, tools_of
from curator.ingest.shapes.chat import messages_of
from schemas import json_text

_NESTED = ("messages", "tools", "rejected", "prompt_length", "desirable", "groups", "labels")
_RUNS = ("=", "+", "-", "@", "\t", "\r")
"""What a formula begins with."""


def from_table(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of a row whose cells are text; those of any other file as they are."""
    if not isinstance(values.get("messages"), str):
        return values
    return {name: _cell(name, value) for name, value in values.items()}


def _cell(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value[1:] if value.startswith("'") and value.lstrip("'").startswith(_RUNS) else value
    if name not in _NESTED:
        return text
    try:
        return json_text.loads(text) if text else None
    except ValueError as error:
        raise RowError(name, "unreadable-json", f"Field {name} is not valid JSON: {error}.") from error


def _read(fields: Fields) -> Content:
    rejected = fields.get("rejected")
    length, desirable = fields.get("prompt_length"), fields.get("desirable")
    if not isinstance(length, int | None) or not isinstance(desirable, bool | None):
        raise RowError("prompt_length", "wrong-type", f"The row holds {shown(length)} and {shown(desirable)}.")
    return Content(
        messages_of(fields.required("messages"), "messages"),
        tools_of(fields),
        messages_of(rejected, "rejected") if rejected else (),
        length if rejected else None,
        desirable,
        groups=_groups(fields.get("groups")),
        labels=_labels(fields.get("labels")),
    )


def _groups(value: Any) -> list[str]:
    groups = value or []
    if not isinstance(groups, list) or not all(isinstance(each, str) for each in groups):
        raise RowError("groups", "wrong-type", f"Field groups holds {shown(value)}, not a list of texts.")
    return groups


def _labels(value: Any) -> dict[str, str]:
    """Labels as an object, or as the JSON text of one, which is how Parquet holds them."""
    try:
        labels = json_text.loads(value) if isinstance(value, str) else value or {}
    except ValueError as error:
        raise RowError("labels", "unreadable-json", f"Field labels is not valid JSON: {error}.") from error
    if not isinstance(labels, dict) or not all(isinstance(each, str) for each in labels.values()):
        raise RowError("labels", "wrong-type", f"Field labels holds {shown(value)}, not names and texts.")
    return labels


SHAPE = Shape(
    {"messages": "messages"},
    lambda fields: fields.has("row_id", "content_hash", "training_hash", "messages"),
    _read,
)
