"""The index over contents becomes a stack of small ones, so that an import writes a few of its pages and not all."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("record", schema=None) as batch_op:
        batch_op.drop_constraint("uq_record_project_id_content_hash", type_="unique")
    op.execute(
        "CREATE UNIQUE INDEX uq_record_content ON record (project_id, (id / 65536), substr(content_hash, 1, 16))"
    )


def downgrade() -> None:
    op.drop_index("uq_record_content", "record")
    with op.batch_alter_table("record", schema=None) as batch_op:
        batch_op.create_unique_constraint("uq_record_project_id_content_hash", ["project_id", "content_hash"])
