"""Frozen versions: what they hold, and what an export of one produced."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from pydantic import Field, model_validator

from schemas.base import Schema
from schemas.record import Record


class Split(StrEnum):
    """Parts of a version."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class SplitPlan(Schema):
    """Shares of groups that go to each split; they add up to 1."""

    train: float = Field(default=0.8, gt=0, le=1)
    validation: float = Field(default=0.1, ge=0, lt=1)
    test: float = Field(default=0.1, ge=0, lt=1)
    salt: str = "curator"
    """Part of the hash that places a group; change it to draw another split."""

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
    sources: dict[str, int] = Field(default_factory=dict)
    """Rows per source file."""
    refused_suite_matches: int = 0
    """Accepted records left out because their prompt stands in a test suite."""


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


class FrozenRow(NamedTuple):
    """One row of a version."""

    row_id: str
    """Stable id given at import; survives edits."""
    row_hash: str
    """Identity of the content."""
    split: Split
    record: Record


class VerifyReport(Schema):
    """Whether a version is still what its id says."""

    version: str
    ok: bool
    problems: tuple[str, ...] = ()


class DiffReport(Schema):
    """What changed from one version to another, by row id."""

    before: str
    after: str
    added: int
    removed: int
    edited: int
    """Rows whose content changed."""
    relabelled: int
    """Rows whose content is the same and whose metadata changed."""
    moved: int
    """Rows whose split changed."""
    examples: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """The first row ids of each kind of change, at most 10."""


class ExportFormat(StrEnum):
    """Shapes that a version can be exported in."""

    TRL = "trl"
    TRL_CHAT = "trl-chat"
    OPENAI = "openai"
    ALPACA = "alpaca"
    PARQUET = "parquet"


class ExportReport(Schema):
    """Result of an export."""

    version: str
    format: ExportFormat
    rows: int
    folder: Path
    files: tuple[FileHash, ...]
