"""Projects, and the people who work in them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, RowMapping, insert, select

from curator.errors import NotFoundError
from curator.store.engine import insert_or_ignore, lock_all
from curator.store.tables import person, project
from schemas.project import Project
from schemas.questions import STORED

DEFAULT_NAME = "default"


def ensure_default(connection: Connection, *, at: datetime) -> None:
    """Make the project `default` unless the workspace has a project."""
    no_project = select(project.c.id).limit(1)
    if connection.execute(no_project).first() is not None:
        return
    lock_all(connection)
    if connection.execute(no_project).first() is None:
        create(connection, DEFAULT_NAME, at=at)


def create(connection: Connection, name: str, *, at: datetime, guideline: str = "") -> Project:
    """A new project with the default gates."""
    fresh = Project(id=0, name=name, guideline=guideline).model_dump(mode="json", exclude={"id"})
    connection.execute(insert(project).values(fresh | {"created_at": at}))
    return by_name(connection, name)


def by_name(connection: Connection, name: str | None = None) -> Project:
    """The project called `name`; without a name, the first one.

    Raises:
        NotFoundError: No project has this name.
    """
    query = select(project).order_by(project.c.id).limit(1)
    row = connection.execute(query.where(project.c.name == name) if name is not None else query).mappings().first()
    if row is None:
        raise NotFoundError(f"There is no project {name}.", hint="Name an existing project, or leave --project out.")
    return _project(row)


def by_id(connection: Connection, project_id: int) -> Project:
    """The project with this id.

    Raises:
        NotFoundError: No project has this id.
    """
    row = connection.execute(select(project).where(project.c.id == project_id)).mappings().first()
    if row is None:
        raise NotFoundError(f"There is no project {project_id}.", hint="Choose one from the list of projects.")
    return _project(row)


def all_projects(connection: Connection) -> list[Project]:
    """Every project, oldest first."""
    return [_project(row) for row in connection.execute(select(project).order_by(project.c.id)).mappings()]


def lock(connection: Connection, project_id: int) -> None:
    """Let only this transaction add records to a project or change it until it ends; annotation goes on."""
    # KEY SHARE of rows that refer to the project, as answers and totals do, does not wait for this lock.
    connection.execute(select(project.c.id).where(project.c.id == project_id).with_for_update(key_share=True))


def change(connection: Connection, changed: Project) -> None:
    """Store the settings of an existing project."""
    values = changed.model_dump(mode="json", exclude={"id"})
    connection.execute(project.update().where(project.c.id == changed.id).values(values))


def ensure_person(connection: Connection, name: str, *, at: datetime) -> None:
    """Register a person at their first action."""
    values = {"name": name, "role": "annotator", "created_at": at}
    connection.execute(insert_or_ignore(person, connection.dialect).values(values))


def _project(row: RowMapping) -> Project:
    return Project.model_validate({name: row[name] for name in Project.model_fields}, context=STORED)
