"""What happened and what goes on: the log, its tallies, jobs and acts on many records."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Float, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from curator.store.tables.columns import Json, UtcTime, metadata

event = Table(
    "event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),  # id of the record, version, run, output ... that the event is about
    Column("old_hash", Text),
    Column("new_hash", Text),
    Column("detail", Json),
    Index(None, "subject", "id"),
    Index(None, "actor", "id"),  # undo asks for an annotator's newest act
)

# Totals that pages show at every redraw; kept in the transaction that changes them, so no page counts a million rows.
tally = Table(
    "tally",
    metadata,
    Column("project_id", ForeignKey("project.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("n", Integer, nullable=False, default=0),
)

# Work that goes on in the background. `cursor` and `done` change in the transaction of the chunk that they speak of.
job = Table(
    "job",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("parameters", Json, nullable=False),
    Column("project_id", ForeignKey("project.id")),
    Column("actor", Text, nullable=False),
    Column("key", Text),  # of jobs of which one at a time is enough
    Column("state", Text, nullable=False, default="queued"),
    Column("done", Integer, nullable=False, default=0),
    Column("total", Integer),
    Column("cursor", Json),
    Column("result", Json),
    Column("problem", Text),
    Column("hint", Text),
    Column("cancelled_by", Text),
    Column("host", Text),  # the machine, the process and the start of the process that work on it
    Column("process_id", Integer),
    Column("process_started", Float),
    Column("beat_at", UtcTime),  # last sign of life, for those who cannot see the process
    Column("queued_at", UtcTime, nullable=False),  # since when it waits for a process, or last did
    Column("attempts", Integer, nullable=False, default=0),  # processes that took it up since the last chunk
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("ended_at", UtcTime),
    CheckConstraint("state in ('queued', 'running', 'done', 'cancelled', 'failed')", name="state"),
    Index(
        "uq_job_key", "key", unique=True,
        sqlite_where=text("key is not null and state in ('queued', 'running')"),
        postgresql_where=text("key is not null and state in ('queued', 'running')"),
    ),
)  # fmt: skip

# One act of a lead on many records, chosen once and for all when they confirmed it.
act = Table(
    "act",
    metadata,
    Column("id", ForeignKey("job.id"), primary_key=True),  # the job that does it
    Column("project_id", ForeignKey("project.id"), nullable=False, index=True),
    Column("act", Json, nullable=False),
    Column("query", Text),
    Column("selection", LargeBinary, nullable=False),  # keys of the records, see `acts`
    Column("matched", Integer, nullable=False),
    Column("last_event", Integer, nullable=False),  # newest event and act when the records were chosen
    Column("last_act", Integer, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("undo_job_id", ForeignKey("job.id")),
    Column("undone_by", Text),
    Column("undone_at", UtcTime),
    Column("undone_event", Integer),  # the one that says so
)

# What an act did to each record, and what it was before: all that an undo needs.
act_row = Table(
    "act_row",
    metadata,
    Column("act_id", ForeignKey("act.id"), primary_key=True),
    Column("record_id", ForeignKey("record.id"), primary_key=True, index=True),
    Column("state", Text, nullable=False),
    Column("why", Text),  # a `LeftOut`, where the act or its undo left the record as it was
    Column("was", Text),  # its state before
    Column("before", Json),  # what else was otherwise before; null in the usual case
    Column("last_event", Integer, nullable=False),  # the newest one when the act changed it
    CheckConstraint("state in ('changed', 'left out', 'undone', 'kept')", name="state"),
    sqlite_with_rowid=False,
)
