"""The workspace: one database and one data folder, the handle that every stage takes."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine

from curator.errors import AccessError, StoreError
from curator.settings import Settings
from curator.store import engine as database
from curator.store import projects, schema


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Workspace:
    """An open workspace. Share one per process; connections are pooled."""

    folder: Path
    engine: Engine
    lease: timedelta = timedelta(minutes=30)
    """How long a claim lasts without a sign of life."""
    is_served: bool = False
    """Acts come from people through a server, so roles are checked; else who opened the folder is its operator."""
    clock: Callable[[], datetime] = field(default=_now, compare=False)
    """Current time in UTC; tests set their own."""

    @property
    def versions_folder(self) -> Path:
        """One folder per frozen version."""
        return self.folder / "versions"

    @property
    def records_folder(self) -> Path:
        """The texts of imported records, in files that never change."""
        return self.folder / "records"

    @property
    def runs_folder(self) -> Path:
        """One folder per run."""
        return self.folder / "runs"

    @property
    def exports_folder(self) -> Path:
        """Where a server writes the models and data that people export."""
        return self.folder / "exports"

    @property
    def reports_folder(self) -> Path:
        """Where a server writes the reports about releases."""
        return self.folder / "reports"

    def require_own(self, out: Path) -> None:
        """Do nothing if people may have a file or folder written there: a server's only below exports and reports.

        Raises:
            AccessError: A server would write elsewhere.
        """
        allowed = [each.resolve() for each in (self.exports_folder, self.reports_folder)]
        if self.is_served and not any(each in out.resolve().parents for each in allowed):
            raise AccessError(
                f"{out} is not below {allowed[0]}, and a server writes nowhere else.",
                hint="Name a folder below it, or use `curator` on the server.",
            )

    def read(self) -> AbstractContextManager[Connection]:
        """A transaction that only reads, with one consistent view."""
        return database.reading(self.engine)

    def write(self) -> AbstractContextManager[Connection]:
        """A transaction that writes; it is committed when the block ends without an exception."""
        return database.writing(self.engine)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def open_workspace(folder: Path | str, *, create: bool = False, settings: Settings | None = None) -> Workspace:
    """Open the workspace in `folder`, and bring its database to the current schema. Returns the workspace.

    Args:
        folder: Folder that holds (or will hold) `curator.db`, `versions/` and `runs/`.
        create: Make the folder and the database when they are missing.
        settings: Installation settings; by default only the defaults, without file or environment.

    Raises:
        StoreError: The folder is not a workspace, or its database cannot be used, was emptied or is missing.
    """
    folder = Path(folder).expanduser().resolve()
    url = settings.database_url if settings else None
    file = folder / _DATABASE
    was_used = _was_used(folder)  # before the database is looked for: another process may be making both
    is_there = was_used if url else file.exists()
    if was_used and not is_there:
        raise StoreError(
            f"The database {file} is missing, although its workspace was used before.",
            hint="Restore it from a backup with `curator restore`, or begin anew in another folder; if it is on "
            "PostgreSQL, set `database_url`. Nothing was changed.",
        )
    if not create and not is_there:
        raise StoreError(
            f"There is no workspace in {folder}.", hint=f"Create one with `curator init --workspace {folder}`."
        )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        parts = folder / "records"
        parts.mkdir(mode=0o700, exist_ok=True)  # closed even in a folder that was open to all before
        if not is_there and url is None:
            _create_database(file, parts_folder=parts)
        opened = Workspace(
            folder=folder,
            engine=database.open_engine(url or database.sqlite_url(file), parts_folder=parts),
            lease=timedelta(minutes=settings.lease_minutes if settings else 30),
        )
        _prepare(opened.engine, may_be_empty=not is_there and url is not None)
        for part in _LAST_MADE:
            (folder / part).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"Folder {folder} cannot be used: {error.strerror}.", hint="Choose a folder that you may write to."
        ) from error
    return opened


_DATABASE = "curator.db"
_LAST_MADE = ("versions", "runs", "backups")
"""Folders that are made when the database was: they say that there was one."""
_FILLED = ("records", "ledger", "secret.key", "signing.key")
"""What only a workspace with a database has something in."""


def _was_used(folder: Path) -> bool:
    """Whether a folder had a database at some time, wherever that is now."""
    if all((folder / part).exists() for part in ("versions", "runs")):
        return True
    kept = [folder / part for part in _FILLED]
    return any(any(each.iterdir()) if each.is_dir() else each.exists() for each in kept)


def _create_database(file: Path, *, parts_folder: Path) -> None:
    """Make a database that only its owner reads, whole or not at all: one that is empty was emptied.

    Another process may be making it in the same moment; the first to end wins.
    """
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    os.close(os.open(fresh, os.O_CREAT | os.O_EXCL, 0o600))
    try:
        engine = database.open_engine(database.sqlite_url(fresh), parts_folder=parts_folder)
        try:
            _prepare(engine, may_be_empty=True)
        finally:
            engine.dispose()
        with suppress(FileExistsError):
            os.link(fresh, file)
    finally:
        fresh.unlink(missing_ok=True)


def _prepare(engine: Engine, *, may_be_empty: bool) -> None:
    schema.migrate(engine, may_be_empty=may_be_empty)
    with database.writing(engine) as connection:
        projects.ensure_default(connection, at=_now())
