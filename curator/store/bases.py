"""Base models on the list: folders from which a training on this server may start."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from curator.errors import SettingsError
from curator.samples import sample_folder
from curator.store.tables import base_model
from schemas.run import BaseModel

SAMPLE = "sample model"
"""Name of the model that comes with Curator; it stands on no list and is always there."""


def sample() -> BaseModel | None:
    """The model that comes with Curator; None where the sample data is missing."""
    try:
        return BaseModel(name=SAMPLE, folder=str((sample_folder() / "base_model").resolve()))
    except SettingsError:
        return None


def newest_first(connection: Connection) -> list[BaseModel]:
    """Every base on the list, the last one that was added first and the sample model after them."""
    query = select(base_model).order_by(base_model.c.added_at.desc(), base_model.c.name)
    added = [
        BaseModel(name=row.name, folder=row.folder, added_by=row.added_by) for row in connection.execute(query).all()
    ]
    bundled = sample()
    return added if bundled is None else [*added, bundled]


def name_of(connection: Connection, folder: str) -> str:
    """The name of the base in this folder; that of the folder where it is not on the list."""
    bundled = sample()
    if bundled is not None and folder == bundled.folder:
        return bundled.name
    name: str | None = connection.execute(select(base_model.c.name).where(base_model.c.folder == folder)).scalar()
    return name or Path(folder).name


def add(connection: Connection, name: str, folder: str, *, actor: str, at: datetime) -> BaseModel:
    """Store a base. Returns it."""
    values = {"folder": folder, "name": name, "added_by": actor, "added_at": at}
    connection.execute(insert(base_model).values(values))
    return BaseModel(name=name, folder=folder, added_by=actor)


def remove(connection: Connection, name: str) -> bool:
    """Take a base off the list; its folder stays. Returns whether it was there."""
    return connection.execute(delete(base_model).where(base_model.c.name == name)).rowcount == 1
