"""A workspace in one file and back, and what the doctor finds in one that was damaged."""

from __future__ import annotations

import io
import json
import re
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curator import CuratorError, Workspace, backup, doctor, evidence, open_workspace, versions
from curator.annotate import answers, comments, queue
from curator.cli.main import app
from curator.ingest import import_file
from curator.settings import Settings
from curator.store import records
from schemas.annotation import Answer
from schemas.version import SplitPlan
from tests.postgres import Cluster


@pytest.fixture
def full(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A workspace with imported texts, a version, an answer and keys."""
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps({"instruction": f"Ask {n}?", "response": f"Say {n}."}) for n in range(50)))
    import_file(workspace, file, actor="Ada", accept=True)
    versions.freeze(workspace, actor="Ada", name="first", plan=SplitPlan(train=1, validation=0, test=0))
    file.write_text(json.dumps({"instruction": "Ask more?", "response": "Say more."}))
    import_file(workspace, file, actor="Ada")
    task = queue.next_task(workspace, "Ben", project_id=1)
    answers.submit(workspace, task.claim, Answer(response="Better.", rating=5), annotator="Ben")
    evidence.secret(workspace, "ledger")
    return workspace


def run(*arguments: object) -> tuple[int, dict[str, object]]:
    done = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_a_backup_put_back_holds_everything_and_its_files_are_private(full: Workspace, tmp_path: Path) -> None:
    file, folder = tmp_path / "kept" / "all.tar", tmp_path / "again"
    status, said = run("backup", file, "--workspace", full.folder)
    assert (status, said["ok"], said["problems"]) == (0, True, [])
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["all.tar"]
    status, said = run("restore", file, "--workspace", folder)
    assert (status, said["ok"]) == (0, True)
    assert folder.stat().st_mode & 0o777 == 0o700
    again = open_workspace(folder)
    assert (folder / "secret.key").read_bytes() == (full.folder / "secret.key").read_bytes()
    with again.read() as connection, full.read() as before:
        assert records.page(connection, 1, limit=100) == records.page(before, 1, limit=100)
    [answer] = answers.history(again, "Ben", project_id=1)
    assert answer.annotation.answer.response == "Better."
    assert run("doctor", "--workspace", folder) == (0, {"ok": True, "problems": [], "files": 0, "bytes": 0})


def test_a_backup_made_while_people_work_is_of_one_moment(full: Workspace, tmp_path: Path) -> None:
    with full.read() as connection:
        record = records.page(connection, 1)[0].id
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            comments.add(full, record, "Still here.", author="Ben")

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for n in range(3):
            backup.back_up(full, tmp_path / f"{n}.tar")
    finally:
        stop.set()
        worker.join()
    for n in range(3):
        assert backup.restore(tmp_path / f"{n}.tar", tmp_path / f"again {n}").ok
        assert doctor.examine(open_workspace(tmp_path / f"again {n}")).ok


def test_nothing_is_written_over(full: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "all.tar"
    backup.back_up(full, file)
    before = file.read_bytes()
    with pytest.raises(CuratorError, match="is there already"):
        backup.back_up(full, file)
    with pytest.raises(CuratorError, match="holds something already"):
        backup.restore(file, full.folder)
    assert file.read_bytes() == before


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _flipped(content: bytes) -> bytes:
    place = content.index(b"PAR1") + 100
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def _with_member(name: str) -> Callable[[bytes], bytes]:
    def add(content: bytes) -> bytes:
        stream = io.BytesIO(content)
        with tarfile.open(fileobj=stream, mode="a") as packed:
            member = tarfile.TarInfo(name)
            member.size = 4
            packed.addfile(member, io.BytesIO(b"evil"))
        return stream.getvalue()

    return add


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_cut, "damaged or not a backup|cut short"),
        (_flipped, "sha256 differs"),
        (lambda _: b"no archive", "damaged or not a backup"),
        (_with_member("../evil"), "no backup holds"),
        (_with_member("/tmp/evil"), "no backup holds"),
        (_with_member("runs/evil"), "not listed"),
    ],
)
def test_of_a_damaged_backup_nothing_is_put_back(
    full: Workspace, tmp_path: Path, damage: Callable[[bytes], bytes], said: str
) -> None:
    file = tmp_path / "all.tar"
    backup.back_up(full, file)
    file.write_bytes(damage(file.read_bytes()))
    before = set(tmp_path.iterdir())
    checkup = backup.restore(file, tmp_path / "again")
    assert not checkup.ok
    assert re.search(said, checkup.problems[0]), checkup.problems
    assert set(tmp_path.iterdir()) == before


def _lose_texts(folder: Path) -> None:
    next((folder / "records").glob("*.parquet")).unlink()


def _change_texts(folder: Path) -> None:
    with next((folder / "records").glob("*.parquet")).open("ab") as stream:
        stream.write(b"more")


def _change_version(folder: Path) -> None:
    with next((folder / "versions").rglob("*train*.parquet")).open("ab") as stream:
        stream.write(b"more")


def _damage_database(folder: Path) -> None:
    content = bytearray((folder / "curator.db").read_bytes())
    for start in range(4096 * 2, len(content), 4096):
        content[start : start + 64] = b"\xa5" * 64
    (folder / "curator.db").write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_lose_texts, "are missing"),
        (_change_texts, "not those that were imported"),
        (_change_version, "Version first: File"),
        (_damage_database, "damaged"),
        (lambda folder: (folder / "secret.key").write_text("short"), "Restore it from a backup"),
        (lambda folder: (folder / "secret.key").chmod(0o644), "chmod 600"),
        (lambda folder: folder.chmod(0o755), "chmod 700"),
        (lambda folder: (folder / "curator.db").unlink(), "is missing, although"),
    ],
)
def test_the_doctor_names_what_is_wrong_and_what_to_do(
    full: Workspace, damage: Callable[[Path], object], said: str
) -> None:
    full.close()
    assert run("doctor", "--workspace", full.folder)[0] == 0
    damage(full.folder)
    status, found = run("doctor", "--workspace", full.folder)
    assert (status, found["ok"]) == (1, False)
    assert said in str(found["problems"])


def test_a_workspace_on_postgresql_is_left_to_its_own_tools(postgres: Cluster, tmp_path: Path) -> None:
    with postgres.database() as url:
        opened = open_workspace(tmp_path / "workspace", create=True, settings=Settings(database_url=url))
        with pytest.raises(CuratorError, match="pg_dump"):
            backup.back_up(opened, tmp_path / "all.tar")
        assert doctor.examine(opened).ok
        opened.close()
    assert [each.name for each in tmp_path.iterdir()] == ["workspace"]
