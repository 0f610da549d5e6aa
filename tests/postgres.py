"""A PostgreSQL server that lives as long as the tests: one data folder, one socket, thrown away at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from curator import open_workspace
from curator.settings import Settings

_PLACES = (
    "/usr/lib/postgresql/*/bin",  # Debian
    "/usr/pgsql-*/bin",  # Red Hat
    "/opt/homebrew/opt/postgresql*/bin",  # Homebrew on Apple silicon
    "/usr/local/opt/postgresql*/bin",  # Homebrew on Intel
)
_USER = "curator"
_TEMPLATE = "curator_template"

# What protects data from a power cut is off: this data is thrown away minutes later, and the tests are faster without.
_SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{folder}'
max_connections = 200
fsync = off
synchronous_commit = off
full_page_writes = off
"""


def programs() -> Path | None:
    """The folder with `initdb` and `pg_ctl`: of the PATH, or else the newest in the usual places."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    found = [file.parent for place in _PLACES for file in Path("/").glob(place[1:] + "/initdb")]
    return max(found, key=_version, default=None)


def _version(folder: Path) -> list[int]:
    digits = "".join(letter if letter.isdigit() else " " for letter in str(folder))
    return [int(number) for number in digits.split()]


class Cluster:
    """A running server, with one migrated database that the tests copy."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)
        with self._administer() as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(_TEMPLATE)))
        settings = Settings(database_url=self._url(_TEMPLATE))
        with tempfile.TemporaryDirectory() as workspace:
            open_workspace(workspace, create=True, settings=settings).close()

    @contextmanager
    def database(self) -> Iterator[str]:
        """URL of a database for one test: a copy of the migrated one, dropped at the end of the block."""
        name = f"test_{next(self._numbers)}"
        names = {"name": sql.Identifier(name), "migrated": sql.Identifier(_TEMPLATE)}
        with self._administer() as connection:
            connection.execute(sql.SQL("create database {name} template {migrated}").format(**names))
        try:
            yield self._url(name)
        finally:
            with self._administer() as connection:
                connection.execute(sql.SQL("drop database {name} with (force)").format(**names))

    def _administer(self) -> psycopg.Connection[Any]:
        return psycopg.connect(host=str(self._folder), user=_USER, dbname="postgres", autocommit=True)

    def _url(self, name: str) -> str:
        return f"postgresql://{_USER}@/{name}?host={self._folder}"


@contextmanager
def running(folder_of_programs: Path) -> Iterator[Cluster]:
    """A server in a temporary folder, stopped and removed at the end of the block whatever happens in it."""
    # Not below pytest's own folder: a socket's path may have about a hundred characters, and only root may enter that
    # folder when root runs the tests.
    with tempfile.TemporaryDirectory(prefix="curator-postgres-") as name:
        folder = Path(name)
        data, log = folder / "data", folder / "log"
        as_user = _unprivileged(folder)

        def run(program: str, *arguments: str) -> None:
            command = [str(folder_of_programs / program), "--pgdata", str(data), *arguments]
            done = subprocess.run(
                command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **as_user
            )
            if done.returncode != 0:
                raise RuntimeError(f"{program} failed: {done.stderr}{log.read_text() if log.exists() else ''}")

        run("initdb", "--username", _USER, "--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync")
        with (data / "postgresql.conf").open("a") as stream:
            stream.write(_SETTINGS.format(folder=folder))
        try:
            run("pg_ctl", "start", "--wait", "--log", str(log))
            yield Cluster(folder)
        finally:
            if (data / "postmaster.pid").exists():  # not after a start that failed
                run("pg_ctl", "stop", "--wait", "--mode", "immediate")


def _unprivileged(folder: Path) -> dict[str, Any]:
    """Arguments of `subprocess.run` with which root runs a program as somebody else: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    import pwd  # only where there is a root

    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    somebody = names.get("postgres") or names["nobody"]
    os.chown(folder, somebody.pw_uid, somebody.pw_gid)
    return {"user": somebody.pw_uid, "group": somebody.pw_gid, "extra_groups": []}
