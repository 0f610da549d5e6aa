"""Formats of instruction data: which one a file has, and how its rows become records.

A format is a shape (`curator.ingest.shapes`), or the export of an annotation tool, which is laid out flat first and
then read in the shape that its columns have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from curator.errors import IngestError
from curator.ingest import order
from curator.ingest.mapping import LABEL, meanings, value_of
from curator.ingest.rows import Row
from curator.ingest.shapes import chat, frozen, instruction, kto, labelled, preference, sharegpt
from curator.ingest.shapes.base import Content, Fields, RowError, Shape, message, refused
from schemas import json_text
from schemas.importing import FieldMap, Format, RowIssue
from schemas.record import Arrival, Message, Origin, Record

_SHAPES: dict[Format, Shape] = {
    Format.CURATOR: frozen.SHAPE,
    Format.PREFERENCE: preference.SHAPE,
    Format.KTO: kto.SHAPE,
    Format.CHAT: chat.SHAPE,
    Format.SHAREGPT: sharegpt.SHAPE,
    Format.ALPACA: instruction.ALPACA,
    Format.PROMPT_COMPLETION: instruction.PROMPT_COMPLETION,
}
"""Every shape, the one that asks for most columns first."""
_FLAT: dict[Format, tuple[Callable[[Mapping[str, Any]], bool], Callable[[Mapping[str, Any]], labelled.Flat]]] = {
    Format.ARGILLA: (labelled.is_argilla, labelled.flat_argilla),
    Format.LABEL_STUDIO: (labelled.is_label_studio, labelled.flat_label_studio),
}
_PAIR = {"instruction", "response"}
_WRITTEN = ("tools", "tool_calls", "functions", "function_call")
"""Names beside which JSON stands that a model reads: its numbers are kept as they were written."""


def recognise(rows: Iterable[Row], field_map: FieldMap) -> Format:
    """The format that most of these rows have.

    Raises:
        IngestError: No row has the fields of any format.
    """
    formats: Counter[Format] = Counter()
    names: Counter[str] = Counter()
    has_verdicts = has_classes = False
    for row in rows:
        fields = Fields(row.values, kto.SHAPE.words, field_map)
        has_verdicts, has_classes = has_verdicts or kto.is_verdict(fields), has_classes or kto.is_class(fields)
        names.update(columns_of(row.values).keys())
        if (format := _format_of(row.values, field_map)) is not None:
            formats[format] += 1
    if not formats:
        known = ", ".join(key for key, _ in names.most_common(8)) or "none that can be read"
        raise IngestError(
            f"The format is not recognised; the columns are {known}.",
            hint="Say which columns hold instruction and response, as in --map instruction=question "
            "--map response=answer, or name the format with --format.",
        )
    ranked = [format for format, _ in formats.most_common()]
    is_classified = has_classes and not has_verdicts
    return ranked[1] if ranked[0] is Format.KTO and is_classified and len(ranked) > 1 else ranked[0]


def columns_of(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The columns of a row that a mapping may name: those of the flat row where it comes from an annotation tool."""
    return next((flat(values)[0] for is_one, flat in _FLAT.values() if is_one(values)), values)


def _format_of(values: Mapping[str, Any], field_map: FieldMap) -> Format | None:
    tool = next((format for format, (is_one, _) in _FLAT.items() if is_one(values)), None)
    if tool is not None:
        return tool if _shape_of(_FLAT[tool][1](values)[0], field_map) is not None else None
    return _shape_of(values, field_map)


def _shape_of(values: Mapping[str, Any], field_map: FieldMap) -> Format | None:
    mapped = meanings(field_map).keys()
    for format, shape in _SHAPES.items():
        if mapped >= _PAIR and format in (Format.CURATOR, Format.CHAT, Format.SHAREGPT):
            continue  # the mapping says where the conversation stands
        if field_map.tags and format is Format.CHAT:
            continue  # keys and roles of a ShareGPT file, whatever its column is called
        if shape.fits(Fields(values, shape.words, field_map)):
            return format
    return None


