"""A throw-away PostgreSQL cluster, started by the tests and gone with them."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text

from curator.store.engine import open_engine
from curator.store.schema import migrate

_TEMPLATE = "curator_template"
# What is in it is thrown away, so nothing has to reach a disk.
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "listen_addresses=")


def find_programs() -> Path | None:
    """Folder of `initdb` and `pg_ctl`, if a PostgreSQL server is installed."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    usual = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/opt/homebrew/opt").glob("postgresql*/bin")]
    found = [folder for folder in usual if (folder / "initdb").is_file()]
    return max(found, key=lambda folder: folder.parent.name, default=None)


class Cluster:
    """A running server that listens on a socket of its own."""

    def __init__(self, programs: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pg"))  # short: the path of a socket has at most 107 bytes
        self._programs = programs
        self._numbers = itertools.count()
        # The server refuses to run as root, as which containers and CI often do.
        self._user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:
            shutil.chown(self._folder, self._user)
        self._run("initdb", "--pgdata", str(self._data), "--username", "curator", "--auth", "trust", "--no-sync")
        options = " ".join([f"-k {self._folder}", *(f"-c {setting}" for setting in _FAST)])
        log = str(self._folder / "log")
        self._run("pg_ctl", "--pgdata", str(self._data), "--log", log, "--wait", "--options", options, "start")
        with self._administer() as run:
            run(f"CREATE DATABASE {_TEMPLATE}")
        engine = open_engine(self.url(_TEMPLATE))
        migrate(engine, may_be_empty=True)
        engine.dispose()

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _run(self, program: str, *arguments: str) -> None:
        user = self._user if os.geteuid() == 0 else None
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(command, user=user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr}")

    @contextmanager
    def _administer(self) -> Iterator[object]:
        engine = create_engine(self.url("postgres").replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            yield lambda statement: connection.execute(text(statement))
        engine.dispose()

    def url(self, database: str) -> str:
        """URL of one database."""
        return f"postgresql://curator@/{database}?host={self._folder}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """URL of a fresh, migrated database, dropped afterwards; a copy of a template, so it costs little."""
        name = f"test_{next(self._numbers)}"
        with self._administer() as run:
            run(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        yield self.url(name)
        with self._administer() as run:
            run(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        """End the server and remove everything."""
        self._run("pg_ctl", "--pgdata", str(self._data), "--mode", "immediate", "--wait", "stop")
        shutil.rmtree(self._folder)
