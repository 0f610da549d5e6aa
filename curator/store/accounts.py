"""Accounts, their one-time links, sessions and failed attempts. Only hashes of secrets are stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from curator.store.engine import insert_or_ignore
from curator.store.tables import invite, login_failure, login_session, person
from schemas.account import Account, Role


class Link(NamedTuple):
    """A one-time link."""

    purpose: str
    """`setup`, `invite` or `reset`."""
    role: Role
    name: str | None
    """Whose password a reset is for."""
    expires_at: datetime
    used_at: datetime | None


class Session(NamedTuple):
    """A session that has not ended."""

    account: Account
    seen_at: datetime


def any_password(connection: Connection) -> bool:
    """Whether any account has a password."""
    query = select(person.c.name).where(person.c.password_hash.is_not(None)).limit(1)
    return connection.execute(query).first() is not None


def all_accounts(connection: Connection) -> list[Account]:
    """All who ever worked here, by name."""
    return [_account(row) for row in connection.execute(_accounts().order_by(person.c.name)).mappings()]


def find(connection: Connection, name: str) -> Account | None:
    """The account of this name."""
    row = connection.execute(_accounts().where(person.c.name == name)).mappings().first()
    return None if row is None else _account(row)


def password_hash(connection: Connection, name: str) -> str | None:
    """The hash of a person's password, if they have one."""
    return connection.execute(select(person.c.password_hash).where(person.c.name == name)).scalar()


def lock_admins(connection: Connection) -> None:
    """Let only this transaction take admins away until it ends; on SQLite a writer is alone anyway."""
    admins = select(person.c.name).where(person.c.role == Role.ADMIN.value).order_by(person.c.name)
    connection.execute(admins.with_for_update())


def make(connection: Connection, name: str, *, role: Role, at: datetime) -> Account:
    """Make a person without a password, unless there is one of this name. Returns them."""
    values = {"name": name, "role": role.value, "created_at": at}
    connection.execute(insert_or_ignore(person, connection.dialect).values(values))
    return _account(connection.execute(_accounts().where(person.c.name == name)).mappings().one())


def set_password(connection: Connection, name: str, hashed: str) -> None:
    """Store the hash of a person's password; a disabled account stays disabled."""
    connection.execute(update(person).where(person.c.name == name).values(password_hash=hashed))


def set_role(connection: Connection, name: str, role: Role) -> None:
    """Store a person's role."""
    connection.execute(update(person).where(person.c.name == name).values(role=role.value))


def set_disabled(connection: Connection, name: str, *, at: datetime | None) -> None:
    """Close an account, or open it again with None."""
    connection.execute(update(person).where(person.c.name == name).values(disabled_at=at))


def add_link(
    connection: Connection,
    key: str,
    *,
    purpose: str,
    role: Role,
    name: str | None,
    expires_at: datetime,
    actor: str,
) -> None:
    """Store a one-time link under the hash of its token."""
    values = {
        "token_hash": key, "purpose": purpose, "role": role.value, "name": name,
        "expires_at": expires_at, "created_by": actor,
    }  # fmt: skip
    connection.execute(insert(invite).values(values))


def drop_links(connection: Connection, *, purpose: str) -> None:
    """Make every unused link of a purpose useless."""
    connection.execute(delete(invite).where(invite.c.purpose == purpose, invite.c.used_at.is_(None)))


def drop_links_of(connection: Connection, name: str) -> None:
    """Make every unused link of a person useless."""
    connection.execute(delete(invite).where(invite.c.name == name, invite.c.used_at.is_(None)))


def drop_links_by(connection: Connection, actor: str) -> None:
    """Make every unused link that a person made useless."""
    connection.execute(delete(invite).where(invite.c.created_by == actor, invite.c.used_at.is_(None)))


def find_link(connection: Connection, key: str) -> Link | None:
    """The link whose token has this hash."""
    row = connection.execute(select(invite).where(invite.c.token_hash == key)).mappings().first()
    if row is None:
        return None
    return Link(row["purpose"], Role(row["role"]), row["name"], row["expires_at"], row["used_at"])


