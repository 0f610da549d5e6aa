"""Evidence: what reviewers said of outputs, and what was decided."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from curator.store.tables.columns import Json, UtcTime, metadata

# The outputs behind the opaque id of a pair.
review_pair = Table(
    "review_pair",
    metadata,
    Column("id", Text, primary_key=True),
    Column("system_id", ForeignKey("system.id"), nullable=False),
    Column("output_id", ForeignKey("output.id"), nullable=False),
    Column("other_id", ForeignKey("output.id")),
    UniqueConstraint("system_id", "output_id"),
)

# Plans, verdicts, withdrawals and decisions about one system, each sealed together with the one before it. Rows are
# only ever added; whatever is changed here shows when the chain is read again.
ledger = Table(
    "ledger",
    metadata,
    Column("system_id", ForeignKey("system.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("content", Text, nullable=False),  # JSON as it was sealed, byte for byte
    Column("seal", Text, nullable=False),
)

# What reviewers sent back to the data: the output it was about, and the record that it made or that is looked at again.
correction = Table(
    "correction",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("record_id", ForeignKey("record.id"), nullable=False),
    Column("output_id", ForeignKey("output.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    UniqueConstraint("record_id", "output_id", "kind"),
    CheckConstraint("kind in ('corrected', 'preference', 'taught')", name="kind"),
)

# Pairs that a reviewer skipped or passed on to another person.
set_aside = Table(
    "set_aside",
    metadata,
    Column("pair_id", ForeignKey("review_pair.id"), primary_key=True),
    Column("person", Text, primary_key=True),
    Column("escalated", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
)

# Hazards that a reviewer does not want to read about.
opt_out = Table(
    "opt_out",
    metadata,
    Column("person", Text, primary_key=True),
    Column("hazard", Text, primary_key=True),
)

# Covered texts that a reviewer uncovered; only they see the count.
exposure = Table(
    "exposure",
    metadata,
    Column("pair_id", ForeignKey("review_pair.id"), primary_key=True),
    Column("side", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Index(None, "person", "at"),
)

# Verdicts from before there were plans. They are kept and shown, and decide nothing.
verdict = Table(
    "verdict",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("output_id", ForeignKey("output.id"), nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("judgement", Json, nullable=False),
    Column("shown_as", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("superseded", Boolean, nullable=False, default=False),  # a reviewer's newer verdict on the same output won
    Index(None, "output_id", "superseded"),
)

# Which of two answers to one prompt a person prefers, names hidden. A newer vote on the same pair wins.
vote = Table(
    "vote",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("output_id", ForeignKey("output.id"), nullable=False),  # of the tuned model; the base's is its partner
    Column("voter", Text, nullable=False),
    Column("choice", Text, nullable=False),
    Column("shown_left", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("superseded", Boolean, nullable=False, default=False),
    CheckConstraint("choice in ('base', 'tuned', 'tie', 'both bad')", name="choice"),
    Index(None, "output_id", "superseded"),
)

decision = Table(
    "decision",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("system_id", ForeignKey("system.id"), nullable=False, index=True),
    Column("outcome", Text, nullable=False),
    Column("reasons", Json, nullable=False),
    Column("gates", Json, nullable=False),
    Column("plan", Text),
    Column("checkpoint", Text),
    Column("evidence", Text),
    Column("exemptions", Json, nullable=False),
    Column("intended_use", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
)
