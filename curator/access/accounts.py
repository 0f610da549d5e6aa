"""Accounts: made through one-time links, with passwords that are stored as argon2 hashes only.

A link carries a random token; the database has its sha256, so a copy of the database opens no account.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from argon2 import PasswordHasher

from curator.access import names
from curator.access.names import LONGEST_NAME
from curator.access.rights import require
from curator.errors import AccessError
from curator.store import Connection, accounts, events
from curator.workspace import Workspace
from schemas.account import Account, Right, Role
from schemas.event import Kind, of_person, of_role

_LIFE = timedelta(hours=24)
_SHORTEST = 10
hasher = PasswordHasher()
"""argon2id with the library's parameters (RFC 9106, low-memory profile)."""


def digest(token: str) -> str:
    """sha256 of a random token, which is all that is stored of it."""
    return hashlib.sha256(token.encode()).hexdigest()


def are_there(workspace: Workspace) -> bool:
    """Whether any account has a password, so that all must sign in."""
    with workspace.read() as connection:
        return accounts.any_password(connection)


def all_accounts(workspace: Workspace) -> list[Account]:
    """All who ever worked here, by name."""
    with workspace.read() as connection:
        return accounts.all_accounts(connection)


def setup_link(workspace: Workspace) -> str | None:
    """Make the link of the first admin; an earlier one is void. Returns its token; None once there is an account."""
    with workspace.write() as connection:
        if accounts.any_password(connection):
            return None
        accounts.drop_links(connection, purpose="setup")
        return _link(connection, workspace.clock(), purpose="setup", role=Role.ADMIN, actor="server")


def invite(workspace: Workspace, role: Role, *, actor: str) -> str:
    """Make a link with which a person makes an account of this role, within a day. Returns its token."""
    require(workspace, actor, Right.ACCOUNTS)
    with workspace.write() as connection:
        now = workspace.clock()
        events.append(connection, Kind.INVITE, of_role(role), actor=actor, at=now)
        return _link(connection, now, purpose="invite", role=role, actor=actor)


def reset(workspace: Workspace, name: str, *, actor: str) -> str:
    """Make a link with which a person sets a new password, within a day; earlier links of theirs are void. Returns its
    token.

    Raises:
        AccessError: There is no such account, or it is disabled.
    """
    require(workspace, actor, Right.ACCOUNTS)
    with workspace.write() as connection:
        account = _known(connection, name)
        _refuse_disabled(account)
        now = workspace.clock()
        accounts.drop_links_of(connection, name)
        events.append(connection, Kind.PASSWORD_RESET, of_person(name), actor=actor, at=now)
        return _link(connection, now, purpose="reset", role=account.role, actor=actor, name=name)


def link(workspace: Workspace, token: str) -> accounts.Link:
    """What a one-time link is for.

    Raises:
        AccessError: It was used, is too old, or never was.
    """
    with workspace.read() as connection:
        stored = accounts.find_link(connection, digest(token))
        is_late_setup = stored is not None and stored.purpose == "setup" and accounts.any_password(connection)
    if stored is None or stored.used_at is not None or stored.expires_at <= workspace.clock() or is_late_setup:
        raise AccessError("This link was used already, or is older than a day.", hint="Ask an admin for a new one.")
    return stored


