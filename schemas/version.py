"""Frozen versions: what they hold, and what an export of one produced."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from pydantic import Field, model_validator

from schemas.base import Schema
from schemas.feedback import Kind
from schemas.record import Arrival, Record


class Split(StrEnum):
    """Parts of a version."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class MergedSplits(StrEnum):
    """What to do with records that were frozen into different splits and belong together now."""

    REFUSE = "refuse"
    """Stop, and list them."""
    OLDEST = "oldest"
    """All go where the oldest of them stands."""
    TRAIN = "train"
    """All go to train: nothing that was trained on comes into validation or test."""


class SplitPlan(Schema):
    """Shares of groups that go to each split; they add up to 1."""

    train: float = Field(default=0.8, gt=0, le=1)
    validation: float = Field(default=0.1, ge=0, lt=1)
    test: float = Field(default=0.1, ge=0, lt=1)
    salt: str = "curator"
    """Part of the hash that places a group; change it to draw another split."""
    stratify_by: str | None = None
    """Label of which every value gets its share of each split, as far as groups allow."""

    @model_validator(mode="after")
    def _adds_up(self) -> SplitPlan:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the shares add up to {total:g}, not to 1")
        return self


class FileHash(Schema):
    """A file that Curator wrote."""

    path: str
    """Relative to the folder of the manifest or export."""
    bytes: int
    sha256: str


class Manifest(Schema):
    """Everything about a version except who froze it and when, which are not part of its identity."""

    format: int = 1
    """How rows are named and laid out: 1 until row ids came from the content, 2 since."""
    id: str
    """64 hex digits: sha256 over the schema hash and the ordered row identities."""
    schema_hash: str
    rows: int
    splits: dict[Split, int]
    """Rows per split."""
    split_plan: SplitPlan
    buckets: tuple[str, ...]
    """Hash of each of the 256 buckets that rows fall into by their id; equal buckets hold equal rows."""
    files: tuple[FileHash, ...]
    """The rows: the same for the same rows, wherever they came from."""
    provenance: tuple[FileHash, ...] = ()
    """Where the rows came from, in files of their own."""
    provenance_hash: str | None = None
    """sha256 over every row's arrivals in order; not part of the id."""
    sources: dict[str, int] = Field(default_factory=dict)
    """Arrivals per source file; a row that came in twice counts for both."""
    licences: dict[str, int] = Field(default_factory=dict)
    """Arrivals per licence, those without one under the empty text."""
    merged: int = 0
    """Accepted records whose final content was that of another one, and which became one row with it."""
    refused_suite_matches: int = 0
    """Accepted records left out because their prompt stands in a test suite."""
    warnings: tuple[str, ...] = ()
    """What a lead should know about the splits, in sentences."""


class Version(Schema):
    """A frozen version as the workspace lists it."""

    id: str
    name: str | None
    rows: int
    splits: dict[Split, int]
    created_at: datetime
    """UTC."""
    created_by: str
    project_id: int

    @property
    def title(self) -> str:
        """What people call it: its name, or when it was frozen.

        Example:
            >>> at = datetime(2026, 3, 1, 9, 5)
            >>> Version(id="1f", name=None, rows=1, splits={}, created_at=at, created_by="Ada", project_id=1).title
            'Version of 2026-03-01 09:05'
        """
        return self.name or f"Version of {self.created_at:%Y-%m-%d %H:%M}"


class FrozenRow(NamedTuple):
    """One row of a version."""

    row_id: str
    """The beginning of the content's hash, 32 hex digits: the same row has the same id in every version."""
    row_hash: str
    """Identity of the content, 64 hex digits."""
    split: Split
    record: Record
    arrivals: tuple[Arrival, ...] = ()
    """Every time that it came in, with the hash of the content as it came; none in versions of format 1."""

    @property
    def imported_hashes(self) -> frozenset[str]:
        """Hashes of the content as it came in, before any edit."""
        return frozenset(a.content_hash for a in self.arrivals if a.content_hash is not None)


class VerifyReport(Schema):
    """Whether a version is still what its id says."""

    version: str
    ok: bool
    problems: tuple[str, ...] = ()


class ReviewedChange(Schema):
    """A row that differs after a reviewer of outputs sent its record back."""

    change: str
    """`added`, `edited` or `removed`."""
    row_id: str
    record_id: str
    kind: Kind
    """What the reviewer asked for."""
    reason: str


class DiffReport(Schema):
    """What changed from one version to another; an edited row is one of `edited` alone, under its new id."""

    before: str
    after: str
    added: int
    removed: int
    edited: int
    """Rows whose content changed: the record that came in is the same one."""
    relabelled: int
    """Rows whose content is the same and whose groups or labels changed."""
    moved: int
    """Rows whose split changed."""
    examples: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """The first row ids of each kind of change, at most 10."""
    reviewed: tuple[ReviewedChange, ...] = ()
    """Of the rows that were added, edited or removed, those of which a reviewer of outputs had said something."""


class ExportFormat(StrEnum):
    """Shapes that a version can be exported in."""

    TRL = "trl"
    TRL_CHAT = "trl-chat"
    PREFERENCE = "preference"
    KTO = "kto"
    OPENAI = "openai"
    ALPACA = "alpaca"
    SHAREGPT = "sharegpt"
    PARQUET = "parquet"
    HF = "hf"
    CSV = "csv"
    XLSX = "xlsx"


class ExportReport(Schema):
    """Result of an export."""

    version: str
    format: ExportFormat
    rows: int
    folder: Path
    files: tuple[FileHash, ...]
