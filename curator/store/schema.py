"""Bringing a database to the schema of this Curator. Alembic is imported only when there is something to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from curator.errors import NewerDatabaseError, StoreError
from curator.store.engine import broken_references, lock_all, without_foreign_keys, writing

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST = "0010"
"""The last file in `migrations/versions`. Asking Alembic would take longer than the rest of opening a workspace."""


def migrate(engine: Engine) -> None:
    """Bring the database to the schema of this Curator.

    Raises:
        NewerDatabaseError: A newer Curator wrote it; it is left as it is.
        StoreError: It cannot be opened.
    """
    try:
        with engine.connect() as connection:
            revision = _revision(connection)
    except SQLAlchemyError as error:
        raise StoreError(f"The database cannot be opened: {error}.", hint="Check its path or URL.") from error
    if revision == NEWEST:
        return
    from alembic import command

    if revision is not None and revision not in _known():
        raise NewerDatabaseError(
            f"The database has schema {revision}, which this Curator does not know.",
            hint="It was written by a newer Curator: upgrade with `pip install -U curator-toolkit`.",
        )
    apart = without_foreign_keys(engine)
    try:
        with writing(apart) as connection:
            lock_all(connection)
            command.upgrade(configuration(connection), "head")
            if broken := broken_references(connection):
                raise StoreError(
                    f"The database names rows that are not there: {', '.join(broken)}.",
                    hint="Nothing was changed. Restore it from a backup.",
                )
    finally:
        apart.dispose()


def _revision(connection: Connection) -> str | None:
    """The schema that a database has; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _known() -> set[str]:
    from alembic.script import ScriptDirectory

    return {each.revision for each in ScriptDirectory.from_config(configuration()).walk_revisions()}


def configuration(connection: Connection | None = None) -> Config:
    """Where Alembic finds the migrations, and the connection that it uses."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
