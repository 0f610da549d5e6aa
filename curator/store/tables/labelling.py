"""Labelling: what annotators are asked, what they hold, and what they said."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from curator.store.tables.columns import Json, UtcTime, metadata

# Every text of a guideline and every set of questions that annotators ever saw; answers name them by hash.
wording = Table(
    "wording",
    metadata,
    Column("project_id", ForeignKey("project.id"), primary_key=True),
    Column("hash", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("content", Json, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    CheckConstraint("kind in ('guideline', 'questions')", name="kind"),
)

# A group of people to whom records can be given.
pool = Table(
    "pool",
    metadata,
    Column("project_id", ForeignKey("project.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Index(None, "project_id", "person"),
)

# One row per review that a record needs. The holder is the only one who may answer it, until expires_at.
slot = Table(
    "slot",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("record_id", ForeignKey("record.id"), nullable=False),
    Column("project_id", ForeignKey("project.id"), nullable=False),
    Column("n", Integer, nullable=False),
    Column("state", Text, nullable=False, default="open"),
    Column("priority", Integer, nullable=False, default=0),
    Column("audience", Text, nullable=False, default=""),  # "" anybody, "person:NAME", "pool:NAME"
    Column("holder", Text),
    Column("claim_token", Text),
    Column("claimed_at", UtcTime),
    Column("active_seconds", Float, nullable=False, default=0),  # of the present claim, pauses left out
    Column("seen_at", UtcTime),  # last sign of life of the holder
    Column("expires_at", UtcTime),
    UniqueConstraint("record_id", "n"),
    CheckConstraint("state in ('open', 'held', 'done', 'withdrawn')", name="state"),
    Index(None, "project_id", "state", "audience", "priority", "id"),
    # Most slots were never held: indexes that leave them out keep an import of a million records from filling them.
    Index(
        "uq_slot_claim_token", "claim_token", unique=True,
        sqlite_where=text("claim_token is not null"), postgresql_where=text("claim_token is not null"),
    ),
    Index(
        "ix_slot_holder_state", "holder", "state",
        sqlite_where=text("holder is not null"), postgresql_where=text("holder is not null"),
    ),
)  # fmt: skip

annotation = Table(
    "annotation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("record_id", ForeignKey("record.id"), nullable=False, index=True),
    Column("slot_id", ForeignKey("slot.id"), nullable=False),
    Column("annotator", Text, nullable=False),
    Column("claim_token", Text, nullable=False, unique=True),  # a submit that arrives twice is stored once
    Column("answer", Json, nullable=False),
    Column("submitted_at", UtcTime, nullable=False),
    Column("undone", Boolean, nullable=False, default=False),
    Column("questions_hash", Text),
    Column("guideline_hash", Text),
    Column("active_seconds", Float),
    Column("saw_suggestions", Boolean),
    Column("edited", Boolean),  # the response differs from the record's; None for answers from before this was kept
    Index(None, "annotator", "id"),
)

# Records with a known right answer; every annotator gets one now and then, for calibration. They are never frozen.
gold = Table(
    "gold",
    metadata,
    Column("record_id", ForeignKey("record.id"), primary_key=True),
    Column("project_id", ForeignKey("project.id"), nullable=False, index=True),
    Column("expected", Json, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
)

suggestion = Table(
    "suggestion",
    metadata,
    Column("record_id", ForeignKey("record.id"), primary_key=True),
    Column("question", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("value", Json, nullable=False),
    Column("score", Float),
    Column("at", UtcTime, nullable=False),
)

comment = Table(
    "comment",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("record_id", ForeignKey("record.id"), nullable=False),
    Column("author", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("key", Text, unique=True),  # made by the sender: a comment that arrives twice is stored once
    Index(None, "record_id", "id"),
)

# "I am unsure, because ..." and what a lead ruled.
doubt = Table(
    "doubt",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("project.id"), nullable=False),
    Column("record_id", ForeignKey("record.id"), nullable=False, index=True),
    Column("author", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("ruling", Text),
    Column("ruled_by", Text),
    Column("ruled_at", UtcTime),
    Column("key", Text, unique=True),  # made by the sender, as a comment's
    Index(None, "project_id", "ruled_at", "id"),
)

# A skip is the annotator's own: the record goes to others and comes back to them only when asked for.
skip = Table(
    "skip",
    metadata,
    Column("record_id", ForeignKey("record.id"), primary_key=True),
    Column("annotator", Text, primary_key=True),
    Column("at", UtcTime, nullable=False),
)

draft = Table(
    "draft",
    metadata,
    Column("record_id", ForeignKey("record.id"), primary_key=True),
    Column("annotator", Text, primary_key=True),
    Column("answer", Json, nullable=False),
    Column("saved_at", UtcTime, nullable=False),
)
