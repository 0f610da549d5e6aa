"""What a backup holds, and what was found when one was made, put back or a workspace was looked over."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from schemas.base import Schema


class BackupFile(Schema):
    """One file of a backup."""

    path: str
    """Below the folder of the workspace, with `/`."""
    bytes: int
    sha256: str


class BackupManifest(Schema):
    """The last member of a backup: every other one, so that a backup which was cut short is told from a whole one."""

    format: int = 1
    curator: str
    """Version of the Curator that wrote it."""
    made_at: datetime
    """UTC; the state of the database is that of this moment."""
    files: tuple[BackupFile, ...]


class Checkup(Schema):
    """Whether everything is well, and if not, what is wrong, each in a sentence with what to do."""

    ok: bool
    problems: tuple[str, ...] = ()
    files: int = Field(default=0, ge=0)
    """Files that were looked at, packed or put back."""
    bytes: int = Field(default=0, ge=0)
