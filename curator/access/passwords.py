"""Passwords: checked at sign-in, where every failure slows down the next attempt of the guesser, not of the owner."""

from __future__ import annotations

import functools
import ipaddress
import secrets
from datetime import timedelta

from argon2.exceptions import VerificationError

from curator.access import names
from curator.access.accounts import digest, hasher
from curator.access.sessions import LIFE
from curator.errors import AccessError
from curator.store import accounts, events, locks
from curator.workspace import Workspace
from schemas.event import Kind, of_person

_WINDOW = timedelta(minutes=15)
_FREE_HERE, _FREE_BY_ADDRESS, _FREE_BY_NAME = 5, 20, 50
"""Failures within the window after which attempts are refused for a while: for one name from one address, from one
address (many people may share it), and for one name from everywhere. The last slows only an address that has failed
for this name before, so that guesses from many places do not keep the owner out."""
_FIRST_PAUSE = 30.0


@functools.cache
def _hash_of_nobody() -> str:
    """Checked for unknown names, so that they take as long as known ones."""
    return hasher.hash("the password of nobody")


def sign_in(workspace: Workspace, name: str, password: str, *, address: str) -> str:
    """Begin a session. Returns its token.

    Raises:
        AccessError: Name and password do not fit, the account is disabled, or there were too many failures.
    """
    name, address = _as_stored(workspace, name), _guesser(address)
    _note_attempt(workspace, name, address)
    with workspace.read() as connection:
        stored = accounts.password_hash(connection, name)
    try:
        hasher.verify(stored or _hash_of_nobody(), password)
    except VerificationError:
        stored = None
    token = secrets.token_urlsafe(32)
    if stored is None or not _let_in(workspace, name, token, address=address, password=password, checked=stored):
        raise AccessError("Name and password do not fit.", hint="Check both, or ask an admin to reset the password.")
    return token


def _guesser(address: str) -> str:
    """The address by which failures are counted: an IPv6 network of 64 bits is one, since a machine has all of it.

    >>> _guesser("2001:db8:1:2:aaaa::1"), _guesser("::ffff:10.0.0.1"), _guesser("10.0.0.1"), _guesser("unknown")
    ('2001:db8:1:2::/64', '10.0.0.1', '10.0.0.1', 'unknown')
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.ip_network((int(parsed), 64), strict=False))


def _as_stored(workspace: Workspace, typed: str) -> str:
    """The name of the account that was meant: as it was typed, or else in the form that new accounts have."""
    typed = typed.strip()[: names.LONGEST_NAME + 1]  # no account is called so, and a database can hold it
    typed = typed.replace("\x00", "\ufffd").encode(errors="replace").decode()
    with workspace.read() as connection:
        is_one = accounts.find(connection, typed) is not None
    return typed if is_one else names.tidy(typed)[: names.LONGEST_NAME + 1]


def _let_in(workspace: Workspace, name: str, token: str, *, address: str, password: str, checked: str) -> bool:
    """Begin a session, unless the account is disabled or has another password since the hash `checked` was read."""
    renewed = hasher.hash(password) if hasher.check_needs_rehash(checked) else None
    with workspace.write() as connection:
        locks.lock_person(connection, name)
        account = accounts.find(connection, name)
        if account is None or account.disabled or accounts.password_hash(connection, name) != checked:
            return False
        now = workspace.clock()
        accounts.forget_attempts_of(connection, name, address)
        accounts.begin_session(connection, digest(token), name, at=now, expires_at=now + LIFE)
        if renewed is not None:
            accounts.set_password(connection, name, renewed)
        events.append(connection, Kind.SIGN_IN, of_person(name), actor=name, at=now)
        return True


def _note_attempt(workspace: Workspace, name: str, address: str) -> None:
    """Take a place among the attempts before the password is checked, or any number could be checked at once.

    Raises:
        AccessError: There were too many failures; a refused attempt is not noted.
    """
    with workspace.write() as connection:
        accounts.lock_attempts(connection)
        now = workspace.clock()
        accounts.forget_attempts_until(connection, now - _WINDOW)
        past = accounts.attempts(connection, name, address, since=now - _WINDOW)
        beyond = max(past.here - _FREE_HERE, past.by_address - _FREE_BY_ADDRESS)
        if past.here:
            beyond = max(beyond, past.by_name - _FREE_BY_NAME)
        if beyond >= 0 and past.last is not None:
            pause = min(_FIRST_PAUSE * 2**beyond, _WINDOW.total_seconds())
            left = pause - (now - past.last).total_seconds()
            if left > 0:
                raise AccessError(
                    "There were too many failed attempts.", hint=f"Try again in {max(1, round(left))} seconds."
                )
        accounts.note_attempt(connection, name, address, at=now)
