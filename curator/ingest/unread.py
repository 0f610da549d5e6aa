"""Unread columns: what a file says that its records do not, so that a dropped column is seen and not guessed.

Every row is kept with its record word for word, and most columns that a format does not read belong there alone: ids,
scores, addresses. A column is named where a model would miss it: it is called like a field of another format, or it
holds more than a phrase of text that stands nowhere in the record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from curator.ingest.formats import read_fields
from curator.ingest.mapping import FORMAT_FIELDS
from curator.ingest.rows import Row
from curator.ingest.shapes.base import Fields, RowError
from schemas.importing import FieldMap, Format
from schemas.record import Record

_CONTENT = frozenset(FORMAT_FIELDS) - {"label", "tools"} | {
    "instruction", "response", "system", "chosen", "rejected", "context", "system_prompt", "thinking", "reasoning",
    "reasoning_content", "refusal",
}  # fmt: skip
"""Names of what a model learns, in one format or another; a `label` beside a response may be a class."""
_METADATA = frozenset(
    {"source", "meta", "metadata", "title", "url", "citation", "licence", "license", "attribution", "notes", "comment"}
)
_OF_A_TURN = frozenset(
    {"role", "content", "from", "value", "weight", "train", "tool_calls", "function_call", "tool_call_id", "name"}
)
_PHRASE = 40
"""Characters up to which a text is a name and not prose."""


def unread_columns(rows: Iterable[Row], format: Format, field_map: FieldMap) -> tuple[str, ...]:
    """The columns of rows that a model would miss; a key of turns as in `messages[].reasoning_content`.

    Args:
        rows: The first rows of a file. A row that does not become a record is kept whole anyway.
        format: As which they are read.
        field_map: The mapping under which they are.
    """
    columns: dict[str, None] = {}
    for row in rows if format is not Format.CURATOR else ():
        try:
            record, fields = read_fields(row, format, field_map, source="")
        except RowError:
            continue
        columns.update(dict.fromkeys(_unread(record, fields)))
    return tuple(columns)


def _unread(record: Record, fields: Fields) -> Iterator[str]:
    said = _squeezed("\n".join(_texts_of(record)))
    for column, value in fields.values.items():
        if column in fields.columns_read:
            tags = set(fields.tags.values())
            for key, each in _other_keys(value, known=_OF_A_TURN | tags):
                if _is_missed(key, each, said):
                    yield f"{column}[].{key}"
        elif column not in _METADATA and _is_missed(column, value, said) and not _renders(value, record):
            yield column


def _is_missed(name: str, value: Any, said: str) -> bool:
    """Whether a value holds text that a model would miss; numbers do not, but for a verdict that was not asked for."""
    if name == "kto_tag":
        return value is not None
    missing = [text for text in _texts_in(value) if _squeezed(text) not in said]
    return bool(missing) if name in _CONTENT else any(_is_prose(text) for text in missing)


def _is_prose(text: str) -> bool:
    return len(text) > _PHRASE and len(text.split(maxsplit=3)) > 3


def _renders(value: Any, record: Record) -> bool:
    """Whether a text is the whole conversation once more, as a template writes it."""
    return isinstance(value, str) and all(message.content in value for message in record.messages)


def _other_keys(value: Any, *, known: Iterable[str]) -> Iterator[tuple[str, Any]]:
    turns = value if isinstance(value, list) else []
    return ((key, each) for turn in turns if isinstance(turn, dict) for key, each in turn.items() if key not in known)


def _texts_in(value: Any) -> Iterator[str]:
    """Texts of a value, and of turns in it; an object of its own is metadata."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from each.values() if _is_turn(each) else _texts_in(each)


def _is_turn(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(each, str) for each in value.values())


def _texts_of(record: Record) -> Iterator[str]:
    for message in (*record.messages, *record.rejected):
        yield from (message.role, message.content, message.name or "")
        yield from (text for call in message.tool_calls for text in (call.name, call.arguments))
    yield from record.tools
    yield from record.labels.values()
    yield from (text for text in (record.alternative, record.licence, record.language, *record.groups) if text)


def _squeezed(text: str) -> str:
    """A text without white space, which formats set as they like."""
    return "".join(text.split())
