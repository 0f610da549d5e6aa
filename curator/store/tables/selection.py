"""What records are found by: traits, words, and views that were kept."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, Table, Text, UniqueConstraint

from curator.store.tables.columns import Json, UtcTime, metadata

# What is said about records beside their texts, each value once: source, licence, language, group, `label` NAME=VALUE.
trait = Table(
    "trait",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("project.id"), nullable=False),
    Column("field", Text, nullable=False),
    Column("value", Text, nullable=False),
    UniqueConstraint("project_id", "field", "value"),
)

record_trait = Table(
    "record_trait",
    metadata,
    Column("trait_id", ForeignKey("trait.id"), primary_key=True),
    Column("record_id", ForeignKey("record.id"), primary_key=True, index=True),
    sqlite_with_rowid=False,
)

# The greatest key of a record of a project whose traits are stored, and of one whose words are (SQLite: see `words`).
indexed = Table(
    "indexed",
    metadata,
    Column("project_id", ForeignKey("project.id"), primary_key=True),
    Column("traits", Integer, nullable=False, default=0),
    Column("words", Integer, nullable=False, default=0),
)

# Records that triggers saw change, in their text or in what is said about them; the index takes them in and removes
# them here. A migration that rebuilds `record` or `arrival` has to make their triggers anew.
changed_record = Table(
    "changed_record",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("record_id", Integer, nullable=False, index=True),
    sqlite_autoincrement=True,
)

# Texts in lower case for a search: on PostgreSQL of every indexed record, on SQLite of those that changed.
searchable = Table(
    "searchable",
    metadata,
    Column("record_id", ForeignKey("record.id"), primary_key=True),
    Column("text", Text, nullable=False),
)

# A query that people come back to, with how its list is shown.
saved_view = Table(
    "saved_view",
    metadata,
    Column("project_id", ForeignKey("project.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("query", Text, nullable=False),
    Column("sort", Text, nullable=False),
    Column("columns", Json, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
)
