"""Mapping: which column of a file stands for which word of a record, checked before a row is read.

The words are those of the record (`instruction`, `response`, `group`, ...), the same for every format; the fields that
a format itself has (`output`, `messages`, ...) may be named too. A column is a key of a row, or a path into it, as in
`instances.0.output`. It does not know how a format uses a field.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from curator.errors import IngestError
from schemas.importing import FieldMap

WORDS = ("instruction", "response", "system", "chosen", "rejected", "group", "licence", "language", "source")
"""What a record is made of; beside them stand its labels."""
LABEL = "labels."
"""Begins the word of a label, as in `labels.topic`."""
FORMAT_FIELDS = (
    "input", "output", "history", "prompt", "completion", "messages", "conversations", "alternative", "tools", "label",
    "kto_tag",
)  # fmt: skip
"""Fields of the formats that are not words of the record."""
_SAME = {
    "chosen": "response",
    "output": "response",
    "completion": "response",
    "prompt": "instruction",
    "conversations": "messages",
}
"""Fields that stand for the same as another word."""
_SHOWN = 8


def check_fields(field_map: FieldMap) -> None:
    """Check that a mapping names only fields that exist, and each of them once.

    Raises:
        IngestError: A field is unknown, or two fields mean the same.
    """
    names: dict[str, str] = {}
    for field in field_map.columns:
        is_label = field.startswith(LABEL) and len(field) > len(LABEL)
        if not is_label and field not in (*WORDS, *FORMAT_FIELDS):
            nearest = _nearest(field, (*WORDS, *FORMAT_FIELDS))
            meant = f" Do you mean {nearest}?" if nearest else ""
            raise IngestError(
                f"Field {field} is unknown.{meant}", hint=f"A record has {', '.join(WORDS)} and {LABEL}NAME."
            )
        meaning = _SAME.get(field, field)
        if meaning in names:
            raise IngestError(
                f"Fields {names[meaning]} and {field} mean the same and are both mapped.", hint="Map one of them."
            )
        names[meaning] = field


def meanings(field_map: FieldMap) -> dict[str, str]:
    """The columns of a mapping by what they mean, whichever format's word named them.

    Example:
        >>> meanings(FieldMap(columns={"output": "answer", "group": "book"}))
        {'response': 'answer', 'group': 'book'}
    """
    return {_SAME.get(field, field): column for field, column in field_map.columns.items()}


def missing_columns(field_map: FieldMap, rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """Columns of a mapping that none of these rows has; reading stops when every column was seen."""
    missing = set(field_map.columns.values())
    for values in rows:
        missing = {column for column in missing if not has_column(values, column)}
        if not missing:
            break
    return missing


def columns_and_paths(values: Mapping[str, Any], field_map: FieldMap | None) -> set[str]:
    """The columns of a row, and the paths into it that a mapping names."""
    paths = {column for column in (field_map.columns.values() if field_map else ()) if has_column(values, column)}
    return {*values, *paths}


def unknown_column(column: str, *, known: Collection[str], file_name: str) -> IngestError:
    """The error for a column that a file does not have; it names the nearest one."""
    nearest = _nearest(column, known)
    meant = f" Do you mean {nearest}?" if nearest else ""
    shown = ", ".join(list(known)[:_SHOWN]) + (", ..." if len(known) > _SHOWN else "")
    return IngestError(
        f"{file_name} does not have a column {column}.{meant}",
        hint=f"Its columns are {shown or 'none that can be read'}.",
    )


def has_column(values: Mapping[str, Any], column: str) -> bool:
    """Whether a row has this column.

    Example:
        >>> has_column({"instances": [{"output": "Red."}]}, "instances.0.output")
        True
    """
    return _ABSENT is not _find(values, column)


def value_of(values: Mapping[str, Any], column: str) -> Any:
    """What stands in a column of a row: a key, or a path of keys and positions; None where there is nothing."""
    value = _find(values, column)
    return None if value is _ABSENT else value


_ABSENT = object()


def _find(values: Mapping[str, Any], column: str) -> Any:
    if column in values or "." not in column:
        return values.get(column, _ABSENT)
    value: Any = values
    for step in column.split("."):
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isascii() and step.isdigit() and len(step) < 9 and int(step) < len(value):
            value = value[int(step)]
        else:
            return _ABSENT
    return value


def _nearest(name: str, known: Collection[str]) -> str | None:
    """The known name that looks most like `name`; upper and lower case count as the same."""
    by_lower = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[close[0]] if close else None
