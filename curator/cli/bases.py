"""`curator bases`: the base models that people at a browser may choose."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from curator import base_models
from curator.cli import console
from curator.cli.options import JsonOption, WorkspaceOption, actor, workspace_of

bases_app = typer.Typer(add_completion=False, help="Base models to train from.", no_args_is_help=True)


@bases_app.command("list")
def list_bases(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the base models that the train page offers."""
    with console.errors():
        known = base_models.known(workspace_of(workspace))
        table = Table("name", "folder", "added by")
        for base in known:
            table.add_row(Text(base.name), Text(base.folder), Text(base.added_by or ""))
        console.show({"bases": known}, as_json=as_json, human=table)


@bases_app.command("add")
def add(
    folder: Annotated[Path, typer.Argument(help="Folder with config.json, tokenizer and weights in safetensors.")],
    workspace: WorkspaceOption = None,
    name: Annotated[str | None, typer.Option("--name", help="By default that of the folder.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Put a folder on the list."""
    with console.errors():
        added = base_models.add(workspace_of(workspace), folder, name=name, actor=actor())
        console.show(added, as_json=as_json, human=f"{added.name} can be chosen under Train.")


@bases_app.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="As `curator bases list` shows it.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a base model off the list; its folder stays."""
    with console.errors():
        base_models.remove(workspace_of(workspace), name, actor=actor())
        console.show({"name": name, "removed": True}, as_json=as_json, human=f"{name} is off the list.")