def use_link(connection: Connection, key: str, *, at: datetime) -> bool:
    """Mark a link as used. Returns False when it was used meanwhile."""
    change = update(invite).where(invite.c.token_hash == key, invite.c.used_at.is_(None)).values(used_at=at)
    return connection.execute(change).rowcount == 1


def begin_session(connection: Connection, key: str, name: str, *, at: datetime, expires_at: datetime) -> None:
    """Store a session under the hash of its token."""
    values = {"token_hash": key, "person": name, "created_at": at, "seen_at": at, "expires_at": expires_at}
    connection.execute(insert(login_session).values(values))


def session(connection: Connection, key: str, *, now: datetime) -> Session | None:
    """The session whose token has this hash, unless it ended or its account is disabled."""
    query = _accounts().add_columns(login_session.c.seen_at.label("session_seen"))
    query = query.join(login_session, login_session.c.person == person.c.name)
    query = query.where(
        login_session.c.token_hash == key, login_session.c.expires_at > now, person.c.disabled_at.is_(None)
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else Session(_account(row), row["session_seen"])


def renew_session(connection: Connection, key: str, *, at: datetime, expires_at: datetime) -> None:
    """Note that a session is still used."""
    change = update(login_session).where(login_session.c.token_hash == key)
    connection.execute(change.values(seen_at=at, expires_at=expires_at))


def end_session(connection: Connection, key: str) -> None:
    """Forget a session."""
    connection.execute(delete(login_session).where(login_session.c.token_hash == key))


def end_sessions(connection: Connection, name: str) -> None:
    """Forget every session of a person."""
    connection.execute(delete(login_session).where(login_session.c.person == name))


class Attempts(NamedTuple):
    """Attempts to sign in that failed or are being checked."""

    here: int
    """For this name from this address."""
    by_name: int
    by_address: int
    last: datetime | None
    """When the last one from this address was."""


def lock_attempts(connection: Connection) -> None:
    """Let only this transaction count and note attempts until it ends; on SQLite a writer is alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_SIGNING_IN)))


_SIGNING_IN = 0x7369676E696E
"""Number of the advisory lock: any that no other one has."""


def attempts(connection: Connection, name: str, address: str, *, since: datetime) -> Attempts:
    """Attempts after a time: for this name, and from this address."""
    recent = login_failure.c.at > since
    named, from_here = login_failure.c.name == name, login_failure.c.address == address
    counts = [select(func.count()).where(which, recent).scalar_subquery() for which in (named & from_here, named)]
    here, by_name = connection.execute(select(*counts)).one()
    of_address = select(func.count(), func.max(login_failure.c.at)).where(from_here, recent)
    by_address, last = connection.execute(of_address).one()
    return Attempts(here, by_name, by_address, last)


def note_attempt(connection: Connection, name: str, address: str, *, at: datetime) -> None:
    """Remember an attempt, which counts as failed until it is taken back."""
    connection.execute(insert(login_failure).values(name=name, address=address, at=at))


def forget_attempts_of(connection: Connection, name: str, address: str) -> None:
    """Forget the attempts for a name from one address."""
    named = login_failure.c.name == name
    connection.execute(delete(login_failure).where(named, login_failure.c.address == address))


def forget_attempts_until(connection: Connection, at: datetime) -> None:
    """Forget attempts that are too old to count."""
    connection.execute(delete(login_failure).where(login_failure.c.at <= at))


def _accounts() -> Any:  # a SELECT with a computed column; its row type has no name
    last = select(func.max(login_session.c.seen_at)).where(login_session.c.person == person.c.name)
    return select(person, last.correlate(person).scalar_subquery().label("last_seen"))


def _account(row: RowMapping) -> Account:
    return Account(
        name=row["name"],
        role=Role(row["role"]),
        has_password=row["password_hash"] is not None,
        disabled=row["disabled_at"] is not None,
        created_at=row["created_at"],
        last_seen=row["last_seen"],
    )
