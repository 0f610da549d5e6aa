"""Records with integer keys and hashes as bytes, their texts in files; slots without random places.

Texts of records that are there already stay in the database. Ids that were random text become keys in the order in
which the records came; the old id is kept, since links and details of the log say it.
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_TIME = sa.DateTime(timezone=True)
_AT_A_TIME = 1_000


def _fk(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def _pk(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    is_postgres = op.get_bind().dialect.name == "postgresql"
    _number(is_postgres)
    for name in ("annotation", "draft", "skip", "gold", "suggestion", "comment", "doubt", "slot"):
        op.execute(f"CREATE TABLE old_{name} AS SELECT * FROM {name}")
        op.drop_table(name)
    _set_aside_records(is_postgres)
    _create_records()
    _copy_records()
    _create_others()
    for name, columns in _OTHERS.items():
        listed = ", ".join(columns)
        op.execute(
            f"INSERT INTO {name} (record_id, {listed}) "
            f"SELECT record_number.new_id, {listed} FROM old_{name} "
            f"JOIN record_number ON record_number.old_id = old_{name}.record_id"
        )
        op.drop_table(f"old_{name}")
    op.execute(
        "UPDATE event SET subject = (SELECT cast(new_id AS text) FROM record_number WHERE old_id = event.subject) "
        "WHERE subject IN (SELECT old_id FROM record_number)"
    )
    op.drop_table("old_record")
    op.drop_table("record_number")
    if is_postgres:
        for name in ("record", "slot", "annotation", "comment", "doubt"):
            op.execute(
                f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), coalesce(max(id), 0) + 1, false) FROM {name}"
            )


def _number(is_postgres: bool) -> None:
    """Give every record a key, in the order in which they came."""
    line = "(content->'origin'->>'line')::integer" if is_postgres else "json_extract(content, '$.origin.line')"
    op.execute(
        "CREATE TABLE record_number AS "
        f"SELECT row_number() OVER (ORDER BY created_at, batch_id, {line}, id) AS new_id, id AS old_id FROM record"
    )
    op.create_index("ix_record_number_old_id", "record_number", ["old_id"], unique=True)


def _set_aside_records(is_postgres: bool) -> None:
    for name in ("project_id_state_id", "project_id_id", "prompt_hash"):
        op.drop_index(f"ix_record_{name}", "record")
    if is_postgres:
        constraints = sa.inspect(op.get_bind())
        names: list[str | None] = [constraints.get_pk_constraint("record")["name"]]
        names += [each["name"] for each in constraints.get_unique_constraints("record")]
        names += [each["name"] for each in constraints.get_foreign_keys("record")]
        for constraint in names:
            op.execute(f'ALTER TABLE record DROP CONSTRAINT "{constraint}"')
    op.rename_table("record", "old_record")


def _create_records() -> None:
    op.create_table(
        "part",
        _needed("id", sa.Integer()),
        _needed("batch_id", sa.Integer()),
        _needed("name", sa.Text()),
        _needed("rows", sa.Integer()),
        _needed("sha256", sa.Text()),
        _fk("part", "batch_id", "import_batch.id"),
        _pk("part", "id"),
        sa.UniqueConstraint("name", name=op.f("uq_part_name")),
    )
    op.create_index(op.f("ix_part_batch_id"), "part", ["batch_id"])
    op.create_table(
        "record",
        _needed("id", sa.Integer()),
        _needed("project_id", sa.Integer()),
        sa.Column("batch_id", sa.Integer()),
        _needed("content_hash", sa.LargeBinary(32)),
        _needed("prompt_hash", sa.LargeBinary(32)),
        sa.Column("part_id", sa.Integer()),
        sa.Column("part_row", sa.Integer()),
        sa.Column("content", _JSON),
        sa.Column("final", _JSON),
        _needed("state", sa.Text()),
        _needed("priority", sa.Integer()),
        sa.Column("parent_output_id", sa.Integer()),
        sa.Column("deleted_at", _TIME),
        sa.Column("created_at", _TIME),
        sa.Column("former_id", sa.Text()),
        sa.CheckConstraint("(content is null) <> (part_id is null)", name=op.f("ck_record_place")),
        _fk("record", "project_id", "project.id"),
        _fk("record", "batch_id", "import_batch.id"),
        _fk("record", "part_id", "part.id"),
        _fk("record", "parent_output_id", "output.id"),
        _pk("record", "id"),
        sa.UniqueConstraint("project_id", "content_hash", name=op.f("uq_record_project_id_content_hash")),
    )
    op.create_index(op.f("ix_record_project_id_state_id"), "record", ["project_id", "state", "id"])
    op.create_index(op.f("ix_record_project_id_id"), "record", ["project_id", "id"])
    _create_partial_index("ix_record_former_id", "record", ["former_id"], "former_id is not null", unique=True)
    op.create_table(
        "arrival",
        _needed("id", sa.Integer()),
        _needed("record_id", sa.Integer()),
        sa.Column("batch_id", sa.Integer()),
        sa.Column("part_id", sa.Integer()),
        sa.Column("part_row", sa.Integer()),
        sa.Column("content", _JSON),
        sa.CheckConstraint("(content is null) <> (part_id is null)", name=op.f("ck_arrival_place")),
        _fk("arrival", "record_id", "record.id"),
        _fk("arrival", "batch_id", "import_batch.id"),
        _fk("arrival", "part_id", "part.id"),
        _pk("arrival", "id"),
    )
    op.create_index(op.f("ix_arrival_record_id"), "arrival", ["record_id"])
    op.create_index(op.f("ix_arrival_batch_id"), "arrival", ["batch_id"])


def _create_partial_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def _copy_records() -> None:
    """Hashes become bytes; an accepted text that nobody changed is stored once."""
    same = ("project_id", "batch_id", "state", "priority", "parent_output_id", "deleted_at", "created_at")
    kinds: dict[str, Any] = {"deleted_at": _TIME, "created_at": _TIME, "content": _JSON, "final": _JSON}
    columns = [
        sa.column(name, kinds.get(name)) for name in (*same, "id", "content_hash", "prompt_hash", *list(kinds)[2:])
    ]
    old = sa.table("old_record", *columns)
    number = sa.table("record_number", sa.column("new_id"), sa.column("old_id"))
    new = sa.table(
        "record",
        *(sa.column(name, kinds.get(name)) for name in same),
        sa.column("id"), sa.column("former_id"), sa.column("content_hash"), sa.column("prompt_hash"),
        sa.column("content", _JSON), sa.column("final", _JSON),
    )  # fmt: skip
    bind = op.get_bind()
    last = 0
    while True:
        query = sa.select(old, number.c.new_id).join(number, number.c.old_id == old.c.id).where(number.c.new_id > last)
        rows = bind.execute(query.order_by(number.c.new_id).limit(_AT_A_TIME)).mappings().all()
        if not rows:
            return
        bind.execute(new.insert(), [_lean(row, same) for row in rows])
        last = rows[-1]["new_id"]


def _lean(row: Any, same: tuple[str, ...]) -> dict[str, Any]:
    is_unchanged = row["state"] == "accepted" and json.dumps(row["final"], sort_keys=True) == json.dumps(
        row["content"], sort_keys=True
    )
    return {name: row[name] for name in same} | {
        "id": row["new_id"],
        "former_id": row["id"],
        "content_hash": bytes.fromhex(row["content_hash"]),
        "prompt_hash": bytes.fromhex(row["prompt_hash"]),
        "content": row["content"],
        "final": None if is_unchanged else row["final"],
    }


_OTHERS: dict[str, tuple[str, ...]] = {
    "slot": ("id", "project_id", "n", "state", "priority", "audience", "holder", "claim_token", "claimed_at",
             "active_seconds", "seen_at", "expires_at"),
    "annotation": ("id", "slot_id", "annotator", "claim_token", "answer", "submitted_at", "undone", "questions_hash",
                   "guideline_hash", "active_seconds", "saw_suggestions", "edited"),
    "gold": ("project_id", "expected", "actor", "at"),
    "suggestion": ("question", "source", "value", "score", "at"),
    "comment": ("id", "author", "text", "at", "key"),
    "doubt": ("id", "project_id", "author", "question", "at", "ruling", "ruled_by", "ruled_at", "key"),
    "skip": ("annotator", "at"),
    "draft": ("annotator", "answer", "saved_at"),
}  # fmt: skip
"""Columns beside the record's key; slots before the answers that refer to them."""


