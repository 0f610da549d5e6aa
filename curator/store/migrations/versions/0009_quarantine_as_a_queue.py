"""A row in quarantine ends in a way that is known, with who ended it and why; an import can be undone."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    for name, kind in (("reason", sa.Text()), ("actor", sa.Text()), ("ended_at", _TIME)):
        op.add_column("quarantine", sa.Column(name, kind))
    for name, kind in (("undone_by", sa.Text()), ("undone_at", _TIME)):
        op.add_column("import_batch", sa.Column(name, kind))


def downgrade() -> None:
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        for name in ("reason", "actor", "ended_at"):
            batch_op.drop_column(name)
    with op.batch_alter_table("import_batch", schema=None) as batch_op:
        for name in ("undone_by", "undone_at"):
            batch_op.drop_column(name)
