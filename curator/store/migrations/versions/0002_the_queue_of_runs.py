"""Runs wait in a queue and can be deleted; their settings count tokens, not records, per batch."""

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
    connection = op.get_bind()
    for run_id, config in connection.execute(sa.select(_RUN.c.id, _RUN.c.config)).all():
        kept = {name: value for name, value in config.items() if name != "records_per_batch"}
        connection.execute(sa.update(_RUN).where(_RUN.c.id == run_id).values(config=kept))


def downgrade() -> None:
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_column("promoted_at")
        batch_op.drop_column("deleted_at")
        batch_op.drop_column("launched_at")
