"""Opening a database: its schema, its age, and what a second writer sees."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, select, text, update

from curator import Workspace, open_workspace
from curator.annotate import answers, queue
from curator.errors import NewerDatabaseError, StoreError
from curator.settings import Settings
from curator.store import projects, runs
from curator.store.engine import open_engine, reading, sqlite_url, writing
from curator.store.schema import NEWEST, configuration, migrate
from curator.store.tables import metadata, project
from schemas.annotation import Answer


def test_the_newest_migration_is_the_one_that_is_named() -> None:
    assert ScriptDirectory.from_config(configuration()).get_current_head() == NEWEST


def test_migrations_and_tables_describe_the_same_schema(workspace: Workspace) -> None:
    with workspace.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert [each for each in differences if getattr(each[1], "name", None) not in _ONLY_WITH_AN_EXTENSION] == []


_ONLY_WITH_AN_EXTENSION = ("ix_searchable_text",)
"""Indexes of PostgreSQL that no table can promise."""


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


def test_nothing_is_stored_when_the_block_fails(workspace: Workspace) -> None:
    with pytest.raises(RuntimeError), workspace.write() as connection:
        projects.create(connection, "half", at=workspace.clock())
        raise RuntimeError("stopped half-way")
    with workspace.read() as connection:
        assert [each.name for each in projects.all_projects(connection)] == ["default"]


def test_a_reader_keeps_its_view_while_somebody_writes(workspace: Workspace) -> None:
    with workspace.read() as reader:
        before = reader.execute(select(project.c.guideline)).scalar_one()
        with workspace.write() as writer:
            writer.execute(update(project).values(guideline="changed"))
        assert reader.execute(select(project.c.guideline)).scalar_one() == before
    with workspace.read() as reader:
        assert reader.execute(select(project.c.guideline)).scalar_one() == "changed"


def test_times_come_back_in_utc(workspace: Workspace) -> None:
    now = workspace.clock()
    with workspace.write() as connection:
        projects.create(connection, "timed", at=now)
        stored = connection.execute(select(project.c.created_at).where(project.c.name == "timed")).scalar_one()
    assert stored == now
    assert stored.utcoffset().total_seconds() == 0


def test_a_workspace_of_the_first_schema_keeps_its_runs(tmp_path: Path) -> None:
    """Runs of that time counted records per batch; the setting is gone, the run and its result stay."""
    engine = open_engine(sqlite_url(tmp_path / "curator.db"))
    with writing(engine) as connection:
        command.upgrade(configuration(connection), "0001")
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
    assert (kept.id, kept.config.seed, kept.config.tokens_per_batch) == ("r", 7, None)


@pytest.mark.sqlite
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


@pytest.mark.sqlite
def test_a_thread_that_keeps_the_lock_makes_the_others_of_its_process_wait_their_turn(workspace: Workspace) -> None:
    hasty = open_engine(workspace.engine.url.render_as_string(), busy_seconds=0.02)
    with writing(hasty), ThreadPoolExecutor(1) as pool:
        refused = pool.submit(lambda: writing(hasty).__enter__()).exception()
    assert isinstance(refused, StoreError)
    assert refused.problem == "The database was busy for more than 0.02 s."
    with writing(hasty) as connection:
        projects.create(connection, "free again", at=workspace.clock())
    hasty.dispose()


@pytest.mark.sqlite
def test_a_full_disk_stores_nothing_of_a_submit_and_says_so(stocked: Workspace) -> None:
    task = queue.next_task(stocked, "ada", project_id=1)
    size = Path(stocked.folder / "curator.db").stat().st_size

    def fill_up(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # SQLite takes the present size: not a page more

    event.listen(stocked.engine, "connect", fill_up)
    stocked.engine.dispose()
    long = Answer(response="word " * 50_000, rating=4)
    with pytest.raises(StoreError, match="disk is full; nothing was stored"):
        answers.submit(stocked, task.claim, long, annotator="ada")
    event.remove(stocked.engine, "connect", fill_up)
    stocked.engine.dispose()
    assert queue.next_task(stocked, "ada", project_id=1).claim == task.claim
    assert answers.submit(stocked, task.claim, long, annotator="ada").answer == long
    assert Path(stocked.folder / "curator.db").stat().st_size >= size


def test_an_emptied_database_is_refused_and_not_opened_as_a_new_one(
    workspace: Workspace, database_url: str | None
) -> None:
    workspace.close()
    if database_url is None:
        for name in ("curator.db", "curator.db-wal", "curator.db-shm"):
            (workspace.folder / name).unlink(missing_ok=True)
        (workspace.folder / "curator.db").touch()
    else:
        with workspace.engine.begin() as connection:
            connection.execute(text("drop schema public cascade"))
            connection.execute(text("create schema public"))
    for create in (False, True):
        with pytest.raises(StoreError, match="is empty") as refused:
            open_workspace(workspace.folder, create=create, settings=Settings(database_url=database_url))
        assert "backup" in refused.value.hint
    (workspace.records_folder / "1.parquet").write_bytes(b"texts")
    (workspace.folder / "runs").rmdir()  # what is left says still that there was a database
    with pytest.raises(StoreError, match="is empty"):
        open_workspace(workspace.folder, create=True, settings=Settings(database_url=database_url))


@pytest.mark.sqlite
@pytest.mark.parametrize("left", ["all", "records", "secret.key"])
def test_a_workspace_without_its_database_is_refused_and_not_begun_anew(workspace: Workspace, left: str) -> None:
    workspace.close()
    (workspace.records_folder / "1.parquet").write_bytes(b"texts")
    (workspace.folder / "secret.key").write_bytes(b"key")
    for file in workspace.folder.glob("curator.db*"):
        file.unlink()
    for other in workspace.folder.iterdir():
        if left not in ("all", other.name):
            shutil.rmtree(other) if other.is_dir() else other.unlink()
    for create in (False, True):
        with pytest.raises(StoreError, match="is missing, although its workspace was used") as refused:
            open_workspace(workspace.folder, create=create)
        assert "curator restore" in refused.value.hint
    assert not (workspace.folder / "curator.db").exists()


def test_a_new_workspace_is_private_and_leaves_nothing_half_made(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "mine", create=True)
    for folder in (workspace.folder, *(each for each in workspace.folder.iterdir() if each.is_dir())):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with workspace.write() as connection:
        projects.create(connection, "second", at=workspace.clock())
    for name in ("curator.db", "curator.db-wal", "search.db"):
        assert stat.S_IMODE((workspace.folder / name).stat().st_mode) == 0o600
    workspace.close()
    of_the_index = {"search.db-shm", "search.db-wal"}  # who only reads it cannot remove them
    assert {each.name for each in workspace.folder.iterdir()} - of_the_index == {
        "curator.db",
        "search.db",
        "records",
        "versions",
        "runs",
        "backups",
    }
