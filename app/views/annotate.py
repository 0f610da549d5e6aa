"""Annotate: one record at a time, until the queue is empty."""

from __future__ import annotations

from app import state
from app.components import notice
from app.labelling import component
from schemas.project import Project


def render(project: Project, person: str) -> None:
    """The labelling screen, which asks the server for records and answers by itself."""
    message = state.once("stored")
    component.show(project_id=project.id, person=person, message=None if message is None else str(message))


if __name__ == "__main__":
    with notice.errors():
        render(state.project(), notice.person_needed())
