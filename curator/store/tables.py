"""Tables of the live state, the same on SQLite and PostgreSQL.

Frozen rows are not here: they live in Parquet. Times are UTC, stored with their zone. Ids that leave the database
are random text; ids that only join tables are integers.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
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


class _UtcTime(TypeDecorator[datetime]):
    """A time in UTC. SQLite drops the zone when it stores a time, so it is put back when one is read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a time needs its zone")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class _RecordKey(TypeDecorator[str]):
    """The key of a record: an integer here, opaque text everywhere else. Text that is no key names no record."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: str | int | None, dialect: Dialect) -> int | None:
        if value is None or isinstance(value, int):
            return value
        return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0

    def process_result_value(self, value: int | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)


class _Digest(TypeDecorator[str]):
    """A sha256: 32 bytes here, 64 hex digits everywhere else."""

    impl = LargeBinary(32)
    cache_ok = True

    def process_bind_param(self, value: str | bytes | None, dialect: Dialect) -> bytes | None:
        return bytes.fromhex(value) if isinstance(value, str) else value

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return None if value is None else bytes(value).hex()


ROW_ID_BYTES = 16
"""A content is known by the first 128 bits of its hash: its row id."""
RUN = 65_536
"""Records whose keys differ only below this are a run, for which the index over contents is apart (see `contents`)."""

_Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

project = Table(
    "project",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("guideline", Text, nullable=False, default=""),
    Column("min_rating", Integer, nullable=False, default=3),
    Column("reviews_required", Integer, nullable=False, default=1),
    Column("order", Text, nullable=False, default="priority"),
    Column("hidden_suggestions", Float, nullable=False, default=0),
    Column("gold_every", Integer, nullable=False, default=0),
    Column("base_model", Text),  # folder of the model whose tokens the labelling screen shows
    Column("questions", _Json, nullable=False),  # as they are asked now; earlier ones stand in `wording`
    Column("gates", _Json, nullable=False),
    Column("created_at", _UtcTime, nullable=False),
)

person = Table(
    "person",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False, default="annotator"),
    Column("created_at", _UtcTime, nullable=False),
    Column("password_hash", Text),
    Column("disabled_at", _UtcTime),
)

# One-time links that make an account or change a password. Of every secret only a hash is stored.
invite = Table(
    "invite",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("name", Text),
    Column("expires_at", _UtcTime, nullable=False),
    Column("used_at", _UtcTime),
    Column("created_by", Text, nullable=False),
    CheckConstraint("purpose in ('setup', 'invite', 'reset')", name="purpose"),
)

login_session = Table(
    "login_session",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("person", ForeignKey("person.name"), nullable=False, index=True),
    Column("created_at", _UtcTime, nullable=False),
    Column("seen_at", _UtcTime, nullable=False),
    Column("expires_at", _UtcTime, nullable=False),
)

login_failure = Table(
    "login_failure",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("at", _UtcTime, nullable=False),
    Index(None, "name", "at"),
    Index(None, "address", "at"),
)

# Keys of the labelling screen that an annotator chose.
keymap = Table(
    "keymap",
    metadata,
    Column("person", Text, primary_key=True),
    Column("bindings", _Json, nullable=False),
)

import_batch = Table(
    "import_batch",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("project.id"), nullable=False),
    Column("file_name", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("settings", _Json, nullable=False),  # field map, CSV header, whether rows were taken as reviewed
    Column("read", Integer, nullable=False, default=0),
    Column("imported", Integer, nullable=False, default=0),
    Column("quarantined", Integer, nullable=False, default=0),
    Column("duplicates", Integer, nullable=False, default=0),
    Column("finished", Boolean, nullable=False, default=False),
    Column("actor", Text, nullable=False),
    Column("created_at", _UtcTime, nullable=False),
    Column("undone_by", Text),
    Column("undone_at", _UtcTime),
)

# A file of texts in `records/`, written whole by an import and never changed.
part = Table(
    "part",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("batch_id", ForeignKey("import_batch.id"), nullable=False, index=True),
    Column("name", Text, nullable=False, unique=True),
    Column("rows", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
)

# Where a record stands; its texts are in a part, or in `content` where it did not come with a file of many.
record = Table(
    "record",
    metadata,
    Column("id", _RecordKey, primary_key=True),
    Column("project_id", ForeignKey("project.id"), nullable=False),
    Column("batch_id", ForeignKey("import_batch.id")),
    Column("content_hash", _Digest, nullable=False),  # as it came in
    Column("prompt_hash", _Digest, nullable=False),
    Column("part_id", ForeignKey("part.id")),
    Column("part_row", Integer),
    Column("content", _Json),  # the Record as it came in, where it has no part; never updated
    Column("final", _Json),  # the accepted Record, where it differs from what came in
    Column("final_hash", _Digest),  # of its content; null where `final` is
    Column("amended", _Json),  # an `Amendment`: what leads changed of what came in, where they did
    Column("amended_hash", _Digest),  # of the content as amended; null where no text was
    Column("state", Text, nullable=False, default="waiting"),
    Column("priority", Integer, nullable=False, default=0),
    Column("parent_output_id", ForeignKey("output.id")),  # set when a reviewer's verdict made this record
    Column("deleted_at", _UtcTime),
    Column("created_at", _UtcTime),  # that of its import where there is one
    Column("former_id", Text),  # id that it had in releases which drew them at random; the log and links still say it
    CheckConstraint("(content is null) <> (part_id is null)", name="place"),
    Index(
        "uq_record_content", "project_id", text(f"(id / {RUN})"), text(f"substr(content_hash, 1, {ROW_ID_BYTES})"),
        unique=True,
    ),
    Index(None, "project_id", "state", "id"),
    Index(None, "project_id", "id"),  # without it SQLite sorts all records of a project for one page of them
    Index(
        "ix_record_former_id", "former_id", unique=True,
        sqlite_where=text("former_id is not null"), postgresql_where=text("former_id is not null"),
    ),
)  # fmt: skip

# The same content came again: what was said about it there, in a row of a part or as JSON.
arrival = Table(
    "arrival",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("record_id", ForeignKey("record.id"), nullable=False, index=True),
    Column("batch_id", ForeignKey("import_batch.id"), index=True),
    Column("part_id", ForeignKey("part.id")),
    Column("part_row", Integer),
    Column("content", _Json),
    CheckConstraint("(content is null) <> (part_id is null)", name="place"),
)

# Facts below are counted on a text and carry its hash. They are true of a record only while that is the hash of its
# text as it stands: join them with `facts.is_current`.

# How long a record's text is, and which rules were asked about it.
measure = Table(
    "measure",
    metadata,
    Column("record_id", ForeignKey("record.id"), primary_key=True),
    Column("text_hash", _Digest, nullable=False),
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
    Column("text_hash", _Digest, nullable=False),
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
    Column("content", _Json, nullable=False),
    Column("at", _UtcTime, nullable=False),
)

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
    Column("columns", _Json, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", _UtcTime, nullable=False),
)

# Records that share terms. New topics stand beside those that pages show, and take their place in one step.
topic = Table(
    "topic",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("project.id"), nullable=False, index=True),
    Column("n", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("terms", _Json, nullable=False),
    Column("examples", _Json, nullable=False),  # ids of the records closest to its centre
    Column("is_shown", Boolean, nullable=False),
    Column("counted_at", _UtcTime, nullable=False),
)

# The topic of a record: a fact about its text, as those above.
record_topic = Table(
    "record_topic",
    metadata,
    Column("topic_id", ForeignKey("topic.id"), primary_key=True),
    Column("record_id", ForeignKey("record.id"), primary_key=True, index=True),
    Column("text_hash", _Digest, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("batch_id", ForeignKey("import_batch.id"), nullable=False),
    Column("line", Integer, nullable=False),
    Column("field", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("is_whole", Boolean, nullable=False),  # whether the text is the row word for word
    Column("state", Text, nullable=False, default="open"),  # a `RowState`
    Column("reason", Text),  # why it was discarded or closed
    Column("actor", Text),  # who ended it
    Column("ended_at", _UtcTime),
    Column("closed_by", ForeignKey("import_batch.id")),  # the later import of the same file with which it came in
    Index(None, "batch_id", "line"),
)

# Every text of a guideline and every set of questions that annotators ever saw; answers name them by hash.
wording = Table(
    "wording",
    metadata,
    Column("project_id", ForeignKey("project.id"), primary_key=True),
    Column("hash", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("content", _Json, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", _UtcTime, nullable=False),
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
    Column("claimed_at", _UtcTime),
    Column("active_seconds", Float, nullable=False, default=0),  # of the present claim, pauses left out
    Column("seen_at", _UtcTime),  # last sign of life of the holder
    Column("expires_at", _UtcTime),
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
    Column("answer", _Json, nullable=False),
    Column("submitted_at", _UtcTime, nullable=False),
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
    Column("expected", _Json, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", _UtcTime, nullable=False),
)

suggestion = Table(
    "suggestion",
    metadata,
    Column("record_id", ForeignKey("record.id"), primary_key=True),
    Column("question", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("value", _Json, nullable=False),
    Column("score", Float),
    Column("at", _UtcTime, nullable=False),
)

comment = Table(
    "comment",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("record_id", ForeignKey("record.id"), nullable=False),
    Column("author", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", _UtcTime, nullable=False),
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
    Column("at", _UtcTime, nullable=False),
    Column("ruling", Text),
    Column("ruled_by", Text),
    Column("ruled_at", _UtcTime),
    Column("key", Text, unique=True),  # made by the sender, as a comment's
    Index(None, "project_id", "ruled_at", "id"),
)

# A skip is the annotator's own: the record goes to others and comes back to them only when asked for.
skip = Table(
    "skip",
    metadata,
    Column("record_id", ForeignKey("record.id"), primary_key=True),
    Column("annotator", Text, primary_key=True),
    Column("at", _UtcTime, nullable=False),
)

draft = Table(
    "draft",
    metadata,
    Column("record_id", ForeignKey("record.id"), primary_key=True),
    Column("annotator", Text, primary_key=True),
    Column("answer", _Json, nullable=False),
    Column("saved_at", _UtcTime, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", _UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),  # id of the record, version, run, output ... that the event is about
    Column("old_hash", Text),
    Column("new_hash", Text),
    Column("detail", _Json),
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
    Column("parameters", _Json, nullable=False),
    Column("project_id", ForeignKey("project.id")),
    Column("actor", Text, nullable=False),
    Column("key", Text),  # of jobs of which one at a time is enough
    Column("state", Text, nullable=False, default="queued"),
    Column("done", Integer, nullable=False, default=0),
    Column("total", Integer),
    Column("cursor", _Json),
    Column("result", _Json),
    Column("problem", Text),
    Column("hint", Text),
    Column("cancelled_by", Text),
    Column("host", Text),  # the machine, the process and the start of the process that work on it
    Column("process_id", Integer),
    Column("process_started", Float),
    Column("beat_at", _UtcTime),  # last sign of life, for those who cannot see the process
    Column("queued_at", _UtcTime, nullable=False),  # since when it waits for a process, or last did
    Column("attempts", Integer, nullable=False, default=0),  # processes that took it up since the last chunk
    Column("created_at", _UtcTime, nullable=False),
    Column("started_at", _UtcTime),
    Column("ended_at", _UtcTime),
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
    Column("act", _Json, nullable=False),
    Column("query", Text),
    Column("selection", LargeBinary, nullable=False),  # keys of the records, see `acts`
    Column("matched", Integer, nullable=False),
    Column("last_event", Integer, nullable=False),  # newest event and act when the records were chosen
    Column("last_act", Integer, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", _UtcTime, nullable=False),
    Column("undo_job_id", ForeignKey("job.id")),
    Column("undone_by", Text),
    Column("undone_at", _UtcTime),
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
    Column("before", _Json),  # what else was otherwise before; null in the usual case
    Column("last_event", Integer, nullable=False),  # the newest one when the act changed it
    CheckConstraint("state in ('changed', 'left out', 'undone', 'kept')", name="state"),
    sqlite_with_rowid=False,
)

version = Table(
    "version",
    metadata,
    Column("id", Text, primary_key=True),
    Column("project_id", ForeignKey("project.id"), nullable=False),
    Column("name", Text, unique=True),
    Column("rows", Integer, nullable=False),
    Column("splits", _Json, nullable=False),
    Column("created_at", _UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("version_id", ForeignKey("version.id"), nullable=False),
    Column("config", _Json, nullable=False),
    Column("state", Text, nullable=False),
    Column("steps_planned", Integer),
    Column("reason", Text),
    Column("result", _Json),
    Column("process_id", Integer),
    Column("process_started", Float),  # start time of that process: a process id alone may be used again
    Column("created_at", _UtcTime, nullable=False),
    Column("started_at", _UtcTime),
    Column("launched_at", _UtcTime),  # a process was started for it; it has not reported yet while started_at is older
    Column("ended_at", _UtcTime),
    Column("deleted_at", _UtcTime),
    Column("promoted_at", _UtcTime),
    Column("created_by", Text, nullable=False),
)

base_model = Table(
    "base_model",
    metadata,
    Column("folder", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("added_by", Text, nullable=False),
    Column("added_at", _UtcTime, nullable=False),
)

suite = Table(
    "suite",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("purpose", Text, nullable=False),
    Column("created_at", _UtcTime, nullable=False),
    CheckConstraint("purpose in ('gate', 'explore')", name="purpose"),
)

suite_prompt = Table(
    "suite_prompt",
    metadata,
    Column("suite_id", ForeignKey("suite.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("prompt_hash", Text, nullable=False, index=True),  # the firewall between suites and training asks for it
    Column("content", _Json, nullable=False),
)

# What can be reviewed: the models of a run (then its id is that of the run), or a system that was not trained here.
system = Table(
    "system",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, unique=True),
    Column("run_id", ForeignKey("run.id")),
    Column("project_id", ForeignKey("project.id"), nullable=False),
    Column("created_at", _UtcTime, nullable=False),
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
    Column("decoding", _Json),
    Column("turns", _Json),  # of a conversation: everything after the prompt; `text` is what the model said in it
    Column("created_at", _UtcTime, nullable=False),
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
    Column("evidence", _Json),
    Column("created_at", _UtcTime, nullable=False),
    UniqueConstraint("output_id", "detector", "version"),
    CheckConstraint("status in ('ok', 'abstain', 'error')", name="status"),
)

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
    Column("at", _UtcTime, nullable=False),
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
    Column("at", _UtcTime, nullable=False),
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
    Column("at", _UtcTime, nullable=False),
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
    Column("at", _UtcTime, nullable=False),
    Index(None, "person", "at"),
)

# Verdicts from before there were plans. They are kept and shown, and decide nothing.
verdict = Table(
    "verdict",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("output_id", ForeignKey("output.id"), nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("judgement", _Json, nullable=False),
    Column("shown_as", Text, nullable=False),
    Column("at", _UtcTime, nullable=False),
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
    Column("at", _UtcTime, nullable=False),
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
    Column("reasons", _Json, nullable=False),
    Column("gates", _Json, nullable=False),
    Column("plan", Text),
    Column("checkpoint", Text),
    Column("evidence", Text),
    Column("exemptions", _Json, nullable=False),
    Column("intended_use", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("at", _UtcTime, nullable=False),
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
    Column("at", _UtcTime, nullable=False),
    Column("applied_by", Text),
    Column("applied_at", _UtcTime),
    Column("undone_by", Text),
    Column("undone_at", _UtcTime),
    Index(None, "project_id", "kind", "id"),
)

# A record in a cluster, and the one that is kept for it: itself, or one whose near duplicate it is.
duplicate = Table(
    "duplicate",
    metadata,
    Column("search_id", ForeignKey("duplicate_search.id"), primary_key=True),
    Column("record_id", ForeignKey("record.id"), primary_key=True),
    Column("text_hash", _Digest, nullable=False),
    Column("kept_id", ForeignKey("record.id"), nullable=False),
    Column("similarity", Float, nullable=False),
    Column("other_similarity", Float),
    Column("size", Integer, nullable=False),  # of a kept record: how many others are in its cluster; else 0
    Column("state_before", Text),  # of one that was set aside
    Index(None, "record_id"),
    Index(None, "search_id", "kept_id", "record_id"),
    Index(None, "search_id", "size", "record_id"),
)
