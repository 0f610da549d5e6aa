"""Sessions: a random token stands for a person who signed in, until it ends or is not used for two weeks."""

from __future__ import annotations

from datetime import timedelta

from curator.access.accounts import digest
from curator.store import accounts
from curator.workspace import Workspace
from schemas.account import Account

LIFE = timedelta(days=14)
"""How long a session lasts after it was last used."""
_RENEWED = timedelta(hours=1)
"""A session is written at most this often, so that reading a page writes nothing."""


def who(workspace: Workspace, token: str) -> Account | None:
    """Whose session this is; None when it ended or never was."""
    with workspace.read() as connection:
        now = workspace.clock()
        session = accounts.session(connection, digest(token), now=now)
    if session is None:
        return None
    if now - session.seen_at > _RENEWED:
        with workspace.write() as connection:
            accounts.renew_session(connection, digest(token), at=now, expires_at=now + LIFE)
    return session.account


def sign_out(workspace: Workspace, token: str) -> None:
    """End a session."""
    with workspace.write() as connection:
        accounts.end_session(connection, digest(token))
