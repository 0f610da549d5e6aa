"""People: who may do what, how they sign in, and the keys that they chose."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text

from curator.store.tables.columns import Json, UtcTime, metadata

person = Table(
    "person",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False, default="annotator"),
    Column("created_at", UtcTime, nullable=False),
    Column("password_hash", Text),
    Column("disabled_at", UtcTime),
)

# One-time links that make an account or change a password. Of every secret only a hash is stored.
invite = Table(
    "invite",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("name", Text),
    Column("expires_at", UtcTime, nullable=False),
    Column("used_at", UtcTime),
    Column("created_by", Text, nullable=False),
    CheckConstraint("purpose in ('setup', 'invite', 'reset')", name="purpose"),
)

login_session = Table(
    "login_session",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("person", ForeignKey("person.name"), nullable=False, index=True),
    Column("created_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

login_failure = Table(
    "login_failure",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index(None, "name", "at"),
    Index(None, "address", "at"),
)

# Keys of the labelling screen that an annotator chose.
keymap = Table(
    "keymap",
    metadata,
    Column("person", Text, primary_key=True),
    Column("bindings", Json, nullable=False),
)
