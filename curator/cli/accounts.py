"""`curator account`: accounts from the command line, for an admin who has the workspace's folder."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from curator.access import accounts
from curator.cli import console
from curator.cli.options import JsonOption, WorkspaceOption, actor, workspace_of
from schemas.account import Role

account_app = typer.Typer(add_completion=False, help="Who may sign in.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(help="Name of the account.")]
RoleArgument = Annotated[Role, typer.Argument(help="annotator, reviewer, lead or admin.")]


@account_app.command("list")
def list_accounts(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the accounts that may sign in."""
    with console.errors():
        known = [each for each in accounts.all_accounts(workspace_of(workspace)) if each.has_password]
        table = Table("name", "role", "state", "last seen")
        for each in known:
            seen = "never" if each.last_seen is None else f"{each.last_seen:%Y-%m-%d %H:%M} UTC"
            table.add_row(each.name, each.role, "disabled" if each.disabled else "active", seen)
        console.show({"accounts": known}, as_json=as_json, human=table)


@account_app.command("invite")
def invite(role: RoleArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Make a one-time link that makes an account; it works for a day."""
    with console.errors():
        _show_link(accounts.invite(workspace_of(workspace), role, actor=actor()), as_json=as_json)


@account_app.command("reset")
def reset(name: NameArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Make a one-time link that sets a new password; it works for a day."""
    with console.errors():
        _show_link(accounts.reset(workspace_of(workspace), name, actor=actor()), as_json=as_json)


@account_app.command("role")
def role(
    name: NameArgument, role: RoleArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """Change the role of an account."""
    with console.errors():
        accounts.set_role(workspace_of(workspace), name, role, actor=actor())
        console.show({"name": name, "role": role.value}, as_json=as_json, human=f"{name} is {role.value} now.")


@account_app.command("disable")
def disable(name: NameArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """End the access of an account at once; what its owner did stays."""
    with console.errors():
        accounts.disable(workspace_of(workspace), name, actor=actor())
        console.show({"name": name, "disabled": True}, as_json=as_json, human=f"{name} may not sign in any more.")


@account_app.command("enable")
def enable(name: NameArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Let a disabled account sign in again."""
    with console.errors():
        accounts.enable(workspace_of(workspace), name, actor=actor())
        console.show({"name": name, "disabled": False}, as_json=as_json, human=f"{name} may sign in again.")


def _show_link(token: str, *, as_json: bool) -> None:
    path = f"/auth/account?token={token}"
    console.show({"path": path}, as_json=as_json, human=f"Put the server's address in front of it: {path}")
