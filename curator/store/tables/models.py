"""Models: versions and runs, what they are asked, and what they answered."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Float, ForeignKey, Integer, Table, Text, UniqueConstraint

from curator.store.tables.columns import Json, UtcTime, metadata

version = Table(
    "version",
    metadata,
    Column("id", Text, primary_key=True),
    Column("project_id", ForeignKey("project.id"), nullable=False),
    Column("name", Text, unique=True),
    Column("rows", Integer, nullable=False),
    Column("splits", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("version_id", ForeignKey("version.id"), nullable=False),
    Column("config", Json, nullable=False),
    Column("state", Text, nullable=False),
    Column("steps_planned", Integer),
    Column("reason", Text),
    Column("result", Json),
    Column("process_id", Integer),
    Column("process_started", Float),  # start time of that process: a process id alone may be used again
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("launched_at", UtcTime),  # a process was started for it; it has not reported yet while started_at is older
    Column("ended_at", UtcTime),
    Column("deleted_at", UtcTime),
    Column("promoted_at", UtcTime),
    Column("created_by", Text, nullable=False),
)

base_model = Table(
    "base_model",
    metadata,
    Column("folder", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("added_by", Text, nullable=False),
    Column("added_at", UtcTime, nullable=False),
)

suite = Table(
    "suite",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("purpose", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    CheckConstraint("purpose in ('gate', 'explore')", name="purpose"),
)

suite_prompt = Table(
    "suite_prompt",
    metadata,
    Column("suite_id", ForeignKey("suite.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("prompt_hash", Text, nullable=False, index=True),  # the firewall between suites and training asks for it
    Column("content", Json, nullable=False),
)

# What can be reviewed: the models of a run (then its id is that of the run), or a system that was not trained here.
system = Table(
    "system",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, unique=True),
    Column("run_id", ForeignKey("run.id")),
    Column("project_id", ForeignKey("project.id"), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
)

output = Table(
    "output",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("system_id", ForeignKey("system.id"), nullable=False),
    Column("suite_id", ForeignKey("suite.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("model", Text, nullable=False),
    Column("sample", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("tokens", Integer),  # this and the next two are unknown for outputs from elsewhere
    Column("stopped", Boolean),
    Column("decoding", Json),
    Column("turns", Json),  # of a conversation: everything after the prompt; `text` is what the model said in it
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("system_id", "suite_id", "position", "model", "sample"),
)

finding = Table(
    "finding",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("output_id", ForeignKey("output.id"), nullable=False),
    Column("detector", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("flag", Boolean),
    Column("score", Float),
    Column("reason", Text, nullable=False, default=""),
    Column("evidence", Json),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("output_id", "detector", "version"),
    CheckConstraint("status in ('ok', 'abstain', 'error')", name="status"),
)
