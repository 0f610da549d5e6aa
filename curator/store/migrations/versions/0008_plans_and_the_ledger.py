"""Systems without a run, review plans and a sealed ledger of verdicts; decisions keep their reasons."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_TIME = sa.DateTime(timezone=True)
_RENAMED = {"found": "defects", "reviewed": "judged", "rate": "estimate", "base_found": "base_defects"}
_RENAMED |= {"base_reviewed": "base_judged"}


def upgrade() -> None:
    op.create_table(
        "system",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_system_project_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_system_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_system")),
        sa.UniqueConstraint("name", name=op.f("uq_system_name")),
    )
    op.execute(
        "INSERT INTO system (id, run_id, project_id, created_at, created_by) "
        "SELECT run.id, run.id, version.project_id, run.created_at, run.created_by "
        "FROM run JOIN version ON version.id = run.version_id"
    )
    with op.batch_alter_table("output", schema=None) as batch_op:
        batch_op.drop_constraint("fk_output_run_id", type_="foreignkey")
        batch_op.drop_constraint("uq_output_run_id_suite_id_position_model_sample", type_="unique")
        batch_op.alter_column("run_id", new_column_name="system_id", existing_type=sa.Text(), existing_nullable=False)
        batch_op.alter_column("tokens", existing_type=sa.Integer(), nullable=True)
        batch_op.alter_column("stopped", existing_type=sa.Boolean(), nullable=True)
        batch_op.alter_column("decoding", existing_type=_JSON, nullable=True)
    with op.batch_alter_table("output", schema=None) as batch_op:
        batch_op.create_foreign_key(batch_op.f("fk_output_system_id"), "system", ["system_id"], ["id"])
        batch_op.create_unique_constraint(
            batch_op.f("uq_output_system_id_suite_id_position_model_sample"),
            ["system_id", "suite_id", "position", "model", "sample"],
        )
    op.create_table(
        "review_pair",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("system_id", sa.Text(), nullable=False),
        sa.Column("output_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_review_pair_system_id")),
        sa.ForeignKeyConstraint(["output_id"], ["output.id"], name=op.f("fk_review_pair_output_id")),
        sa.ForeignKeyConstraint(["other_id"], ["output.id"], name=op.f("fk_review_pair_other_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_pair")),
        sa.UniqueConstraint("system_id", "output_id", name=op.f("uq_review_pair_system_id_output_id")),
    )
    op.create_table(
        "ledger",
        sa.Column("system_id", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("seal", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_ledger_system_id")),
        sa.PrimaryKeyConstraint("system_id", "n", name=op.f("pk_ledger")),
    )
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.drop_constraint("fk_decision_run_id", type_="foreignkey")
        batch_op.drop_index("ix_decision_run_id")
        batch_op.alter_column("run_id", new_column_name="system_id", existing_type=sa.Text(), existing_nullable=False)
        batch_op.add_column(sa.Column("reasons", _JSON, nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("plan", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("checkpoint", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("evidence", sa.Text(), nullable=True))
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.create_foreign_key(batch_op.f("fk_decision_system_id"), "system", ["system_id"], ["id"])
        batch_op.create_index(batch_op.f("ix_decision_system_id"), ["system_id"])
    _rename_in_gates(_RENAMED)


def downgrade() -> None:
    _rename_in_gates({new: old for old, new in _RENAMED.items()})
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.drop_constraint("fk_decision_system_id", type_="foreignkey")
        batch_op.drop_index("ix_decision_system_id")
        for name in ("reasons", "plan", "checkpoint", "evidence"):
            batch_op.drop_column(name)
        batch_op.alter_column("system_id", new_column_name="run_id", existing_type=sa.Text(), existing_nullable=False)
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.create_foreign_key(batch_op.f("fk_decision_run_id"), "run", ["run_id"], ["id"])
        batch_op.create_index(batch_op.f("ix_decision_run_id"), ["run_id"])
    op.drop_table("ledger")
    op.drop_table("review_pair")
    with op.batch_alter_table("output", schema=None) as batch_op:
        batch_op.drop_constraint("fk_output_system_id", type_="foreignkey")
        batch_op.drop_constraint("uq_output_system_id_suite_id_position_model_sample", type_="unique")
        batch_op.alter_column("system_id", new_column_name="run_id", existing_type=sa.Text(), existing_nullable=False)
    with op.batch_alter_table("output", schema=None) as batch_op:
        batch_op.create_foreign_key(batch_op.f("fk_output_run_id"), "run", ["run_id"], ["id"])
        batch_op.create_unique_constraint(
            batch_op.f("uq_output_run_id_suite_id_position_model_sample"),
            ["run_id", "suite_id", "position", "model", "sample"],
        )
    op.drop_table("system")


def _rename_in_gates(names: dict[str, str]) -> None:
    """Gates of old decisions say what was counted under the names that gates have now."""
    decision = sa.table("decision", sa.column("id", sa.Integer), sa.column("gates", _JSON))
    connection = op.get_bind()
    for row in connection.execute(sa.select(decision)).all():
        gates = [{names.get(key, key): value for key, value in gate.items()} for gate in row.gates]
        for gate in gates:
            if "judged" in gate:
                gate.setdefault("planned", gate["judged"])
            else:
                gate.pop("planned", None)
                gate.pop("category", None)
        connection.execute(decision.update().where(decision.c.id == row.id).values(gates=gates))
