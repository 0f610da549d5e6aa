"""Opening a database: its schema, its age, and what a second writer sees."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, select, text, update

from curator import Workspace, open_workspace
from curator.errors import NewerDatabaseError, StoreError
from curator.settings import Settings
from curator.store import projects, records, runs, tallies
from curator.store.engine import _alembic, migrate, open_engine, reading, sqlite_url, writing
from curator.store.tables import metadata, project
from tests.conftest import make_record

both_databases = pytest.mark.both_databases


@both_databases
def test_migrations_and_tables_describe_the_same_schema(workspace: Workspace) -> None:
    with workspace.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert differences == []


@both_databases
def test_a_database_of_a_newer_curator_is_refused_and_left_alone(
    workspace: Workspace, database_url: str | None
) -> None:
    with workspace.write() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(NewerDatabaseError, match="schema 9999"):
        open_workspace(workspace.folder, settings=Settings(database_url=database_url))
    with workspace.read() as connection:
        assert connection.execute(text("select version_num from alembic_version")).scalar_one() == "9999"


def test_a_folder_without_a_workspace_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="curator init"):
        open_workspace(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "curator.db").write_text("this is a shopping list, not a database " * 100)
    with pytest.raises(StoreError, match="cannot be"):
        open_workspace(tmp_path)


def test_an_unknown_kind_of_database_is_refused() -> None:
    with pytest.raises(StoreError, match="mysql"):
        open_engine("mysql://localhost/curator")


@both_databases
def test_nothing_is_stored_when_the_block_fails(workspace: Workspace) -> None:
    with pytest.raises(RuntimeError), workspace.write() as connection:
        projects.create(connection, "half", at=workspace.clock())
        raise RuntimeError("stopped half-way")
    with workspace.read() as connection:
        assert [each.name for each in projects.all_projects(connection)] == ["default"]


@both_databases
def test_a_reader_keeps_its_view_while_somebody_writes(workspace: Workspace) -> None:
    with workspace.read() as reader:
        before = reader.execute(select(project.c.guideline)).scalar_one()
        with workspace.write() as writer:
            writer.execute(update(project).values(guideline="changed"))
        assert reader.execute(select(project.c.guideline)).scalar_one() == before
    with workspace.read() as reader:
        assert reader.execute(select(project.c.guideline)).scalar_one() == "changed"


@both_databases
def test_times_come_back_in_utc(workspace: Workspace) -> None:
    now = workspace.clock()
    with workspace.write() as connection:
        projects.create(connection, "timed", at=now)
        stored = connection.execute(select(project.c.created_at).where(project.c.name == "timed")).scalar_one()
    assert stored == now
    assert stored.utcoffset().total_seconds() == 0


@both_databases
def test_a_workspace_of_the_first_schema_keeps_its_runs(tmp_path: Path, database_url: str | None) -> None:
    """Runs of that time counted records per batch; the setting is gone, the run and its result stay."""
    engine = open_engine(database_url or sqlite_url(tmp_path / "curator.db"))
    with writing(engine) as connection:
        command.downgrade(_alembic(connection), "base")  # the database of a test is migrated where it is PostgreSQL
        command.upgrade(_alembic(connection), "0001")
        connection.execute(text("insert into project values (1, 'p', '', 3, 1, '{}', '2026-01-01 00:00:00')"))
        connection.execute(
            text("insert into version values ('v', 1, null, 1, '{\"train\": 1}', '2026-01-01 00:00:00', 'me')")
        )
        connection.execute(
            text(
                "insert into run (id, version_id, config, state, created_at, created_by) values "
                "('r', 'v', :config, 'done', '2026-01-01 00:00:00', 'me')"
            ),
            {"config": '{"base": "b", "records_per_batch": 4, "seed": 7}'},
        )
    migrate(engine)
    with engine.connect() as connection:
        [kept] = runs.newest_first(connection)
    engine.dispose()
    assert (kept.id, kept.config.seed, kept.config.tokens_per_batch) == ("r", 7, None)


def test_a_database_that_another_process_keeps_locked_is_busy(workspace: Workspace) -> None:
    """Not for PostgreSQL, where writers lock rows and not the whole database."""
    hasty = open_engine(workspace.engine.url.render_as_string(), busy_seconds=0.02)
    other = sqlite3.connect(workspace.folder / "curator.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="was busy") as caught, writing(hasty):
        pass
    assert caught.value.problem == "The database was busy for more than 0.02 s."
    assert caught.value.hint == "Another process is writing a lot; wait for it to end and try again."
    with reading(hasty) as connection:
        assert projects.by_name(connection).name == "default"
    other.execute("ROLLBACK")
    other.close()
    with writing(hasty) as connection:
        projects.create(connection, "free again", at=workspace.clock())
    hasty.dispose()


def test_a_thread_that_keeps_the_lock_makes_the_others_of_its_process_wait_their_turn(workspace: Workspace) -> None:
    hasty = open_engine(workspace.engine.url.render_as_string(), busy_seconds=0.02)
    with writing(hasty), ThreadPoolExecutor(1) as pool:
        refused = pool.submit(lambda: writing(hasty).__enter__()).exception()
    assert isinstance(refused, StoreError)
    assert refused.problem == "The database was busy for more than 0.02 s."
    with writing(hasty) as connection:
        projects.create(connection, "free again", at=workspace.clock())
    hasty.dispose()


def test_a_full_disk_stores_nothing_and_says_so(workspace: Workspace) -> None:
    """Not for PostgreSQL, which cannot be given a small disk without a file system of its own."""

    def fill(connection: Connection) -> None:
        many = [make_record(f"Question {n}?", "A long answer. " * 100) for n in range(200)]
        records.add_many(connection, many, project=projects.by_name(connection), at=workspace.clock())

    with pytest.raises(StoreError, match="disk is full; nothing was stored") as caught, workspace.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 10}")
        fill(connection)
    assert caught.value.hint == "Free some space and try again."
    with workspace.write() as connection:
        assert records.page(connection, 1) == []
        assert tallies.totals(connection, 1) == {}
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
        fill(connection)
    with workspace.read() as connection:
        assert tallies.totals(connection, 1) == {"record:waiting": 200}
