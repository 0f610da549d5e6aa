"""Near duplicates: each search, and which record stands for which."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def _fk(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}_{target.partition('.')[0]}"))


def _needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    op.create_table(
        "duplicate_search",
        _needed("id", sa.Integer()),
        _needed("project_id", sa.Integer()),
        _needed("kind", sa.Text()),
        _needed("keep", sa.Text()),
        _needed("least", sa.Float()),
        _needed("is_complete", sa.Boolean()),
        _needed("records", sa.Integer()),
        _needed("clusters", sa.Integer()),
        _needed("members", sa.Integer()),
        _needed("largest", sa.Integer()),
        _needed("actor", sa.Text()),
        _needed("at", _TIME),
        sa.Column("applied_by", sa.Text()),
        sa.Column("applied_at", _TIME),
        sa.Column("undone_by", sa.Text()),
        sa.Column("undone_at", _TIME),
        _fk("duplicate_search", "project_id", "project.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_search")),
    )
    op.create_index(op.f("ix_duplicate_search_project_id_kind_id"), "duplicate_search", ["project_id", "kind", "id"])
    op.create_table(
        "duplicate",
        _needed("search_id", sa.Integer()),
        _needed("record_id", sa.Integer()),
        _needed("text_hash", sa.LargeBinary(32)),
        _needed("kept_id", sa.Integer()),
        _needed("similarity", sa.Float()),
        sa.Column("other_similarity", sa.Float()),
        _needed("size", sa.Integer()),
        sa.Column("state_before", sa.Text()),
        _fk("duplicate", "search_id", "duplicate_search.id"),
        _fk("duplicate", "record_id", "record.id"),
        _fk("duplicate", "kept_id", "record.id"),
        sa.PrimaryKeyConstraint("search_id", "record_id", name=op.f("pk_duplicate")),
    )
    op.create_index(op.f("ix_duplicate_record_id"), "duplicate", ["record_id"])
    op.create_index(
        op.f("ix_duplicate_search_id_kept_id_record_id"), "duplicate", ["search_id", "kept_id", "record_id"]
    )
    op.create_index(op.f("ix_duplicate_search_id_size_record_id"), "duplicate", ["search_id", "size", "record_id"])


def downgrade() -> None:
    for table in ("duplicate", "duplicate_search"):
        op.drop_table(table)
