"""`curator backup`, `restore` and `doctor`: a workspace in one file, back again, and whether it is sound."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from curator import backup as stage
from curator import doctor as checks
from curator.cli import console
from curator.cli.options import JsonOption, WorkspaceOption, workspace_of
from curator.errors import CuratorError
from curator.settings import load
from schemas.backup import Checkup


def backup(
    file: Annotated[Path, typer.Argument(help="File to write; it must not be there yet.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a workspace into one file while people go on working. Keep it as safe as its keys, which it holds."""
    with console.errors():
        opened = workspace_of(workspace)
        _say(stage.back_up(opened, file), f"{file} holds", as_json=as_json)


def restore(
    file: Annotated[Path, typer.Argument(help="File that `curator backup` wrote.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a workspace back from a file, into a folder that is empty or not there."""
    with console.errors():
        folder = load(workspace=workspace).workspace
        _say(stage.restore(file, folder), f"{folder} has again", as_json=as_json)


def doctor(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Look a workspace over: its database, texts, versions, ledgers, keys, rights and room."""
    with console.errors():
        try:
            checkup = checks.examine(workspace_of(workspace))
        except CuratorError as error:
            checkup = Checkup(ok=False, problems=(f"{error.problem} {error.hint}",))
        _say(checkup, "All is well", as_json=as_json)


def _say(checkup: Checkup, begins: str, *, as_json: bool) -> None:
    """Print what was done or found; ends with status 1 where something is wrong."""
    size = f" {checkup.files:,} files, {checkup.bytes / 1e6:,.1f} MB" if checkup.files else ""
    human = f"{begins}{size}." if checkup.ok else "\n".join(checkup.problems)
    console.show(checkup, as_json=as_json, human=Text(human))
    if not checkup.ok:
        raise typer.Exit(1)
