"""Work that goes on in the background has a table."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
_IS_ALIVE = sa.text("key is not null and state in ('queued', 'running')")


def _needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    op.create_table(
        "job",
        _needed("id", sa.Integer()),
        _needed("kind", sa.Text()),
        _needed("parameters", _JSON),
        sa.Column("project_id", sa.Integer()),
        _needed("actor", sa.Text()),
        sa.Column("key", sa.Text()),
        _needed("state", sa.Text()),
        _needed("done", sa.Integer()),
        sa.Column("total", sa.Integer()),
        sa.Column("cursor", _JSON),
        sa.Column("result", _JSON),
        sa.Column("problem", sa.Text()),
        sa.Column("hint", sa.Text()),
        sa.Column("cancelled_by", sa.Text()),
        sa.Column("host", sa.Text()),
        sa.Column("process_id", sa.Integer()),
        sa.Column("process_started", sa.Float()),
        sa.Column("beat_at", _TIME),
        _needed("queued_at", _TIME),
        _needed("attempts", sa.Integer()),
        _needed("created_at", _TIME),
        sa.Column("started_at", _TIME),
        sa.Column("ended_at", _TIME),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_job_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.CheckConstraint("state in ('queued', 'running', 'done', 'cancelled', 'failed')", name=op.f("ck_job_state")),
    )
    op.create_index("uq_job_key", "job", ["key"], unique=True, sqlite_where=_IS_ALIVE, postgresql_where=_IS_ALIVE)


def downgrade() -> None:
    op.drop_table("job")
