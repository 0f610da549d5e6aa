"""Imports that are killed, that run side by side, or that find the disk full: nothing twice, nothing lost."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import random
import resource
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.synchronize import Barrier
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Connection, func, select

from curator import Workspace, open_workspace
from curator.errors import StoreError
from curator.ingest import import_file
from curator.settings import Settings
from curator.store import quarantine, records
from curator.store.tables import import_batch, part, slot
from schemas.importing import ImportReport

pytestmark = pytest.mark.slow

ROWS = 5_000
"""Rows of about 2.5 kB: four blocks, so that several processes read them."""
AGAIN, BROKEN = range(100, ROWS, 100), range(7, ROWS, 500)
_SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Rows of which every hundredth repeats the one before it, and some cannot be read."""
    out = tmp_path / "rows.jsonl"
    with out.open("w") as stream:
        for n in range(ROWS):
            number = n - 1 if n in AGAIN else n
            row = {"instruction": f"Question {number}?", "output": f"Answer {number}. " + "word " * 500}
            stream.write("{broken\n" if n in BROKEN else json.dumps(row) + "\n")
    return out


@dataclass(frozen=True)
class _Dying(Workspace):
    """A workspace whose process is killed in the middle of one of its transactions, before the commit."""

    deadly: int = 0
    count: list[int] = field(default_factory=lambda: [0])

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with super().write() as connection:
            yield connection
            self.count[0] += 1
            if self.count[0] == self.deadly:
                os.kill(os.getpid(), signal.SIGKILL)


def _open(folder: Path, database_url: str | None) -> Workspace:
    return open_workspace(folder, create=True, settings=Settings(database_url=database_url))


def _import_and_die(folder: Path, database_url: str | None, file: Path, deadly: int) -> None:
    opened = _open(folder, database_url)
    dying = _Dying(opened.folder, opened.engine, deadly=deadly)
    import_file(dying, file, actor="lea")


def _killed(folder: Path, database_url: str | None, file: Path, deadly: int) -> list[psutil.Process]:
    """The children of a process that was killed in its transaction number `deadly`."""
    process = _SPAWN.Process(target=_import_and_die, args=(folder, database_url, file, deadly))
    process.start()
    children: set[psutil.Process] = set()
    seen = psutil.Process(process.pid)
    while process.is_alive():
        try:
            children.update(seen.children(recursive=True))
        except psutil.NoSuchProcess:
            break
        process.join(0.05)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    return sorted(children, key=lambda child: child.pid)


def _check_whole(workspace: Workspace, *, imports: int = 1) -> None:
    """Check that everything in the file is there once, said by each import that came to its end, and nothing else."""
    good = [n for n in range(ROWS) if n not in BROKEN and n not in AGAIN]
    with workspace.read() as connection:
        stored = records.page(connection, 1, limit=2 * ROWS)
        rows = quarantine.open_rows(connection, project_id=1)
        slots = connection.execute(select(func.count()).select_from(slot)).scalar_one()
        parts = set(connection.execute(select(part.c.name)).scalars())
        sums = connection.execute(select(import_batch)).mappings().all()
    assert sorted(int(each.content.instruction.split()[1][:-1]) for each in stored) == good
    again = {each.content.origin.line: [other.origin.line for other in each.content.also] for each in stored}
    said = {n + 1: [n + 1, n + 2] if n + 1 in AGAIN else [n + 1] for n in good}
    assert {line: sorted(lines) for line, lines in again.items()} == {
        line: sorted(lines * imports)[1:]  # the first is the record's own
        for line, lines in said.items()
    }
    assert sorted(row.issue.line for row in rows) == [n + 1 for n in BROKEN]
    assert slots == len(good)
    assert {file.name for file in workspace.records_folder.glob("*.parquet")} == parts
    assert all(each["read"] == each["imported"] + each["quarantined"] + each["duplicates"] for each in sums)