def read_record(row: Row, format: Format, field_map: FieldMap, *, source: str) -> Record | RowIssue:
    """The record that a row stands for, or why it stands for none."""
    try:
        return read_fields(row, format, field_map, source=source)[0]
    except RowError as error:
        return RowIssue(line=row.line, field=error.field, rule=error.rule, problem=error.problem, text=row.text)


def read_fields(row: Row, format: Format, field_map: FieldMap, *, source: str) -> tuple[Record, Fields]:
    """The record that a row stands for, with the fields that it was read from.

    Raises:
        RowError: It stands for none.
    """
    is_exact = _has_written_numbers(row, format, field_map)
    values: Mapping[str, Any] = json_text.loads(row.text) if is_exact else row.values
    labels: dict[str, str] = {}
    inner: Format | None = format
    if format in _FLAT:
        is_one, flat = _FLAT[format]
        if not is_one(values):
            raise RowError("", "wrong-format", f"The row does not come from an export of {format.value}.")
        values, labels = flat(values)
        inner = _shape_of(values, field_map)
    if inner is None:
        raise RowError(
            "", "missing-field", f"The row has {', '.join(values) or 'no columns'}, which is not a conversation."
        )
    shape = _SHAPES[inner]
    values = frozen.from_table(values) if inner is Format.CURATOR else values
    fields = Fields(values, shape.words, field_map)
    content = shape.read(fields)
    content = _with_rejected(content._replace(messages=fields.put_in(content.messages)), fields, inner)
    order.check(content)
    texts = {each.content for each in content.messages}
    origin = Origin(source=_source(fields) or source, line=row.line, format=format.value)
    try:
        record = Record(
            messages=tuple(_weighted(content.messages) if chat.is_weighted(fields) else content.messages),
            tools=tuple(content.tools),
            rejected=tuple(content.rejected),
            prompt_length=content.prompt_length,
            desirable=content.desirable,
            alternative=fields.optional_text("alternative"),
            origin=origin,
            also=tuple(Arrival(origin=origin, group=group) for group in content.groups[1:]),
            original=row.text.encode() if row.is_json else row.values,
            licence=fields.optional_text("licence") or fields.optional_text("license"),
            language=fields.optional_text("language"),
            group=next(iter(content.groups), None) or fields.optional_name("group"),
            labels={name: label for name, label in labels.items() if label not in texts}
            | dict(content.labels)
            | fields.labels(),
        )
    except ValidationError as error:
        raise refused(error, "") from error
    order.check_trains(record)
    return record, fields


def _weighted(messages: Iterable[Message]) -> Iterator[Message]:
    """Messages of a row with weights: a response without one, be it in another field, has weight 1."""
    return (m.trains(True) if m.role == "assistant" and m.train is None else m for m in messages)


def _has_written_numbers(row: Row, format: Format, field_map: FieldMap) -> bool:
    """Whether numbers of a row may come into its record, so that they have to be read as they were written."""
    if not row.is_json:
        return False
    if format in _FLAT or "tools" in field_map.columns or any(f'"{name}"' in row.text for name in _WRITTEN):
        return True
    named = [column for column in row.values if _may_be_number(column)]
    mapped = [column for word, column in field_map.columns.items() if _may_be_number(word)]
    return any(isinstance(value_of(row.values, column), int | float) for column in (*named, *mapped))


def _may_be_number(word: str) -> bool:
    """Whether a number in a field is written as text."""
    return word == "group" or word.startswith(LABEL)


def _with_rejected(content: Content, fields: Fields, format: Format) -> Content:
    """The content as a pair, where a mapping names the rejected response of a shape that has none."""
    if format is Format.PREFERENCE or not fields.is_mapped("rejected") or fields.get("rejected") is None:
        return content
    worse = message(fields.column("rejected"), role="assistant", content=fields.text("rejected"))
    return content._replace(rejected=[worse], prompt_length=max(1, len(content.messages) - 1))


def _source(fields: Fields) -> str | None:
    """The source that a mapping names; a column of this name that was not mapped may hold anything."""
    return fields.optional_text("source") if fields.is_mapped("source") else None
