"""The register of frozen versions. Their rows live in Parquet, not here."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, select

from curator.errors import NotFoundError
from curator.store.engine import insert_or_ignore
from curator.store.tables import version
from schemas.version import Split, Version


def add(connection: Connection, new: Version) -> None:
    """Register a version; the same content frozen again keeps its first entry."""
    connection.execute(
        insert_or_ignore(version, connection.dialect).values(
            new.model_dump(mode="json") | {"created_at": new.created_at}
        )
    )


def name_it(connection: Connection, version_id: str, name: str) -> None:
    """Give a version that does not have a name this one. Returns nothing."""
    nameless = (version.c.id == version_id) & version.c.name.is_(None)
    connection.execute(version.update().where(nameless).values(name=name))


def get(connection: Connection, name_or_id: str) -> Version:
    """The version with this name, this id, or the only id that begins so.

    Raises:
        NotFoundError: None or more than one fits.
    """
    named = connection.execute(select(version).where(version.c.name == name_or_id)).mappings().all()
    begins = select(version).where(version.c.id.startswith(name_or_id, autoescape=True)).limit(2)
    rows = named or connection.execute(begins).mappings().all()
    if len(rows) != 1:
        found = "There is no version" if not rows else "More than one version has an id that begins with"
        raise NotFoundError(f"{found} {name_or_id}.", hint="List all with `curator versions`.")
    return _version(rows[0])


def newest_first(connection: Connection) -> list[Version]:
    """All versions, newest first."""
    return [
        _version(row) for row in connection.execute(select(version).order_by(version.c.created_at.desc())).mappings()
    ]


def _version(row: RowMapping) -> Version:
    splits = {Split(name): n for name, n in row["splits"].items()}
    return Version(**{**row, "splits": splits})
