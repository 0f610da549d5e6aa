"""Bringing a database to the schema of this Curator. Alembic is imported only when there is something to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from curator.errors import NewerDatabaseError, StoreError
from curator.store.engine import broken_references, damaged, is_damage, lock_all, without_foreign_keys, writing

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST = "0022"
"""The last file in `migrations/versions`. Asking Alembic would take longer than the rest of opening a workspace."""


def migrate(engine: Engine, *, may_be_empty: bool = False) -> None:
    """Bring the database to the schema of this Curator.

    Args:
        engine: Of the database.
        may_be_empty: It is a new one. Any other without tables was emptied, and its workspace is not begun anew.

    Raises:
        NewerDatabaseError: A newer Curator wrote it; it is left as it is.
        StoreError: It cannot be opened, or was emptied.
    """
    try:
        with engine.connect() as connection:
            revision = _revision(connection)
    except SQLAlchemyError as error:
        if is_damage(cause := getattr(error, "orig", None)):
            raise damaged(cause) from error
        raise StoreError(f"The database cannot be opened: {error}.", hint="Check its path or URL.") from error
    if revision == NEWEST:
        return
    if revision is None and not may_be_empty:
        raise StoreError(
            f"The database {engine.url.render_as_string()} is empty, although its workspace was used before.",
            hint="Restore it from a backup, or begin anew in another folder. Nothing was changed.",
        )
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
