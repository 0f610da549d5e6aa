"""What reviewers send back to the data has a table; so have skips, opt-outs and exposure of reviewers."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def _fk(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def _needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    op.create_table(
        "correction",
        _needed("id", sa.Integer()),
        _needed("record_id", sa.Integer()),
        _needed("output_id", sa.Integer()),
        _needed("kind", sa.Text()),
        _needed("reason", sa.Text()),
        _needed("actor", sa.Text()),
        _needed("at", _TIME),
        _fk("correction", "record_id", "record.id"),
        _fk("correction", "output_id", "output.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
        sa.UniqueConstraint("record_id", "output_id", "kind", name=op.f("uq_correction_record_id_output_id_kind")),
        sa.CheckConstraint("kind in ('corrected', 'preference', 'taught')", name=op.f("ck_correction_kind")),
    )
    op.create_index(op.f("ix_correction_output_id"), "correction", ["output_id"])
    op.execute(
        "INSERT INTO correction (record_id, output_id, kind, reason, actor, at) "
        "SELECT record.id, record.parent_output_id, 'corrected', '', event.actor, event.at FROM record "
        "JOIN event ON event.subject = CAST(record.id AS text) AND event.kind = 'feedback' "
        "WHERE record.parent_output_id IS NOT NULL"
    )
    op.create_table(
        "set_aside",
        _needed("pair_id", sa.Text()),
        _needed("person", sa.Text()),
        _needed("escalated", sa.Boolean()),
        _needed("note", sa.Text()),
        _needed("at", _TIME),
        _fk("set_aside", "pair_id", "review_pair.id"),
        sa.PrimaryKeyConstraint("pair_id", "person", name=op.f("pk_set_aside")),
    )
    op.create_table(
        "opt_out",
        _needed("person", sa.Text()),
        _needed("hazard", sa.Text()),
        sa.PrimaryKeyConstraint("person", "hazard", name=op.f("pk_opt_out")),
    )
    op.create_table(
        "exposure",
        _needed("pair_id", sa.Text()),
        _needed("side", sa.Text()),
        _needed("person", sa.Text()),
        _needed("at", _TIME),
        _fk("exposure", "pair_id", "review_pair.id"),
        sa.PrimaryKeyConstraint("pair_id", "side", "person", name=op.f("pk_exposure")),
    )
    op.create_index(op.f("ix_exposure_person_at"), "exposure", ["person", "at"])


def downgrade() -> None:
    for table in ("exposure", "opt_out", "set_aside", "correction"):
        op.drop_table(table)
