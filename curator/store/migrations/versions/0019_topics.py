"""Topics of records, and which record has which."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def _fk(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}_{target.partition('.')[0]}"))


def _needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    op.create_table(
        "topic",
        _needed("id", sa.Integer()),
        _needed("project_id", sa.Integer()),
        _needed("n", sa.Integer()),
        _needed("name", sa.Text()),
        _needed("terms", _JSON),
        _needed("examples", _JSON),
        _needed("is_shown", sa.Boolean()),
        _needed("counted_at", sa.DateTime(timezone=True)),
        _fk("topic", "project_id", "project.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topic")),
    )
    op.create_index(op.f("ix_topic_project_id"), "topic", ["project_id"])
    op.create_table(
        "record_topic",
        _needed("topic_id", sa.Integer()),
        _needed("record_id", sa.Integer()),
        _needed("text_hash", sa.LargeBinary(32)),
        _fk("record_topic", "topic_id", "topic.id"),
        _fk("record_topic", "record_id", "record.id"),
        sa.PrimaryKeyConstraint("topic_id", "record_id", name=op.f("pk_record_topic")),
    )
    op.create_index(op.f("ix_record_topic_record_id"), "record_topic", ["record_id"])


def downgrade() -> None:
    for table in ("record_topic", "topic"):
        op.drop_table(table)
