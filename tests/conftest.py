"""Fixtures that every test may use: a workspace in a temporary folder, and the folders of sample and public data."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from curator import Workspace, open_workspace
from curator.settings import Settings
from curator.store import projects, records
from schemas.record import Message, Origin, Record
from tests import postgres

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that is marked `both_databases` once on SQLite and once on PostgreSQL."""
    if "database_url" in metafunc.fixturenames and metafunc.definition.get_closest_marker("both_databases"):
        databases = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
        metafunc.parametrize("database_url", databases, indirect=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL server; without its programs the tests are skipped, but in CI they fail."""
    found = postgres.programs()
    if found is None:
        message = "no initdb found: install PostgreSQL, or put its programs on the PATH"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with postgres.running(found) as started:
        yield started


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """URL of a fresh PostgreSQL database; None, which means SQLite, unless the test is marked `both_databases`."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield None
        return
    cluster: postgres.Cluster = request.getfixturevalue("cluster")
    with cluster.database() as url:
        yield url


@pytest.fixture
def workspace(tmp_path: Path, database_url: str | None) -> Iterator[Workspace]:
    """A fresh workspace, on SQLite unless the test is marked `both_databases`."""
    settings = Settings(database_url=database_url) if database_url else None
    opened = open_workspace(tmp_path / "workspace", create=True, settings=settings)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def sample_data() -> Path:
    """The sample files of this repository."""
    return REPOSITORY / "sample_data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public data sets beside the repository; tests that need them are skipped where they are not."""
    folder = Path(os.environ.get("CURATOR_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"public data sets are not at {folder} (set CURATOR_SHARED_DATA)")
    return folder


def make_record(instruction: str = "What is red?", response: str = "A colour.", **extra: object) -> Record:
    """A record of one instruction and one response."""
    messages = (Message(role="user", content=instruction), Message(role="assistant", content=response))
    return Record(messages=messages, origin=Origin(source="made.jsonl"), **extra)


@pytest.fixture
def stocked(workspace: Workspace) -> Workspace:
    """A workspace with three records that wait for annotation."""
    with workspace.write() as connection:
        project = projects.by_name(connection)
        waiting = [make_record(f"Question {n}?", f"Answer {n}.") for n in range(3)]
        records.add_many(connection, waiting, project=project, at=workspace.clock())
    return workspace


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("curator_toolkit-*.whl"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel installed, and nothing of this checkout."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(folder)]
    subprocess.run([*command, str(wheel)], check=True, capture_output=True)
    return folder
