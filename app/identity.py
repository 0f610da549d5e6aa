"""The workspace that this server serves, and whose request is whose: shared by pages, routes and the sign-in."""

from __future__ import annotations

import dataclasses
import functools
import os
from pathlib import Path

from starlette.requests import HTTPConnection

from curator import Workspace, open_workspace
from curator.access import accounts, people
from curator.settings import load
from schemas.account import Account

WORKSPACE_VARIABLE = "CURATOR_WORKSPACE"
SIGN_IN_VARIABLE = "CURATOR_SIGN_IN"
COOKIE = "curator_session"
NAME_COOKIE = "curator_name"
"""Keeps the name that was typed where there is no sign-in; `components.browser` writes it."""
SCOPE_KEY = "curator_account"
"""Where the gate leaves the account of a request."""


@functools.cache
def _open(folder: str) -> Workspace:
    opened = open_workspace(Path(folder), create=True, settings=load(workspace=Path(folder)))
    return dataclasses.replace(opened, is_served=True)


def workspace() -> Workspace:
    """The workspace that this server serves."""
    return _open(os.environ.get(WORKSPACE_VARIABLE, "workspace"))


def sign_in_is_required() -> bool:
    """Whether everyone must sign in: there is an account, or the server was told so."""
    return os.environ.get(SIGN_IN_VARIABLE) == "true" or accounts.are_there(workspace())


def account_of(connection: HTTPConnection) -> Account | None:
    """Whose session a request belongs to, as the gate found out."""
    found = connection.scope.get(SCOPE_KEY)
    return found if isinstance(found, Account) else None


def person_of(connection: HTTPConnection, given: str) -> str | None:
    """Who sends a request to a route beside the pages; None when that is not known.

    Raises:
        AccessError: There is no sign-in, and the given name is not one to work under.
    """
    account = account_of(connection)
    if account is not None:
        return account.name
    return people.called(workspace(), given) if given.strip() else None