@pytest.mark.parametrize("deadly", [2, 3, 5])
def test_an_import_that_was_killed_is_finished_by_the_same_command(
    tmp_path: Path, database_url: str | None, file: Path, deadly: int
) -> None:
    """Its first transaction begins the import; each of the others stores a block, whose part is written before."""
    folder = tmp_path / "workspace"
    children = _killed(folder, database_url, file, deadly)
    assert children, "the file is too small for several processes"
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive

    workspace = _open(folder, database_url)
    report = import_file(workspace, file, actor="lea")
    assert report.read == ROWS
    assert report.quarantined == len(BROKEN)
    assert report.imported < ROWS - len(AGAIN) - len(BROKEN) or deadly == 2
    _check_whole(workspace)
    once_more = import_file(workspace, file, actor="lea")
    assert once_more.imported == 0
    _check_whole(workspace, imports=2)
    workspace.close()


_together: Barrier


def _wait_for(barrier: Barrier) -> None:
    global _together
    _together = barrier


def _import_together(folder: Path, database_url: str | None, file: Path) -> ImportReport:
    workspace = _open(folder, database_url)
    _together.wait()
    report = import_file(workspace, file, actor="lea")
    workspace.close()
    return report


def test_two_importers_at_once_store_every_content_once(tmp_path: Path, database_url: str | None, file: Path) -> None:
    folder = tmp_path / "workspace"
    workspace = _open(folder, database_url)
    barrier = _SPAWN.Barrier(2)
    with ProcessPoolExecutor(2, _SPAWN, initializer=_wait_for, initargs=(barrier,)) as pool:
        reports = list(pool.map(_import_together, [folder] * 2, [database_url] * 2, [file] * 2))
    assert [report.read for report in reports] == [ROWS, ROWS]
    assert sum(report.imported for report in reports) == ROWS - len(AGAIN) - len(BROKEN)
    with workspace.read() as connection:
        stored = records.page(connection, 1, limit=2 * ROWS)
        slots = connection.execute(select(func.count()).select_from(slot)).scalar_one()
    assert max(Counter(each.content_hash for each in stored).values()) == 1
    assert len(stored) == slots == ROWS - len(AGAIN) - len(BROKEN)
    workspace.close()


def _import_on_a_small_disk(folder: Path, database_url: str | None, file: Path) -> str:
    """What an import says when no file may have more than 1.5 MB."""
    workspace = _open(folder, database_url)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, resource.RLIM_INFINITY))
    try:
        import_file(workspace, file, actor="lea")
    except StoreError as error:
        return str(error)
    finally:
        workspace.close()
    return ""


def test_what_was_stored_before_the_disk_was_full_stays_and_the_rest_follows(
    tmp_path: Path, database_url: str | None
) -> None:
    """The first half of the texts can be compressed, so that its parts fit."""
    draw = random.Random(0)
    file = tmp_path / "rows.jsonl"
    with file.open("w") as stream:
        for n in range(800):
            text = "word " * 5_000 if n < 400 else draw.randbytes(12_500).hex()
            stream.write(json.dumps({"instruction": f"Question {n}?", "output": text}) + "\n")
    folder = tmp_path / "workspace"
    workspace = _open(folder, database_url)
    with ProcessPoolExecutor(1, _SPAWN) as pool:
        message = pool.submit(_import_on_a_small_disk, folder, database_url, file).result()
    assert "cannot be written" in message
    with workspace.read() as connection:
        before = len(records.page(connection, 1, limit=1_000))
    assert 0 < before < 800
    report = import_file(workspace, file, actor="lea")
    assert (report.imported, report.duplicates) == (800 - before, before)
    with workspace.read() as connection:
        assert len(records.page(connection, 1, limit=1_000)) == 800
        parts = set(connection.execute(select(part.c.name)).scalars())
    assert {each.name for each in workspace.records_folder.glob("*.parquet")} == parts
    workspace.close()


def test_an_error_of_a_worker_arrives_as_it_was() -> None:
    error = pickle.loads(pickle.dumps(StoreError("Full.", hint="Free some space.")))
    assert (type(error), error.problem, error.hint) == (StoreError, "Full.", "Free some space.")
