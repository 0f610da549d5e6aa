"""Preview: what a file's first rows would become under a mapping, before anything is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from curator.errors import IngestError
from curator.ingest import mapping
from curator.ingest.formats import columns_of, read_record, recognise
from curator.ingest.opening import open_rows, plain_name
from curator.ingest.rows import Row
from curator.ingest.unread import unread_columns
from curator.store import batches
from curator.workspace import Workspace
from schemas.importing import FieldMap, Format, RowIssue
from schemas.record import Record

_SAMPLE = 100
_IMPORTS = 200
"""Imports that are looked through for a mapping of the same columns."""


class Preview(NamedTuple):
    """The first rows of a file."""

    columns: tuple[str, ...]
    """Names that a mapping may use, in the order in which they first appear."""
    format: Format | None
    """None: it is not recognised under this mapping, see `problem`."""
    problem: str | None
    checked: tuple[Record | RowIssue, ...]
    """What the first rows become; empty where the format is not recognised."""
    unread: tuple[str, ...] = ()
    """Columns that hold what a model would miss and that no field reads, see `curator.ingest.unread`."""


def preview(file: Path, *, format: Format | None = None, field_map: FieldMap | None = None, limit: int = 5) -> Preview:
    """What the first `limit` rows of a file would become; nothing is stored.

    Raises:
        IngestError: The file cannot be read at all, or the mapping names a field that does not exist.
    """
    field_map = field_map or FieldMap()
    mapping.check_fields(field_map)
    rows = list(islice(open_rows(file).rows, _SAMPLE))
    columns = columns_in(rows)
    try:
        missing = [column for column in field_map.columns.values() if column not in columns]
        if missing and mapping.missing_columns(field_map, (columns_of(row.values) for row in _read(rows))):
            raise mapping.unknown_column(missing[0], known=columns, file_name=plain_name(file))
        format = format or recognise(_read(rows), field_map)
    except IngestError as error:
        return Preview(columns, None, error.problem, ())
    name = plain_name(file)
    checked = (row if isinstance(row, RowIssue) else read_record(row, format, field_map, source=name) for row in rows)
    unread = unread_columns(_read(rows), format, field_map)
    return Preview(columns, format, None, tuple(islice(checked, limit)), unread)


def columns_in(rows: Iterable[Row | RowIssue]) -> tuple[str, ...]:
    """The columns of rows, in the order in which they first appear; none of a file that holds no text."""
    columns = tuple(dict.fromkeys(column for row in _read(rows) for column in columns_of(row.values)))
    return columns if _is_text("".join(columns)) else ()


def _is_text(text: str) -> bool:
    """Whether it came from valid UTF-8: bytes that are none are read as lone surrogates."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def header_hash(columns: Iterable[str]) -> str:
    """One name for a set of columns, 16 hex digits, whatever their order.

    Example:
        >>> header_hash(["a", "b"]) == header_hash(["b", "a"])
        True
    """
    return hashlib.sha256("\x1f".join(sorted(columns)).encode(errors="surrogatepass")).hexdigest()[:16]


def remembered_mapping(workspace: Workspace, columns: Iterable[str], *, project_id: int) -> FieldMap:
    """The mapping of the newest import into this project of a file with just these columns; empty without one."""
    wanted = header_hash(columns)
    with workspace.read() as connection:
        earlier = batches.newest_first(connection, project_id=project_id, limit=_IMPORTS)
    newest = next((batch for batch in earlier if batch.settings.get("header_hash") == wanted), None)
    return FieldMap(columns=newest.settings["columns"] if newest is not None else {})


def _read(rows: Iterable[Row | RowIssue]) -> Iterable[Row]:
    return (row for row in rows if isinstance(row, Row))
