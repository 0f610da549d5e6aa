"""Checking one row: a record, or why it is none."""

from __future__ import annotations

from curator.ingest.formats import read_record
from curator.ingest.rows import Row
from curator.quality.contamination import Firewall, holds_test_prompt
from schemas.importing import FieldMap, Format, RowIssue
from schemas.record import Record


def check_row(
    row: Row | RowIssue, format: Format, field_map: FieldMap, *, source: str, firewall: Firewall
) -> Record | RowIssue:
    """A row as a record, or why it is none; a row with a test prompt is never let in."""
    if isinstance(row, RowIssue):
        return row
    checked = read_record(row, format, field_map, source=source)
    if isinstance(checked, Record) and holds_test_prompt(checked, firewall):
        problem = "A prompt of a test suite, or its answer, stands in this record; test prompts never train."
        return RowIssue(line=row.line, field="", rule="suite-prompt", problem=problem, text=row.text)
    return checked