def redeem(workspace: Workspace, token: str, *, name: str, password: str) -> Account:
    """Make an account with a one-time link, or change its password; their other sessions and links end. Returns it.

    Raises:
        AccessError: The link is void, the account is disabled, the name is taken or cannot be used, or the password
            is too short; the link stays good.
    """
    invitation = link(workspace, token)
    name = invitation.name or names.tidy(name)
    if invitation.name is None and not names.can_stand(name):
        raise AccessError(
            f"The name is empty, has characters that cannot be seen, or more than {LONGEST_NAME}.",
            hint="Enter the name you work under.",
        )
    if len(password) < _SHORTEST:
        raise AccessError(
            f"The password has fewer than {_SHORTEST} characters.", hint="Choose a longer one; a few words are good."
        )
    hashed = hasher.hash(password)
    with workspace.write() as connection:
        now = workspace.clock()
        if not accounts.use_link(connection, digest(token), at=now):
            raise AccessError("This link was used already.", hint="Ask an admin for a new one.")
        if invitation.purpose != "reset":
            _refuse_look_alike(connection, name)
        account = accounts.make(connection, name, role=invitation.role, at=now)
        if invitation.purpose != "reset" and account.has_password:
            raise AccessError(f"There is an account {name} already.", hint="Choose another name, or sign in.")
        _refuse_disabled(account)
        role = account.role if invitation.purpose == "reset" else invitation.role
        accounts.set_role(connection, name, role)
        accounts.set_password(connection, name, hashed)
        accounts.end_sessions(connection, name)
        accounts.drop_links_of(connection, name)
        kind = Kind.PASSWORD_CHANGED if invitation.purpose == "reset" else Kind.ACCOUNT_MADE
        events.append(connection, kind, of_person(name), actor=name, at=now, detail={"role": role.value})
        return _known(connection, name)


def set_role(workspace: Workspace, name: str, role: Role, *, actor: str) -> None:
    """Give a person another role.

    Raises:
        AccessError: There is no such account, or it is the last admin's.
    """
    require(workspace, actor, Right.ACCOUNTS)
    with workspace.write() as connection:
        accounts.lock_admins(connection)
        account = _known(connection, name)
        if role is not Role.ADMIN:
            _keep_an_admin(connection, account)
        accounts.set_role(connection, name, role)
        detail = {"from": account.role.value, "to": role.value}
        events.append(connection, Kind.ROLE, of_person(name), actor=actor, at=workspace.clock(), detail=detail)


def disable(workspace: Workspace, name: str, *, actor: str) -> None:
    """End a person's access at once, by session and by link, and void the links they made; what they did stays.

    Raises:
        AccessError: There is no such account, or it is the last admin's.
    """
    require(workspace, actor, Right.ACCOUNTS)
    with workspace.write() as connection:
        accounts.lock_admins(connection)
        _keep_an_admin(connection, _known(connection, name))
        now = workspace.clock()
        accounts.set_disabled(connection, name, at=now)
        accounts.end_sessions(connection, name)
        accounts.drop_links_of(connection, name)
        accounts.drop_links_by(connection, name)
        events.append(connection, Kind.DISABLE, of_person(name), actor=actor, at=now)


def enable(workspace: Workspace, name: str, *, actor: str) -> None:
    """Let a person sign in again.

    Raises:
        AccessError: There is no such account.
    """
    require(workspace, actor, Right.ACCOUNTS)
    with workspace.write() as connection:
        _known(connection, name)
        accounts.set_disabled(connection, name, at=None)
        events.append(connection, Kind.ENABLE, of_person(name), actor=actor, at=workspace.clock())


def _known(connection: Connection, name: str) -> Account:
    account = accounts.find(connection, name)
    if account is None:
        raise AccessError(f"There is no account {name}.", hint="Look the name up in the list of accounts.")
    return account


def _refuse_look_alike(connection: Connection, name: str) -> None:
    """A new account is neither the program nor a person who is written alike; their own earlier name is theirs."""
    known = [each.name for each in accounts.all_accounts(connection)]
    if names.taken_for(name, known) is not None:
        raise AccessError(
            f"The name {name} is reserved, or looks like the one of another person.", hint="Choose another name."
        )


def _refuse_disabled(account: Account) -> None:
    if account.disabled:
        raise AccessError(f"The account {account.name} is disabled.", hint="Have an admin enable it first.")


def _keep_an_admin(connection: Connection, account: Account) -> None:
    others = [each for each in accounts.all_accounts(connection) if each.name != account.name]
    if account.role is Role.ADMIN and not any(
        each.role is Role.ADMIN and each.has_password and not each.disabled for each in others
    ):
        raise AccessError(f"{account.name} is the last admin.", hint="Make another person an admin first.")


def _link(
    connection: Connection, now: datetime, *, purpose: str, role: Role, actor: str, name: str | None = None
) -> str:
    token = secrets.token_urlsafe(32)
    accounts.add_link(
        connection, digest(token), purpose=purpose, role=role, name=name, expires_at=now + _LIFE, actor=actor
    )
    return token
