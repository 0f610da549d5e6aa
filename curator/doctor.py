"""Whether a workspace is sound: its database, the files that the database names, its keys, and the room they lie in.

Nothing is changed. Every check goes on after one that found something.
"""

from __future__ import annotations

import hashlib
import shutil
import stat
from collections.abc import Callable, Iterator

from curator import evidence, versions
from curator.errors import CuratorError
from curator.store import ledger, snapshot, systems
from curator.store import versions as version_store
from curator.workspace import Workspace
from schemas.backup import Checkup

_KEYS = ("secret.key", "signing.key")
_LEAST_FREE = 500_000_000
"""Bytes; a full disk stores no answer."""


def examine(workspace: Workspace) -> Checkup:
    """What is wrong with a workspace, in sentences."""
    problems: list[str] = []
    for check in (_database, _parts, _versions, _ledgers, _keys, open_to_all, _room):
        problems += _found_by(check, workspace)
    return Checkup(ok=not problems, problems=tuple(problems))


def _found_by(check: Callable[[Workspace], Iterator[str]], workspace: Workspace) -> list[str]:
    try:
        return list(check(workspace))
    except CuratorError as error:
        return [f"{error.problem} {error.hint}"]
    except OSError as error:
        return [f"{error.filename or workspace.folder} cannot be read: {error.strerror or error}."]


def _database(workspace: Workspace) -> Iterator[str]:
    for each in snapshot.problems(workspace.engine):
        yield f"The database is damaged ({each}). Restore a backup with `curator restore`."


def _parts(workspace: Workspace) -> Iterator[str]:
    for part in snapshot.parts(workspace.engine):
        file = workspace.records_folder / part.name
        if not file.is_file():
            yield f"The texts of {part.rows:,} records are missing: {file}. Restore the file from a backup."
            continue
        with file.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != part.sha256:
                yield f"The texts in {file} are not those that were imported. Restore the file from a backup."


def _versions(workspace: Workspace) -> Iterator[str]:
    with workspace.read() as connection:
        known = version_store.newest_first(connection)
    for version in known:
        for each in versions.verify(workspace, version.id).problems:
            yield f"Version {version.name or version.id[:12]}: {each}"


def _ledgers(workspace: Workspace) -> Iterator[str]:
    with workspace.read() as connection:
        entries = {each.id: ledger.entries(connection, each.id) for each in systems.all_systems(connection)}
    if any(entries.values()) and not (workspace.folder / _KEYS[0]).exists():
        yield f"{_KEYS[0]} is missing, without which no verdict can be trusted. Restore it from a backup."
        return  # asking for it would make another one
    for system_id, found in entries.items():
        if found:
            yield from (f"{system_id}: {each}" for each in evidence.problems(workspace, system_id, found))


def _keys(workspace: Workspace) -> Iterator[str]:
    for name in _KEYS:
        if (workspace.folder / name).exists():
            evidence.stored_key(workspace, name)
            if (workspace.folder / name).stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                yield f"Others can read the key {name}. Run `chmod 600` on it."
    return


def open_to_all(workspace: Workspace) -> Iterator[str]:
    """What everyone who has an account on this machine can read, in sentences with the way to close it."""
    if workspace.folder.stat().st_mode & stat.S_IRWXO:
        yield f"Everyone on this machine can read {workspace.folder}. Run `chmod 700` on it."
    database = workspace.folder / "curator.db"
    if database.exists() and database.stat().st_mode & stat.S_IRWXO:
        yield f"Everyone on this machine can read {database}. Run `chmod 600` on it."


def _room(workspace: Workspace) -> Iterator[str]:
    free = shutil.disk_usage(workspace.folder).free
    if free < _LEAST_FREE:
        yield f"Only {free / 1e6:,.0f} MB are free where the workspace lies. Free some space before it is full."
