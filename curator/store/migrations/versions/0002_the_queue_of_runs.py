"""Runs wait in a queue and can be deleted and promoted; their settings count tokens per batch; blind votes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_RUN = sa.table("run", sa.column("id", sa.Text()), sa.column("config", _JSON))


def upgrade() -> None:
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("launched_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("promoted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "vote",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("output_id", sa.Integer(), nullable=False),
        sa.Column("voter", sa.Text(), nullable=False),
        sa.Column("choice", sa.Text(), nullable=False),
        sa.Column("shown_left", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("superseded", sa.Boolean(), nullable=False),
        sa.CheckConstraint("choice in ('base', 'tuned', 'tie', 'both bad')", name=op.f("ck_vote_choice")),
        sa.ForeignKeyConstraint(["output_id"], ["output.id"], name=op.f("fk_vote_output_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vote")),
    )
    with op.batch_alter_table("vote", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_vote_output_id_superseded"), ["output_id", "superseded"], unique=False)
    connection = op.get_bind()
    for run_id, config in connection.execute(sa.select(_RUN.c.id, _RUN.c.config)).all():
        kept = {name: value for name, value in config.items() if name != "records_per_batch"}
        connection.execute(sa.update(_RUN).where(_RUN.c.id == run_id).values(config=kept))


def downgrade() -> None:
    op.drop_table("vote")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_column("promoted_at")
        batch_op.drop_column("deleted_at")
        batch_op.drop_column("launched_at")
