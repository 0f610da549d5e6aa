"""`curator init`: make a workspace."""

from __future__ import annotations

from curator.cli import console
from curator.cli.options import JsonOption, WorkspaceOption, workspace_of


def init(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Make a workspace: one folder with the database, the versions and the runs."""
    with console.errors():
        opened = workspace_of(workspace, create=True)
        console.show({"workspace": str(opened.folder)}, as_json=as_json, human=f"Workspace {opened.folder}")
