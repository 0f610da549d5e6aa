"""Curator's own Parquet files: the rows of a version, as `curator export --format parquet` writes them."""

from __future__ import annotations

from curator.ingest.shapes.base import Content, Fields, RowError, Shape, shown, tools_of
from curator.ingest.shapes.chat import messages_of


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
    )


SHAPE = Shape(
    {"messages": "messages"},
    lambda fields: fields.has("row_id", "content_hash", "training_hash", "messages"),
    _read,
)
