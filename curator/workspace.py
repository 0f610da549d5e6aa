"""The workspace: one database and one data folder, the handle that every stage takes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine

from curator.errors import StoreError
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
    """The workspace in `folder`, its database brought to the current schema.

    Args:
        folder: Folder that holds (or will hold) `curator.db`, `versions/` and `runs/`.
        create: Make the folder and the database when they are missing.
        settings: Installation settings; by default only the defaults, without file or environment.

    Raises:
        StoreError: The folder is no workspace, or the database cannot be used.
    """
    folder = Path(folder).expanduser().resolve()
    url = settings.database_url if settings else None
    marker = folder / ("runs" if url else "curator.db")
    if not create and not marker.exists():
        raise StoreError(
            f"There is no workspace in {folder}.", hint=f"Create one with `curator init --workspace {folder}`."
        )
    try:
        for part in (folder, *(folder / name for name in ("records", "versions", "runs", "backups"))):
            part.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"Folder {folder} cannot be used: {error.strerror}.", hint="Choose a folder that you may write to."
        ) from error
    opened = Workspace(
        folder=folder,
        engine=database.open_engine(url or database.sqlite_url(folder / "curator.db"), parts_folder=folder / "records"),
        lease=timedelta(minutes=settings.lease_minutes if settings else 30),
    )
    schema.migrate(opened.engine)
    with opened.write() as connection:
        projects.ensure_default(connection, at=opened.clock())
    return opened
