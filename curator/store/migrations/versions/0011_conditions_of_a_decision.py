"""A decision says under which exemptions it was made, and for which use."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.add_column(sa.Column("exemptions", _JSON, nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("intended_use", sa.Text(), nullable=False, server_default=""))
