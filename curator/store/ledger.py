"""The ledger of a system: plans, verdicts and decisions, each sealed together with everything before it.

A seal is an HMAC-SHA-256 over the seal before, place, kind, actor, time and content of an entry, with a key that does
not lie in the database: a change, removal or insertion of a row there cannot be made to fit the chain again. That
nothing was cut off its end shows a copy of the last seal outside the database, which `curator.evidence` keeps.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Select, insert, select

from curator.store.tables import ledger


class Entry(NamedTuple):
    """One line of a ledger."""

    n: int
    """From 1, without a gap."""
    kind: str
    """`plan`, `verdict`, `withdrawal`, `adjudication`, `closed` or `decision`."""
    actor: str
    at: datetime
    content: str
    """JSON, byte for byte as it was sealed."""
    seal: str


def append(
    connection: Connection, system_id: str, kind: str, content: dict[str, Any], *, actor: str, at: datetime, key: bytes
) -> Entry:
    """Add an entry at the end; the caller has locked the system. Returns it with its seal."""
    end = last(connection, system_id)
    n, before = (end.n + 1, end.seal) if end is not None else (1, system_id)
    text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()
    entry = Entry(n, kind, actor, at, text, "")
    entry = entry._replace(seal=_seal(entry, before, key))
    connection.execute(insert(ledger).values(system_id=system_id, **entry._asdict()))
    return entry


def entries(connection: Connection, system_id: str, *, kinds: Sequence[str] | None = None) -> list[Entry]:
    """The entries of a system, or those of some kinds, oldest first."""
    query = select(ledger).where(ledger.c.system_id == system_id).order_by(ledger.c.n)
    if kinds is not None:
        query = query.where(ledger.c.kind.in_(kinds))
    return [Entry(row.n, row.kind, row.actor, row.at, row.content, row.seal) for row in connection.execute(query)]


def newest(connection: Connection, system_id: str, kind: str) -> Entry | None:
    """The newest entry of one kind."""
    return _one(connection, select(ledger).where(ledger.c.system_id == system_id, ledger.c.kind == kind))


def last(connection: Connection, system_id: str) -> Entry | None:
    """The newest entry of all."""
    return _one(connection, select(ledger).where(ledger.c.system_id == system_id))


def _one(connection: Connection, query: Select[Any]) -> Entry | None:
    row = connection.execute(query.order_by(ledger.c.n.desc()).limit(1)).first()
    return None if row is None else Entry(row.n, row.kind, row.actor, row.at, row.content, row.seal)


def broken_at(found: Sequence[Entry], system_id: str, *, key: bytes) -> int | None:
    """The first place at which the chain does not fit; None where all of it does. `found` is the whole ledger."""
    before = system_id
    for place, entry in enumerate(found, 1):
        if entry.n != place or not hmac.compare_digest(entry.seal, _seal(entry, before, key)):
            return place
        before = entry.seal
    return None


def _seal(entry: Entry, before: str, key: bytes) -> str:
    parts = (before, str(entry.n), entry.kind, entry.actor, entry.at.isoformat(), entry.content)
    sealed = b"".join(len(part.encode()).to_bytes(8, "big") + part.encode() for part in parts)
    return hmac.new(key, sealed, hashlib.sha256).hexdigest()
