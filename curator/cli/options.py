"""Options that every verb takes, and opening the workspace that they name."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from curator.settings import load
from curator.workspace import Workspace, open_workspace

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", help="Folder of the workspace (default: CURATOR_WORKSPACE or ./workspace)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on standard output.")]
ProjectOption = Annotated[str | None, typer.Option("--project", help="Name of the project (default: the first one).")]


def workspace_of(folder: Path | None, *, create: bool = False) -> Workspace:
    """The workspace that the command line, the environment or `curator.toml` names."""
    settings = load(workspace=folder)
    return open_workspace(settings.workspace, create=create, settings=settings)


def actor() -> str:
    """Who runs the command: the account name, which stands in the event log."""
    try:
        return getpass.getuser()
    except OSError:  # a container may run under a user id without a name
        return "command line"
