"""Sign-in: passwords are checked, failures slow down the next attempt, a random token stands for the session."""

from __future__ import annotations

import functools
import secrets
from datetime import timedelta

from argon2.exceptions import VerificationError

from curator.access.accounts import digest, hasher
from curator.errors import AccessError
from curator.store import accounts, events
from curator.workspace import Workspace
from schemas.account import Account

LIFE = timedelta(days=14)
"""How long a session lasts after it was last used."""
_RENEWED = timedelta(hours=1)
"""A session is written at most this often, so that reading a page writes nothing."""
_WINDOW = timedelta(minutes=15)
_FREE_BY_NAME, _FREE_BY_ADDRESS = 5, 20
"""Failures within the window after which attempts are refused for a while; many people may share an address."""
_FIRST_PAUSE = 30.0


@functools.cache
def _hash_of_nobody() -> str:
    """Checked for unknown names, so that they take as long as known ones."""
    return hasher.hash("the password of nobody")


def sign_in(workspace: Workspace, name: str, password: str, *, address: str) -> str:
    """The token of a new session.

    Raises:
        AccessError: Name and password do not fit, the account is disabled, or there were too many failures.
    """
    name = name.strip()
    with workspace.read() as connection:
        now = workspace.clock()
        by_name, by_address, last = accounts.failures(connection, name, address, since=now - _WINDOW)
        stored = accounts.password_hash(connection, name)
        account = accounts.find(connection, name)
    beyond = max(by_name - _FREE_BY_NAME, by_address - _FREE_BY_ADDRESS)
    if beyond >= 0 and last is not None:
        pause = min(_FIRST_PAUSE * 2**beyond, _WINDOW.total_seconds())
        left = pause - (now - last).total_seconds()
        if left > 0:
            raise AccessError(
                "There were too many failed attempts.", hint=f"Try again in {max(1, round(left))} seconds."
            )
    try:
        hasher.verify(stored or _hash_of_nobody(), password)
        is_right = stored is not None and account is not None and not account.disabled
    except VerificationError:
        is_right = False
    with workspace.write() as connection:
        now = workspace.clock()
        if not is_right:
            accounts.note_failure(connection, name, address, at=now)
        else:
            accounts.forget_failures(connection, name)
            token = secrets.token_urlsafe(32)
            accounts.begin_session(connection, digest(token), name, at=now, expires_at=now + LIFE)
            if stored is not None and hasher.check_needs_rehash(stored):
                accounts.set_password(connection, name, hasher.hash(password))
            events.append(connection, "sign in", f"person {name}", actor=name, at=now)
    if not is_right:  # stored before it is said, so that a failure always counts
        raise AccessError("Name and password do not fit.", hint="Check both, or ask an admin to reset the password.")
    return token


def who(workspace: Workspace, token: str) -> Account | None:
    """Whose session this is; None when it ended or never was."""
    with workspace.read() as connection:
        now = workspace.clock()
        found = accounts.session(connection, digest(token), now=now)
    if found is None:
        return None
    if now - found.seen_at > _RENEWED:
        with workspace.write() as connection:
            accounts.renew_session(connection, digest(token), at=now, expires_at=now + LIFE)
    return found.account


def sign_out(workspace: Workspace, token: str) -> None:
    """End a session."""
    with workspace.write() as connection:
        accounts.end_session(connection, digest(token))
