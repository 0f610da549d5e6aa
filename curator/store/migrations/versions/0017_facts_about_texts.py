"""Facts that are counted on the text of a record are stored: lengths, which rules were asked, and what they hit."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from curator.quality.fingerprint import content_hash
from schemas.record import Record

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_AT_A_TIME = 1_000


def _fk(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def _pk(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    op.add_column("record", sa.Column("final_hash", sa.LargeBinary(32)))
    _hash_what_was_accepted()
    op.create_table(
        "asked",
        _needed("id", sa.Integer()),
        _needed("rules", sa.Text()),
        _pk("asked", "id"),
        sa.UniqueConstraint("rules", name=op.f("uq_asked_rules")),
    )
    op.create_table(
        "measure",
        _needed("record_id", sa.Integer()),
        _needed("text_hash", sa.LargeBinary(32)),
        _needed("messages", sa.Integer()),
        _needed("characters", sa.Integer()),
        _needed("response_characters", sa.Integer()),
        sa.Column("tokens", sa.Integer()),
        sa.Column("tokenizer", sa.Text()),
        _needed("asked_id", sa.Integer()),
        _fk("measure", "record_id", "record.id"),
        _fk("measure", "asked_id", "asked.id"),
        _pk("measure", "record_id"),
    )
    op.create_table(
        "rule_hit",
        _needed("record_id", sa.Integer()),
        _needed("rule", sa.Text()),
        _needed("revision", sa.Text()),
        _needed("text_hash", sa.LargeBinary(32)),
        sa.Column("error", sa.Text()),
        _fk("rule_hit", "record_id", "record.id"),
        _pk("rule_hit", "record_id", "rule"),
    )
    op.create_index(op.f("ix_rule_hit_rule_record_id"), "rule_hit", ["rule", "record_id"])
    op.create_table(
        "rule_setting",
        _needed("project_id", sa.Integer()),
        _needed("rule", sa.Text()),
        _needed("is_on", sa.Boolean()),
        _needed("level", sa.Text()),
        _fk("rule_setting", "project_id", "project.id"),
        _pk("rule_setting", "project_id", "rule"),
    )
    op.create_table(
        "profile",
        _needed("project_id", sa.Integer()),
        _needed("content", _JSON),
        _needed("at", sa.DateTime(timezone=True)),
        _fk("profile", "project_id", "project.id"),
        _pk("profile", "project_id"),
    )


def _hash_what_was_accepted() -> None:
    """Of records that people edited, which are few beside those that came in."""
    connection = op.get_bind()
    record = sa.table(
        "record", sa.column("id", sa.Integer), sa.column("final", _JSON), sa.column("final_hash", sa.LargeBinary)
    )
    last = 0
    while True:
        query = sa.select(record.c.id, record.c.final).where(record.c.final.is_not(None), record.c.id > last)
        rows = connection.execute(query.order_by(record.c.id).limit(_AT_A_TIME)).all()
        for row in rows:
            digest = bytes.fromhex(content_hash(Record.model_validate(row.final)))
            connection.execute(record.update().where(record.c.id == row.id).values(final_hash=digest))
        if not rows:
            return
        last = rows[-1].id


def downgrade() -> None:
    for table in ("profile", "rule_setting", "rule_hit", "measure", "asked"):
        op.drop_table(table)
    op.drop_column("record", "final_hash")
