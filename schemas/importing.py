"""What an import is told and what it reports."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from schemas.base import Schema


class Format(StrEnum):
    """Shapes of instruction data that Curator reads."""

    ALPACA = "alpaca"
    PROMPT_COMPLETION = "prompt_completion"
    CHAT = "chat"
    SHAREGPT = "sharegpt"
    PREFERENCE = "preference"
    KTO = "kto"
    ARGILLA = "argilla"
    LABEL_STUDIO = "label_studio"
    CURATOR = "curator"
    """Parquet files of a version."""


class FieldMap(Schema):
    """Which column of the file stands for which word of the record, where the names differ.

    Only the words named here change; every other field keeps its own name.
    """

    columns: dict[str, str] = Field(default_factory=dict)
    """Word of the record (or field of the format) to column of the file, as in `{"instruction": "question"}`."""
    tags: dict[str, str] = Field(default_factory=dict)
    """How a ShareGPT file calls its keys and roles, in the words of LLaMA-Factory (`role_tag`, `user_tag`, ...)."""


class RowIssue(Schema):
    """Why one row did not become a record."""

    line: int
    """1-based line of the file (JSONL, CSV) or 1-based position in the array (JSON)."""
    field: str
    """Path of the field, as in `messages[1].role`; empty when the row as a whole cannot be read."""
    rule: str
    """Name of the rule that failed, as in `unknown-role`."""
    problem: str
    """What is wrong, in one sentence with the value."""
    text: str
    """The row word for word, or what can be shown of it."""
    is_whole: bool = True
    """Whether the text is the row word for word: nothing cut off, no byte written as an escape, no cell left out."""


class RowState(StrEnum):
    """How a row in quarantine stands."""

    OPEN = "open"
    """It waits to be fixed."""
    RESOLVED = "resolved"
    """Corrected or tried again, it was imported."""
    CLOSED = "closed"
    """It came in with a later import of the same file."""
    DISCARDED = "discarded"
    """A lead decided that it is not needed."""
    UNDONE = "undone"
    """Its import was undone."""


class WaitingRows(Schema):
    """How many rows of one file wait for one reason."""

    file_name: str
    rule: str
    rows: int


class QuarantinedRow(Schema):
    """A row in quarantine, with the import that put it there."""

    id: int
    batch_id: int
    file_name: str
    issue: RowIssue
    state: RowState


class ImportReport(Schema):
    """Result of one import; `read = imported + quarantined + duplicates` always holds."""

    file: str
    sha256: str
    """Hash of the file's bytes."""
    format: Format
    read: int
    """Rows of the file; blank lines are not rows."""
    imported: int
    quarantined: int
    duplicates: int
    """Rows whose content is already known, in this file or in the project."""
    still_waiting: int = 0
    """Records among those that wait for an annotator although this import takes its rows as reviewed: another import
    brought them to be annotated, and they stay in the queue as long as it stands."""
    issues: tuple[RowIssue, ...] = ()
    """The first quarantined rows, at most 20; all of them are in the quarantine."""
    unread: tuple[str, ...] = ()
    """Columns of the first rows that hold what a model would miss and that no field read; they stay in `original`."""
    parts: tuple[ImportReport, ...] = ()
    """One report a file where a folder or a list of files was imported; `format` is then that of the first."""


class RetryReport(Schema):
    """Result of trying quarantined rows again; `rows = imported + duplicates + still_failing`."""

    rows: int
    imported: int
    duplicates: int
    still_failing: int
    issues: tuple[RowIssue, ...] = ()
    """Why the first rows still fail, at most 20."""


class UndoReport(Schema):
    """Result of undoing an import."""

    batch_id: int
    file_name: str
    removed: int
    """Records that are gone from the queue; importing them again brings them back."""
    kept: tuple[str, ...] = ()
    """Ids of the records that people had already worked on; they stay."""
    shared: int = 0
    """Records that another import brought too; they stand as that one brought them."""
    quarantined: int
    """Rows of the import that no longer wait in quarantine."""
    reopened: int = 0
    """Rows of earlier imports of the file that wait again."""
