"""Settings of a project that a lead changes: who must agree, in which order, with which model's tokens."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from curator import base_models
from curator.access import require
from curator.errors import AnnotationError
from curator.store import events, projects
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind, of_project
from schemas.project import Project
from schemas.questions import STORED

CHANGEABLE = ("min_rating", "reviews_required", "order", "hidden_suggestions", "gold_every", "base_model")
"""Guideline and questions have versions and are changed in `questions`; gates belong to the release."""


def create(workspace: Workspace, name: str, *, actor: str) -> Project:
    """Make a project. Returns it.

    Raises:
        AnnotationError: The name is empty or taken.
    """
    require(workspace, actor, Right.CURATE)
    if not name.strip():
        raise AnnotationError("The project has no name.", hint="Give it one.")
    with workspace.write() as connection:
        if any(each.name == name for each in projects.all_projects(connection)):
            raise AnnotationError(f"There is a project {name} already.", hint="Choose another name.")
        now = workspace.clock()
        project = projects.create(connection, name, at=now)
        events.append(connection, Kind.PROJECT, of_project(project.id), actor=actor, at=now, detail={"name": name})
        return project


def change(workspace: Workspace, *, project_id: int, actor: str, **settings: Any) -> Project:
    """Change some settings of a project; records that are settled stay as they are. Returns the project.

    Raises:
        AnnotationError: There is no such setting, or a value cannot be used; nothing is changed.
    """
    require(workspace, actor, Right.CURATE)
    unknown = sorted(set(settings) - set(CHANGEABLE))
    if unknown:
        raise AnnotationError(f"A project has no setting {unknown[0]}.", hint=f"It has {', '.join(CHANGEABLE)}.")
    if settings.get("base_model") == "":
        settings["base_model"] = None
    if settings.get("base_model") is not None:
        with workspace.read() as connection:
            kept = projects.by_id(connection, project_id).base_model
        if settings["base_model"] != kept:  # one that went off the list meanwhile stops no other change
            base_models.require_known(workspace, str(settings["base_model"]))
    with workspace.write() as connection:
        projects.lock(connection, project_id)  # guideline and questions are stored with the settings
        before = projects.by_id(connection, project_id)
        try:
            after = Project.model_validate(before.model_dump() | settings, context=STORED)
        except ValidationError as error:
            issue = error.errors()[0]
            raise AnnotationError(
                f"Setting {issue['loc'][0]} cannot be {issue['input']!r}: {issue['msg']}.", hint="Correct the value."
            ) from error
        if after != before:
            projects.change(connection, after)
            events.append(
                connection, Kind.SETTINGS, of_project(project_id), actor=actor, at=workspace.clock(), detail=settings
            )
        return after
