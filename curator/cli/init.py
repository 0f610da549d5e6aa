"""`curator init`: make a workspace."""

from __future__ import annotations

from curator.cli import console
from curator.cli.options import JsonOption, WorkspaceOption, workspace_of
from curator.settings import Settings


def init(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Make a workspace: one folder with the database, the versions and the runs."""
    with console.errors():
        opened = workspace_of(workspace, create=True)
        elsewhere = "" if opened.folder == Settings().workspace.resolve() else f" --workspace {opened.folder}"
        human = f"Workspace {opened.folder}\nNext: curator serve{elsewhere}"
        console.show({"workspace": str(opened.folder)}, as_json=as_json, human=human)
