"""A key that the sender makes for a comment or a doubt: one that arrives twice is stored once."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("comment", "doubt"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("key", sa.Text(), nullable=True))
            batch_op.create_unique_constraint(batch_op.f(f"uq_{table}_key"), ["key"])


def downgrade() -> None:
    for table in ("doubt", "comment"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(batch_op.f(f"uq_{table}_key"), type_="unique")
            batch_op.drop_column("key")
