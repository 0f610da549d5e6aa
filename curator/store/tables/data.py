"""Data: projects, what came into them, and where each record stands."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Float, ForeignKey, Index, Integer, Table, Text, text

from curator.store.tables.columns import ROW_ID_BYTES, RUN, Digest, Json, RecordKey, UtcTime, metadata

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
    Column("questions", Json, nullable=False),  # as they are asked now; earlier ones stand in `wording`
    Column("gates", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

import_batch = Table(
    "import_batch",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("project.id"), nullable=False),
    Column("file_name", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("settings", Json, nullable=False),  # field map, CSV header, whether rows were taken as reviewed
    Column("read", Integer, nullable=False, default=0),
    Column("imported", Integer, nullable=False, default=0),
    Column("quarantined", Integer, nullable=False, default=0),
    Column("duplicates", Integer, nullable=False, default=0),
    Column("finished", Boolean, nullable=False, default=False),
    Column("actor", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("undone_by", Text),
    Column("undone_at", UtcTime),
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
    Column("id", RecordKey, primary_key=True),
    Column("project_id", ForeignKey("project.id"), nullable=False),
    Column("batch_id", ForeignKey("import_batch.id")),
    Column("content_hash", Digest, nullable=False),  # as it came in
    Column("prompt_hash", Digest, nullable=False),
    Column("part_id", ForeignKey("part.id")),
    Column("part_row", Integer),
    Column("content", Json),  # the Record as it came in, where it has no part; never updated
    Column("final", Json),  # the accepted Record, where it differs from what came in
    Column("final_hash", Digest),  # of its content; null where `final` is
    Column("amended", Json),  # an `Amendment`: what leads changed of what came in, where they did
    Column("amended_hash", Digest),  # of the content as amended; null where no text was
    Column("state", Text, nullable=False, default="waiting"),
    Column("priority", Integer, nullable=False, default=0),
    Column("parent_output_id", ForeignKey("output.id")),  # set when a reviewer's verdict made this record
    Column("deleted_at", UtcTime),
    Column("created_at", UtcTime),  # that of its import where there is one
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
    Column("content", Json),
    CheckConstraint("(content is null) <> (part_id is null)", name="place"),
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
    Column("ended_at", UtcTime),
    Column("closed_by", ForeignKey("import_batch.id")),  # the later import of the same file with which it came in
    Index(None, "batch_id", "line"),
)
