"""What several do in the same moment: SQLite lets one writer in, PostgreSQL has to be told what excludes what."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import TypeVar

import pytest
from sqlalchemy import text

from curator import Workspace, open_workspace
from curator.settings import Settings
from curator.store import Connection, annotations, projects, records, runs, skips, versions
from curator.store.engine import open_engine, writing
from schemas.annotation import Answer
from schemas.run import TrainConfig
from schemas.version import Split, Version
from tests.conftest import make_record

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MANY = 5
Result = TypeVar("Result")


def at_once(workspace: Workspace, act: Callable[[Connection, int], Result]) -> list[Result]:
    """What several threads got that began a transaction together."""
    together = Barrier(MANY)

    def begin(n: int) -> Result:
        with workspace.read():  # the connection is made before, or its making would draw the threads apart
            together.wait()
        with workspace.write() as connection:
            return act(connection, n)

    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(begin, range(MANY)))


def test_a_run_is_launched_once_however_many_ask(workspace: Workspace) -> None:
    with workspace.write() as connection:
        version = Version(
            id="a" * 64, name=None, rows=1, splits={Split.TRAIN: 1}, created_at=NOON, created_by="me", project_id=1
        )
        versions.add(connection, version)
        for n in range(2):
            at = NOON + timedelta(minutes=n)
            runs.add(connection, f"run {n}", version_id=version.id, config=TrainConfig(base="x"), actor="me", at=at)
    launched = at_once(workspace, lambda connection, _: runs.launch_next(connection, at=NOON))
    assert [run_id for each in launched for run_id in each] == ["run 0"]


def test_drafts_that_two_tabs_save_at_once_leave_one(stocked: Workspace) -> None:
    with stocked.read() as connection:
        [first, *_] = records.page(connection, 1)
    typed = [Answer(response=f"Text {n}") for n in range(MANY)]
    at_once(stocked, lambda connection, n: annotations.save_draft(connection, first.id, "ada", typed[n], at=NOON))
    with stocked.read() as connection:
        assert annotations.draft_of(connection, first.id, "ada").answer in typed


def test_a_record_that_is_skipped_twice_at_once_is_skipped(stocked: Workspace) -> None:
    with stocked.read() as connection:
        [first, *_] = records.page(connection, 1)
    at_once(stocked, lambda connection, _: skips.add(connection, first.id, "ada", at=NOON))
    with stocked.write() as connection:
        assert skips.remove_all(connection, "ada", project_id=1) == 1


def test_imports_of_the_same_rows_at_once_store_each_row_once(workspace: Workspace) -> None:
    rows = [make_record(f"Question {n}?") for n in range(50)]

    def store(connection: Connection, _: int) -> list[str | None]:
        return records.add_many(connection, rows, project=projects.by_name(connection), at=NOON)

    stored = at_once(workspace, store)
    assert sorted(sum(record_id is not None for record_id in ids) for ids in stored) == [0] * (MANY - 1) + [50]


def _open(folder: Path, database_url: str | None) -> str:
    settings = Settings(database_url=database_url) if database_url else None
    opened = open_workspace(folder, create=True, settings=settings)
    with opened.read() as connection:
        [project] = projects.all_projects(connection)
    opened.close()
    return project.name


@pytest.mark.slow
def test_processes_that_open_a_new_database_at_once_all_get_it(tmp_path: Path, database_url: str | None) -> None:
    if database_url is not None:  # the database of a test is migrated already
        engine = open_engine(database_url)
        with writing(engine) as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        engine.dispose()
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        names = list(pool.map(_open, [tmp_path / "new"] * 3, [database_url] * 3))
    assert names == ["default"] * 3
