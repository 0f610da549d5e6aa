"""A row in quarantine says whether its text is the row word for word, and which import closed it."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_whole", sa.Boolean(), nullable=False, server_default=sa.true()))
        batch_op.add_column(sa.Column("closed_by", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_quarantine_closed_by_import_batch"), "import_batch", ["closed_by"], ["id"]
        )
        batch_op.drop_index(batch_op.f("ix_quarantine_batch_id"))
        batch_op.create_index(batch_op.f("ix_quarantine_batch_id_line"), ["batch_id", "line"])
    op.execute(
        "UPDATE quarantine SET is_whole = false WHERE rule IN "
        "('not-utf8', 'unstorable-text', 'row-too-long', 'too-many-fields', 'cut-off')"
    )
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.alter_column("is_whole", server_default=None)