def _create_others() -> None:
    op.create_table(
        "slot",
        _needed("id", sa.Integer()),
        _needed("record_id", sa.Integer()),
        _needed("project_id", sa.Integer()),
        _needed("n", sa.Integer()),
        _needed("state", sa.Text()),
        _needed("priority", sa.Integer()),
        _needed("audience", sa.Text()),
        sa.Column("holder", sa.Text()),
        sa.Column("claim_token", sa.Text()),
        sa.Column("claimed_at", _TIME),
        _needed("active_seconds", sa.Float()),
        sa.Column("seen_at", _TIME),
        sa.Column("expires_at", _TIME),
        sa.CheckConstraint("state in ('open', 'held', 'done', 'withdrawn')", name=op.f("ck_slot_state")),
        _fk("slot", "record_id", "record.id"),
        _fk("slot", "project_id", "project.id"),
        _pk("slot", "id"),
        sa.UniqueConstraint("record_id", "n", name=op.f("uq_slot_record_id_n")),
    )
    order = ["project_id", "state", "audience", "priority", "id"]
    op.create_index(op.f("ix_slot_project_id_state_audience_priority_id"), "slot", order)
    _create_partial_index("uq_slot_claim_token", "slot", ["claim_token"], "claim_token is not null", unique=True)
    _create_partial_index("ix_slot_holder_state", "slot", ["holder", "state"], "holder is not null")
    op.create_table(
        "annotation",
        _needed("id", sa.Integer()),
        _needed("record_id", sa.Integer()),
        _needed("slot_id", sa.Integer()),
        _needed("annotator", sa.Text()),
        _needed("claim_token", sa.Text()),
        _needed("answer", _JSON),
        _needed("submitted_at", _TIME),
        _needed("undone", sa.Boolean()),
        sa.Column("questions_hash", sa.Text()),
        sa.Column("guideline_hash", sa.Text()),
        sa.Column("active_seconds", sa.Float()),
        sa.Column("saw_suggestions", sa.Boolean()),
        sa.Column("edited", sa.Boolean()),
        _fk("annotation", "record_id", "record.id"),
        _fk("annotation", "slot_id", "slot.id"),
        _pk("annotation", "id"),
        sa.UniqueConstraint("claim_token", name=op.f("uq_annotation_claim_token")),
    )
    op.create_index(op.f("ix_annotation_record_id"), "annotation", ["record_id"])
    op.create_index(op.f("ix_annotation_annotator_id"), "annotation", ["annotator", "id"])
    op.create_table(
        "gold",
        _needed("record_id", sa.Integer()),
        _needed("project_id", sa.Integer()),
        _needed("expected", _JSON),
        _needed("actor", sa.Text()),
        _needed("at", _TIME),
        _fk("gold", "record_id", "record.id"),
        _fk("gold", "project_id", "project.id"),
        _pk("gold", "record_id"),
    )
    op.create_index(op.f("ix_gold_project_id"), "gold", ["project_id"])
    op.create_table(
        "suggestion",
        _needed("record_id", sa.Integer()),
        _needed("question", sa.Text()),
        _needed("source", sa.Text()),
        _needed("value", _JSON),
        sa.Column("score", sa.Float()),
        _needed("at", _TIME),
        _fk("suggestion", "record_id", "record.id"),
        _pk("suggestion", "record_id", "question", "source"),
    )
    op.create_table(
        "comment",
        _needed("id", sa.Integer()),
        _needed("record_id", sa.Integer()),
        _needed("author", sa.Text()),
        _needed("text", sa.Text()),
        _needed("at", _TIME),
        sa.Column("key", sa.Text()),
        _fk("comment", "record_id", "record.id"),
        _pk("comment", "id"),
        sa.UniqueConstraint("key", name=op.f("uq_comment_key")),
    )
    op.create_index(op.f("ix_comment_record_id_id"), "comment", ["record_id", "id"])
    op.create_table(
        "doubt",
        _needed("id", sa.Integer()),
        _needed("project_id", sa.Integer()),
        _needed("record_id", sa.Integer()),
        _needed("author", sa.Text()),
        _needed("question", sa.Text()),
        _needed("at", _TIME),
        sa.Column("ruling", sa.Text()),
        sa.Column("ruled_by", sa.Text()),
        sa.Column("ruled_at", _TIME),
        sa.Column("key", sa.Text()),
        _fk("doubt", "project_id", "project.id"),
        _fk("doubt", "record_id", "record.id"),
        _pk("doubt", "id"),
        sa.UniqueConstraint("key", name=op.f("uq_doubt_key")),
    )
    op.create_index(op.f("ix_doubt_record_id"), "doubt", ["record_id"])
    op.create_index(op.f("ix_doubt_project_id_ruled_at_id"), "doubt", ["project_id", "ruled_at", "id"])
    op.create_table(
        "skip",
        _needed("record_id", sa.Integer()),
        _needed("annotator", sa.Text()),
        _needed("at", _TIME),
        _fk("skip", "record_id", "record.id"),
        _pk("skip", "record_id", "annotator"),
    )
    op.create_table(
        "draft",
        _needed("record_id", sa.Integer()),
        _needed("annotator", sa.Text()),
        _needed("answer", _JSON),
        _needed("saved_at", _TIME),
        _fk("draft", "record_id", "record.id"),
        _pk("draft", "record_id", "annotator"),
    )


def downgrade() -> None:
    raise NotImplementedError("Texts are in files that an earlier release cannot read; restore a backup instead.")
