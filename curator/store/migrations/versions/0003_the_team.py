"""What a team needs: versions of questions and guidelines, pools, gold records, suggestions, comments, doubts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("project", schema=None) as batch_op:
        batch_op.add_column(sa.Column("order", sa.Text(), nullable=False, server_default="priority"))
        batch_op.add_column(sa.Column("hidden_suggestions", sa.Float(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("gold_every", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("base_model", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("questions", _JSON, nullable=False, server_default="{}"))  # the built-in ones
    op.create_index(op.f("ix_record_project_id_id"), "record", ["project_id", "id"])
    with op.batch_alter_table("slot", schema=None) as batch_op:
        batch_op.add_column(sa.Column("audience", sa.Text(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("shuffle", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("claimed_at", _TIME, nullable=True))
        batch_op.add_column(sa.Column("active_seconds", sa.Float(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("seen_at", _TIME, nullable=True))
        batch_op.drop_index("ix_slot_project_id_state_priority_id")
        batch_op.create_index(
            batch_op.f("ix_slot_project_id_state_audience_priority_id"),
            ["project_id", "state", "audience", "priority", "id"],
        )
        batch_op.create_index(
            batch_op.f("ix_slot_project_id_state_audience_priority_shuffle"),
            ["project_id", "state", "audience", "priority", "shuffle"],
        )
    drawn = (
        "floor(random() * 2147483647)" if op.get_bind().dialect.name == "postgresql" else "abs(random() % 2147483647)"
    )
    op.execute(f"UPDATE slot SET shuffle = {drawn}")
    _count_days()
    with op.batch_alter_table("annotation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("questions_hash", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("guideline_hash", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("active_seconds", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("saw_suggestions", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("edited", sa.Boolean(), nullable=True))
    op.create_table(
        "wording",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content", _JSON, nullable=False),
        sa.Column("mappings", _JSON, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.CheckConstraint("kind in ('guideline', 'questions')", name=op.f("ck_wording_kind")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_wording_project_id")),
        sa.PrimaryKeyConstraint("project_id", "hash", name=op.f("pk_wording")),
    )
    op.create_table(
        "keymap",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("bindings", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_keymap")),
    )
    op.create_table(
        "pool",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_pool_project_id")),
        sa.PrimaryKeyConstraint("project_id", "name", "person", name=op.f("pk_pool")),
    )
    op.create_index(op.f("ix_pool_project_id_person"), "pool", ["project_id", "person"])
    op.create_table(
        "gold",
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("expected", _JSON, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_gold_project_id")),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], name=op.f("fk_gold_record_id")),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_gold")),
    )
    op.create_index(op.f("ix_gold_project_id"), "gold", ["project_id"])
    op.create_table(
        "suggestion",
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("value", _JSON, nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], name=op.f("fk_suggestion_record_id")),
        sa.PrimaryKeyConstraint("record_id", "question", "source", name=op.f("pk_suggestion")),
    )
    op.create_table(
        "comment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], name=op.f("fk_comment_record_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comment")),
    )
    op.create_index(op.f("ix_comment_record_id_id"), "comment", ["record_id", "id"])
    op.create_table(
        "doubt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("ruling", sa.Text(), nullable=True),
        sa.Column("ruled_by", sa.Text(), nullable=True),
        sa.Column("ruled_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_doubt_project_id")),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], name=op.f("fk_doubt_record_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_doubt")),
    )
    op.create_index(op.f("ix_doubt_record_id"), "doubt", ["record_id"])
    op.create_index(op.f("ix_doubt_project_id_ruled_at_id"), "doubt", ["project_id", "ruled_at", "id"])


def _count_days() -> None:
    """Answers per person and day, which pages now show as totals."""
    columns: list[sa.ColumnClause[object]] = [sa.column(name) for name in ("slot_id", "annotator", "undone")]
    answers = sa.table("annotation", *columns, sa.column("submitted_at", _TIME))
    slots = sa.table("slot", sa.column("id"), sa.column("project_id"))
    tally = sa.table("tally", sa.column("project_id"), sa.column("name"), sa.column("n"))
    counted: dict[tuple[int, str], int] = {}
    query = sa.select(slots.c.project_id, answers.c.annotator, answers.c.submitted_at)
    query = query.where(slots.c.id == answers.c.slot_id, answers.c.undone == sa.false())
    for project_id, annotator, at in op.get_bind().execute(query):
        key = (project_id, f"day:{at:%Y-%m-%d}:{annotator}")
        counted[key] = counted.get(key, 0) + 1
    if counted:
        op.bulk_insert(tally, [{"project_id": key[0], "name": key[1], "n": n} for key, n in counted.items()])


def downgrade() -> None:
    for table in ("doubt", "comment", "suggestion", "gold", "pool", "keymap", "wording"):
        op.drop_table(table)
    with op.batch_alter_table("annotation", schema=None) as batch_op:
        for name in ("questions_hash", "guideline_hash", "active_seconds", "saw_suggestions", "edited"):
            batch_op.drop_column(name)
    op.drop_index("ix_record_project_id_id", "record")
    with op.batch_alter_table("slot", schema=None) as batch_op:
        batch_op.drop_index("ix_slot_project_id_state_audience_priority_id")
        batch_op.drop_index("ix_slot_project_id_state_audience_priority_shuffle")
        for name in ("audience", "shuffle", "claimed_at", "active_seconds", "seen_at"):
            batch_op.drop_column(name)
        batch_op.create_index("ix_slot_project_id_state_priority_id", ["project_id", "state", "priority", "id"])
    with op.batch_alter_table("project", schema=None) as batch_op:
        for name in ("order", "hidden_suggestions", "gold_every", "base_model", "questions"):
            batch_op.drop_column(name)
