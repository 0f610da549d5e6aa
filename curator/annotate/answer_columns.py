"""Columns of a file beside the records that they speak of: the rows are matched by content, whatever their order."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from curator.errors import AnnotationError
from curator.ingest.formats import read_record, recognise
from curator.ingest.opening import open_rows
from curator.ingest.rows import Row
from curator.quality.fingerprint import content_hash
from schemas.importing import FieldMap, Format
from schemas.questions import Question, Value
from schemas.record import Record

_SAMPLE = 100


def value_of(question: Question, cell: str) -> Value:
    """What a cell answers to a question: the value of an option, of several with commas, or text.

    Raises:
        AnnotationError: The question has no such option.

    Example:
        >>> from schemas.questions import BUILT_IN
        >>> value_of(BUILT_IN[1], "harmful, biased")
        ('harmful', 'biased')
    """
    if question.kind == "text":
        return cell
    parts = tuple(part.strip() for part in cell.split(",")) if question.kind == "choices" else (cell,)
    values = [_option_value(question, part) for part in parts]
    if question.kind == "choices":
        return tuple(values)
    return int(values[0]) if question.kind == "rating" else values[0]


def option_name(text: str) -> str:
    """A text of a file as the value of an option: lower case, with underscores.

    Example:
        >>> option_name("1_full compliance")
        '1_full_compliance'
    """
    return re.sub(r"[^a-z0-9]+", "_", text.casefold()).strip("_")


def _option_value(question: Question, text: str) -> str:
    for value in (text, option_name(text)):
        if question.option(value) is not None:
            return value
    raise AnnotationError(
        f"Question {question.id} has no option {text}.", hint="Add the option under Project, or correct the column."
    )


class Line(NamedTuple):
    """One row whose record can be read."""

    key: str
    """Content hash of the record."""
    record: Record
    cells: dict[str, str]
    """Text of each column that is not empty."""


def read_columns(
    file: Path, columns: Collection[str], *, format: Format | None = None, field_map: FieldMap | None = None
) -> Iterator[Line]:
    """The rows of a file with some of their columns; a row that is not a record is passed over.

    Raises:
        AnnotationError: The file has no such column.
        IngestError: The file cannot be read.
    """
    field_map = field_map or FieldMap()
    rows = [row for row in open_rows(file).rows if isinstance(row, Row)]
    format = format or recognise(rows[:_SAMPLE], field_map)
    for column in columns:
        if not any(column in row.values for row in rows):
            names = ", ".join(rows[0].values) if rows else "none"
            raise AnnotationError(f"{file.name} has no column {column}.", hint=f"Its columns are {names}.")
    for row in rows:
        record = read_record(row, format, field_map, source=file.name)
        if isinstance(record, Record):
            cells = {column: row.values.get(column) for column in columns}
            texts = {column: str(cell).strip() for column, cell in cells.items() if cell not in (None, "")}
            yield Line(content_hash(record), record, texts)
