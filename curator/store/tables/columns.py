"""Kinds of columns, and the one description of the schema to which all tables belong."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import JSON, DateTime, Dialect, Integer, LargeBinary, MetaData, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcTime(TypeDecorator[datetime]):
    """A time in UTC. SQLite drops the zone when it stores a time, so it is put back when one is read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """What is stored."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a time needs its zone")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """What is read."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class RecordKey(TypeDecorator[str]):
    """The key of a record: an integer here, opaque text everywhere else. Text that is no key names no record."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: str | int | None, dialect: Dialect) -> int | None:
        """What is stored."""
        if value is None or isinstance(value, int):
            return value
        return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0

    def process_result_value(self, value: int | None, dialect: Dialect) -> str | None:
        """What is read."""
        return None if value is None else str(value)


class Digest(TypeDecorator[str]):
    """A sha256: 32 bytes here, 64 hex digits everywhere else."""

    impl = LargeBinary(32)
    cache_ok = True

    def process_bind_param(self, value: str | bytes | None, dialect: Dialect) -> bytes | None:
        """What is stored."""
        return bytes.fromhex(value) if isinstance(value, str) else value

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        """What is read."""
        return None if value is None else bytes(value).hex()


ROW_ID_BYTES = 16
"""A content is known by the first 128 bits of its hash: its row id."""

RUN = 65_536
"""Records whose keys differ only below this are a run, for which the index over contents is apart (see `contents`)."""

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
