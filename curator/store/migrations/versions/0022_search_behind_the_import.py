"""What is said about records and their words go into an index behind the import; triggers say which ones changed."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

_SQLITE = (
    """CREATE TRIGGER record_changed AFTER UPDATE OF final, amended, part_id, part_row ON record
WHEN old.final IS NOT new.final OR old.amended IS NOT new.amended
    OR old.part_id IS NOT new.part_id OR old.part_row IS NOT new.part_row
BEGIN INSERT INTO changed_record (record_id) VALUES (new.id); END""",
    """CREATE TRIGGER arrival_came AFTER INSERT ON arrival
BEGIN INSERT INTO changed_record (record_id) VALUES (new.record_id); END""",
    """CREATE TRIGGER arrival_went AFTER DELETE ON arrival
BEGIN INSERT INTO changed_record (record_id) VALUES (old.record_id); END""",
)
_POSTGRES = (
    """CREATE FUNCTION note_changed_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO changed_record (record_id) VALUES (new.id); RETURN NULL; END $$""",
    """CREATE FUNCTION note_changed_arrival() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changed_record (record_id)
    VALUES (CASE WHEN TG_OP = 'DELETE' THEN old.record_id ELSE new.record_id END);
    RETURN NULL;
END $$""",
    """CREATE TRIGGER record_changed AFTER UPDATE OF final, amended, part_id, part_row ON record FOR EACH ROW
WHEN (old.final IS DISTINCT FROM new.final OR old.amended IS DISTINCT FROM new.amended
    OR old.part_id IS DISTINCT FROM new.part_id OR old.part_row IS DISTINCT FROM new.part_row)
EXECUTE FUNCTION note_changed_record()""",
    """CREATE TRIGGER arrival_changed AFTER INSERT OR DELETE ON arrival FOR EACH ROW
EXECUTE FUNCTION note_changed_arrival()""",
)


def _fk(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}_{target.partition('.')[0]}"))


def _pk(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    op.create_table(
        "trait",
        _needed("id", sa.Integer()),
        _needed("project_id", sa.Integer()),
        _needed("field", sa.Text()),
        _needed("value", sa.Text()),
        _fk("trait", "project_id", "project.id"),
        _pk("trait", "id"),
        sa.UniqueConstraint("project_id", "field", "value", name=op.f("uq_trait_project_id_field_value")),
    )
    op.create_table(
        "record_trait",
        _needed("trait_id", sa.Integer()),
        _needed("record_id", sa.Integer()),
        _fk("record_trait", "trait_id", "trait.id"),
        _fk("record_trait", "record_id", "record.id"),
        _pk("record_trait", "trait_id", "record_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_record_trait_record_id"), "record_trait", ["record_id"])
    op.create_table(
        "indexed",
        _needed("project_id", sa.Integer()),
        _needed("traits", sa.Integer()),
        _needed("words", sa.Integer()),
        _fk("indexed", "project_id", "project.id"),
        _pk("indexed", "project_id"),
    )
    op.create_table(
        "changed_record",
        _needed("id", sa.Integer()),
        _needed("record_id", sa.Integer()),
        _pk("changed_record", "id"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_changed_record_record_id"), "changed_record", ["record_id"])
    op.create_table(
        "searchable",
        _needed("record_id", sa.Integer()),
        _needed("text", sa.Text()),
        _fk("searchable", "record_id", "record.id"),
        _pk("searchable", "record_id"),
    )
    op.create_table(
        "saved_view",
        _needed("project_id", sa.Integer()),
        _needed("name", sa.Text()),
        _needed("query", sa.Text()),
        _needed("sort", sa.Text()),
        _needed("columns", _JSON),
        _needed("actor", sa.Text()),
        _needed("at", sa.DateTime(timezone=True)),
        _fk("saved_view", "project_id", "project.id"),
        _pk("saved_view", "project_id", "name"),
    )
    connection = op.get_bind()
    is_postgres = connection.dialect.name == "postgresql"
    for statement in _POSTGRES if is_postgres else _SQLITE:
        op.execute(statement)
    if is_postgres:
        _index_trigrams(connection)


def _index_trigrams(connection: sa.Connection) -> None:
    """Where the extension is there, which the owner of a database may turn on; without it texts are read in order."""
    try:
        with connection.begin_nested():
            connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
            connection.execute(sa.text("CREATE INDEX ix_searchable_text ON searchable USING gin (text gin_trgm_ops)"))
    except sa.exc.DBAPIError:
        return


def downgrade() -> None:
    is_postgres = op.get_bind().dialect.name == "postgresql"
    for trigger, table in (("record_changed", "record"), ("arrival_changed", "arrival")) if is_postgres else ():
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
    for trigger in () if is_postgres else ("record_changed", "arrival_came", "arrival_went"):
        op.execute(f"DROP TRIGGER {trigger}")
    for function in ("note_changed_record", "note_changed_arrival") if is_postgres else ():
        op.execute(f"DROP FUNCTION {function}")
    for table in ("saved_view", "searchable", "changed_record", "indexed", "record_trait", "trait"):
        op.drop_table(table)
