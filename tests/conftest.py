"""Fixtures that every test may use: a workspace in a temporary folder, and the folders of sample and public data."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest

from curator import Workspace, open_workspace
from curator.settings import Settings
from curator.store import projects, records
from schemas.record import Message, Origin, Record
from tests.postgres import Cluster, find_programs

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_configure() -> None:
    """Share the cores among the workers of a parallel run, and let no example fail for the time that it takes.

    The processes that a test starts inherit the share of its worker.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:  # before anything imports torch, which reads it once
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))
    hypothesis.settings.register_profile("untimed", deadline=None)
    hypothesis.settings.load_profile("untimed")


_NEEDS = {
    "browser": pytest.mark.browser,
    "postgres": pytest.mark.postgres,
    "serve": pytest.mark.slow,
    "base_folder": pytest.mark.slow,
    "wheel": pytest.mark.slow,
}
"""What a fixture says about the tests that ask for it, so that no test has to say it again."""


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by what it needs."""
    for item in items:
        for name in _NEEDS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(_NEEDS[name])


_ON_BOTH = ("store", "access", "annotate", "ingest", "versions", "review", "release", "jobs")
"""Folders of tests whose subject is what is stored: each test runs on both databases."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that stores something on SQLite and on PostgreSQL."""
    folder = Path(metafunc.definition.path).relative_to(REPOSITORY / "tests").parts[0]
    is_about_one = metafunc.definition.get_closest_marker("sqlite") is not None
    if "database_url" in metafunc.fixturenames and folder in _ON_BOTH and not is_about_one:
        both = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
        metafunc.parametrize("database_url", both, indirect=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server; without its programs the tests are skipped, but in CI they fail."""
    programs = find_programs()
    if programs is None:
        message = "no PostgreSQL server found: install one (Debian: postgresql), its programs need not be on the path"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    cluster = Cluster(programs)
    yield cluster
    cluster.stop()


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """Where the live state is: None for SQLite in the workspace folder, or a fresh PostgreSQL database."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield None
        return
    with request.getfixturevalue("postgres").database() as url:
        yield url


@pytest.fixture(scope="session")
def fresh_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a database as it was made; tests work on copies, since making one takes a quarter of a second."""
    made = open_workspace(tmp_path_factory.mktemp("fresh") / "workspace", create=True)
    made.close()
    return made.folder / "curator.db"


@pytest.fixture
def another_workspace(tmp_path: Path, fresh_database: Path) -> Iterator[Callable[[str], Workspace]]:
    """Opens fresh workspaces on SQLite by the names of their folders."""
    with ExitStack() as stack:

        def open_another(name: str) -> Workspace:
            folder = tmp_path / name
            folder.mkdir(mode=0o700)
            shutil.copy(fresh_database, folder)
            opened = open_workspace(folder, create=True)
            stack.callback(opened.close)
            return opened

        yield open_another


@pytest.fixture
def workspace(
    tmp_path: Path, database_url: str | None, another_workspace: Callable[[str], Workspace]
) -> Iterator[Workspace]:
    """A fresh workspace."""
    if database_url is None:
        yield another_workspace("workspace")
        return
    opened = open_workspace(tmp_path / "workspace", create=True, settings=Settings(database_url=database_url))
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


def cut(file: Path) -> None:
    """Leave the first half of a file, as a full disk or an interrupted copy does."""
    file.chmod(0o600)
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)


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
