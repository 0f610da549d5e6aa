"""Facts that were counted about a text, and go when the text changes."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, Table, Text

from curator.store.tables.columns import Digest, Json, UtcTime, metadata

# How long a record's text is, and which rules were asked about it.
measure = Table(
    "measure",
    metadata,
    Column("record_id", ForeignKey("record.id"), primary_key=True),
    Column("text_hash", Digest, nullable=False),
    Column("messages", Integer, nullable=False),
    Column("characters", Integer, nullable=False),  # of all messages
    Column("response_characters", Integer, nullable=False),  # of the last response
    Column("tokens", Integer),  # of the conversation through the chat template of `tokenizer`
    Column("tokenizer", Text),
    Column("asked_id", ForeignKey("asked.id"), nullable=False),
)

# Rules that were asked together, each with its revision. Of one that is not in it there is no answer, not a clean one.
asked = Table(
    "asked",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("rules", Text, nullable=False, unique=True),  # a JSON object of revisions by name, sorted
)

# A rule hit a record, or failed on it. What it goes by is not kept: asking the rule about the text says it again.
rule_hit = Table(
    "rule_hit",
    metadata,
    Column("record_id", ForeignKey("record.id"), primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("revision", Text, nullable=False),
    Column("text_hash", Digest, nullable=False),
    Column("error", Text),  # null: a hit; else why there is no answer
    Index(None, "rule", "record_id"),
)

# What a lead chose for a rule in a project; without a row, what was measured for it decides.
rule_setting = Table(
    "rule_setting",
    metadata,
    Column("project_id", ForeignKey("project.id"), primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("is_on", Boolean, nullable=False),
    Column("level", Text, nullable=False),
)

# The newest profile of a project, as it was counted.
profile = Table(
    "profile",
    metadata,
    Column("project_id", ForeignKey("project.id"), primary_key=True),
    Column("content", Json, nullable=False),
    Column("at", UtcTime, nullable=False),
)

# Records that share terms. New topics stand beside those that pages show, and take their place in one step.
topic = Table(
    "topic",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("project.id"), nullable=False, index=True),
    Column("n", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("terms", Json, nullable=False),
    Column("examples", Json, nullable=False),  # ids of the records closest to its centre
    Column("is_shown", Boolean, nullable=False),
    Column("counted_at", UtcTime, nullable=False),
)

# The topic of a record: a fact about its text, as those above.
record_topic = Table(
    "record_topic",
    metadata,
    Column("topic_id", ForeignKey("topic.id"), primary_key=True),
    Column("record_id", ForeignKey("record.id"), primary_key=True, index=True),
    Column("text_hash", Digest, nullable=False),
)

# A search for near duplicates. Pages and filters show the newest of each kind that is complete.
duplicate_search = Table(
    "duplicate_search",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("project.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("keep", Text, nullable=False),
    Column("least", Float, nullable=False),
    Column("is_complete", Boolean, nullable=False, default=False),
    Column("records", Integer, nullable=False, default=0),
    Column("clusters", Integer, nullable=False, default=0),
    Column("members", Integer, nullable=False, default=0),
    Column("largest", Integer, nullable=False, default=0),
    Column("actor", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("applied_by", Text),
    Column("applied_at", UtcTime),
    Column("undone_by", Text),
    Column("undone_at", UtcTime),
    Index(None, "project_id", "kind", "id"),
)

# A record in a cluster, and the one that is kept for it: itself, or one whose near duplicate it is.
duplicate = Table(
    "duplicate",
    metadata,
    Column("search_id", ForeignKey("duplicate_search.id"), primary_key=True),
    Column("record_id", ForeignKey("record.id"), primary_key=True),
    Column("text_hash", Digest, nullable=False),
    Column("kept_id", ForeignKey("record.id"), nullable=False),
    Column("similarity", Float, nullable=False),
    Column("other_similarity", Float),
    Column("size", Integer, nullable=False),  # of a kept record: how many others are in its cluster; else 0
    Column("state_before", Text),  # of one that was set aside
    Index(None, "record_id"),
    Index(None, "search_id", "kept_id", "record_id"),
    Index(None, "search_id", "size", "record_id"),
)
