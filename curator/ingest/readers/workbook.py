"""Excel workbooks: every sheet is a table under its first row.

Calamine reads a sheet as a whole and is the faster by far; above a size openpyxl streams it instead. A cell that holds
a whole number is read as the text that the sheet shows; any other cell that is not text stays what it is.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import orjson

from curator.errors import IngestError
from curator.ingest.rows import MAX_FIELDS, MAX_ROW, SHOWN, Row, RowFile, as_text, checked, too_long
from schemas.importing import RowIssue

ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""First bytes of a workbook in the old format of Excel."""
_STREAMED = 64 * 2**20
"""Bytes of an unpacked workbook from which on it is streamed: calamine holds about ten times as much."""
_MAX_RATIO, _SMALL = 200, 100 * 2**20
_BLOCK = 2**20


def read(stream: BinaryIO, name: str) -> RowFile:
    """The rows of all sheets, counted through.

    Raises:
        IngestError: It is not a workbook, damaged, or made to fill the memory.
    """
    size = _unpacked_size(stream, name)
    stream.seek(0)
    try:
        sheets = _streamed(stream) if size > _STREAMED else _at_once(stream)
    except Exception as error:  # both libraries raise what they like on a damaged file
        raise _damaged(name, error) from error
    return RowFile(_rows(sheets, name))


def _unpacked_size(stream: BinaryIO, name: str) -> int:
    """Bytes of all parts of a workbook, counted by unpacking them; 0 for the old format, which is not packed."""
    packed = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    if stream.read(4) != ZIP:
        return 0
    size = 0
    try:
        with zipfile.ZipFile(stream) as archive:
            names = archive.namelist()
            if "[Content_Types].xml" not in names and "content.xml" not in names:
                raise IngestError(f"{name} is a zip archive, not a workbook.", hint="Unpack it and import its files.")
            for part in names:
                with archive.open(part) as opened:
                    while block := opened.read(_BLOCK):
                        size += len(block)
                        if size > _SMALL and size > _MAX_RATIO * packed:
                            raise IngestError(
                                f"{name} unpacks to more than {_MAX_RATIO} times its size, as no real workbook does.",
                                hint="Ask for it as CSV or Parquet.",
                            )
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise _damaged(name, error) from error
    return size


def _at_once(stream: BinaryIO) -> Iterator[Iterator[Sequence[Any]]]:
    from python_calamine import CalamineWorkbook

    workbook = CalamineWorkbook.from_filelike(stream)
    return (iter(workbook.get_sheet_by_name(name).iter_rows()) for name in workbook.sheet_names)


def _streamed(stream: BinaryIO) -> Iterator[Iterator[Sequence[Any]]]:
    import openpyxl

    workbook = openpyxl.load_workbook(stream, read_only=True, data_only=True)
    return (sheet.iter_rows(values_only=True) for sheet in workbook.worksheets)


def _rows(sheets: Iterator[Iterator[Sequence[Any]]], name: str) -> Iterator[Row | RowIssue]:
    line = 0
    try:
        for sheet in sheets:
            header: list[str] = []
            for cells in sheet:
                line += 1
                if len(cells) > MAX_FIELDS:
                    raise IngestError(
                        f"{name} has {len(cells):,} columns; at most {MAX_FIELDS:,} can be read.",
                        hint="Keep the columns that hold instruction and response.",
                    )
                shown = [_shown(cell) for cell in cells]
                if not any(cell is not None for cell in shown):
                    continue
                if header:
                    yield _row(shown, header, line)
                else:
                    header = ["" if cell is None else str(cell).strip() for cell in shown]
                    while header and not header[-1]:
                        header.pop()
                    named = [column for column in header if column]
                    if len(set(named)) != len(named):
                        raise IngestError(
                            f"Two columns of {name} have the same name in row {line:,}.",
                            hint="Give every column of a sheet its own name in the first row.",
                        )
    except IngestError:
        raise
    except Exception as error:
        raise _damaged(name, error) from error


def _shown(cell: Any) -> Any:
    """A cell's value: None where it is empty, text for a whole number."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, int | float) and not isinstance(cell, bool) and abs(cell) < 1e15 and cell == int(cell):
        return str(int(cell))
    return cell


def _row(cells: list[Any], header: list[str], line: int) -> Row | RowIssue:
    extra = [cell for cell in cells[len(header) :] if cell is not None]
    text = as_text({column: cell for column, cell in zip(header, cells, strict=False) if column})
    if extra or any(cell is not None for column, cell in zip(header, cells, strict=False) if not column):
        problem = "A cell stands in a column that does not have a name."
        return RowIssue(line=line, field="", rule="field-count", problem=problem, text=text, is_whole=False)
    if len(text) > MAX_ROW:
        return too_long(line, len(text), text[:SHOWN].encode())
    return checked(line, text, orjson.loads(text))


def _damaged(name: str, error: Exception) -> IngestError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return IngestError(f"{name} cannot be read as a workbook: {reason}.", hint="Save it again as .xlsx or CSV.")
