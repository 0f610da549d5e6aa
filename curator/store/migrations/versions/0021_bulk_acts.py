"""Acts on many records, what each record was before them, and what leads changed of a record since it came in."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def _fk(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def _needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    op.add_column("record", sa.Column("amended", _JSON))
    op.add_column("record", sa.Column("amended_hash", sa.LargeBinary(32)))
    op.create_table(
        "act",
        _needed("id", sa.Integer()),
        _needed("project_id", sa.Integer()),
        _needed("act", _JSON),
        sa.Column("query", sa.Text()),
        _needed("selection", sa.LargeBinary()),
        _needed("matched", sa.Integer()),
        _needed("last_event", sa.Integer()),
        _needed("last_act", sa.Integer()),
        _needed("actor", sa.Text()),
        _needed("at", _TIME),
        sa.Column("undo_job_id", sa.Integer()),
        sa.Column("undone_by", sa.Text()),
        sa.Column("undone_at", _TIME),
        sa.Column("undone_event", sa.Integer()),
        _fk("act", "project_id", "project.id"),
        _fk("act", "id", "job.id"),
        _fk("act", "undo_job_id", "job.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_act")),
    )
    op.create_index(op.f("ix_act_project_id"), "act", ["project_id"])
    op.create_table(
        "act_row",
        _needed("act_id", sa.Integer()),
        _needed("record_id", sa.Integer()),
        _needed("state", sa.Text()),
        sa.Column("why", sa.Text()),
        sa.Column("was", sa.Text()),
        sa.Column("before", _JSON),
        _needed("last_event", sa.Integer()),
        _fk("act_row", "act_id", "act.id"),
        _fk("act_row", "record_id", "record.id"),
        sa.PrimaryKeyConstraint("act_id", "record_id", name=op.f("pk_act_row")),
        sa.CheckConstraint("state in ('changed', 'left out', 'undone', 'kept')", name=op.f("ck_act_row_state")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_act_row_record_id"), "act_row", ["record_id"])


def downgrade() -> None:
    op.drop_table("act_row")
    op.drop_table("act")
    op.drop_column("record", "amended_hash")
    op.drop_column("record", "amended")
