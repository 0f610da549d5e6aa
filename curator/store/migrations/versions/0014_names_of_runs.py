"""Runs have a name and a note; base models stand on a list, at first those that runs and projects used already."""

import json
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "base_model",
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("added_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("folder", name=op.f("pk_base_model")),
        sa.UniqueConstraint("name", name=op.f("uq_base_model_name")),
    )
    op.add_column("run", sa.Column("note", sa.Text(), nullable=False, server_default=""))
    op.add_column("run", sa.Column("name", sa.Text()))
    _fill()
    with op.batch_alter_table("run") as batch_op:
        batch_op.alter_column("name", existing_type=sa.Text(), nullable=False)


def _fill() -> None:
    """Name the runs as new ones are named, and list the folders that they started from."""
    bind = op.get_bind()
    run = sa.table("run", sa.column("id"), sa.column("name"), sa.column("deleted_at", _TIME))
    query = sa.text(
        "SELECT run.id, run.config, run.created_by, run.created_at, run.deleted_at, "
        "version.name AS version, version.created_at AS frozen_at "
        "FROM run JOIN version ON version.id = run.version_id ORDER BY run.created_at, run.id"
    ).columns(config=_JSON, created_at=_TIME, frozen_at=_TIME, deleted_at=_TIME)
    taken: set[str] = set()
    bases = _Bases()
    for row in bind.execute(query).mappings().all():
        config: dict[str, Any] = row["config"] if isinstance(row["config"], dict) else json.loads(row["config"])
        base = str(config["base"])
        bases.add(base, row["created_by"], row["created_at"])
        version = row["version"] or f"Version of {row['frozen_at']:%Y-%m-%d %H:%M}"
        method = config.get("method", "full")
        name = _free(f"{version} on {bases.names.get(base, Path(base).name)}, {method}", taken)
        if row["deleted_at"] is None:
            taken.add(name)
        bind.execute(run.update().where(run.c.id == row["id"]).values(name=name))
    projects = sa.text("SELECT base_model, created_at FROM project WHERE base_model IS NOT NULL")
    for row in bind.execute(projects.columns(created_at=_TIME)).mappings().all():
        bases.add(row["base_model"], "curator", row["created_at"])
    if bases.rows:
        listed = sa.table(
            "base_model", sa.column("folder"), sa.column("name"), sa.column("added_by"), sa.column("added_at", _TIME)
        )
        bind.execute(listed.insert(), bases.rows)


class _Bases:
    """Folders that were used, each with a name of its own. The sample model comes with Curator and is left out."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.rows: list[dict[str, Any]] = []

    def add(self, folder: str, actor: str, at: Any) -> None:
        if folder in self.names or not Path(folder).is_absolute():
            return
        is_sample = Path(folder).parts[-2:] == ("sample_data", "base_model")
        self.names[folder] = "sample model" if is_sample else _free(Path(folder).name, set(self.names.values()))
        if not is_sample:
            self.rows.append({"folder": folder, "name": self.names[folder], "added_by": actor, "added_at": at})


def _free(name: str, taken: set[str]) -> str:
    n, numbered = 1, name
    while numbered in taken:
        n += 1
        numbered = f"{name} ({n})"
    return numbered


def downgrade() -> None:
    with op.batch_alter_table("run") as batch_op:
        for name in ("name", "note"):
            batch_op.drop_column(name)
    op.drop_table("base_model")
