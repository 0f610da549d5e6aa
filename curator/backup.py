"""A workspace in one file, and back: the database of one moment, and every file that it speaks of.

The copy is made while people work. The database comes first: texts, versions and runs are written before the database
names them, so all that the copy names is there when the files are read after it. Exports can be made again and are
left out, like earlier backups. The file holds the keys of the workspace: who has it can sign in its name.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from pydantic import ValidationError

from curator import __version__, whole
from curator.errors import StoreError
from curator.store import snapshot
from curator.workspace import Workspace
from schemas.backup import BackupFile, BackupManifest, Checkup

_DATABASE = "curator.db"
_MANIFEST = "backup.json"
_LEFT_OUT = ("backups", "cache", "exports")
"""Folders that hold copies, or what can be made again."""
_CHUNK = 1 << 20


def back_up(workspace: Workspace, file: Path) -> Checkup:
    """Write a workspace into one file, whole or not at all. Returns how much it holds.

    Raises:
        StoreError: The file is there already or cannot be written, or the live state is in PostgreSQL.
    """
    file = file.expanduser().absolute()
    if file.exists():
        raise StoreError(f"{file} is there already.", hint="Name a file that is not.")
    unfinished = file.with_name(f".{file.name}.unfinished")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".curator-") as folder:
            database = Path(folder) / _DATABASE
            made_at = datetime.now(UTC)
            snapshot.write(workspace.engine, database)
            files = list(_pack(workspace, database, unfinished, made_at))
        whole.sync(unfinished)
        os.link(unfinished, file)  # fails where there is one by now
        whole.sync(file.parent)
    except OSError as error:
        raise StoreError(
            f"The backup {file} cannot be written: {error.strerror or error}.",
            hint="Choose another place, or free some space there.",
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return Checkup(ok=True, files=len(files), bytes=sum(each.bytes for each in files))


def _pack(workspace: Workspace, database: Path, archive: Path, made_at: datetime) -> Iterator[BackupFile]:
    with _private(archive) as stream, tarfile.open(fileobj=stream, mode="w") as packed:
        files = [_add(packed, database, _DATABASE)]
        yield files[0]
        for each in _files(workspace.folder):
            try:
                files.append(_add(packed, each, each.relative_to(workspace.folder).as_posix()))
            except FileNotFoundError:
                continue  # a checkpoint that its run replaced; what the database names is looked for below
            yield files[-1]
        known = {each.path for each in files}
        missing = [name for name in snapshot.parts_of(database) if f"records/{name}" not in known]
        if missing:
            raise StoreError(
                f"{len(missing)} files of texts are missing, among them {missing[0]}.",
                hint="If an import was just taken back, run it again; else see `curator doctor`.",
            )
        manifest = BackupManifest(curator=__version__, made_at=made_at, files=tuple(files))
        content = manifest.model_dump_json(indent=1).encode()
        packed.addfile(_member(_MANIFEST, len(content)), io.BytesIO(content))


def _private(file: Path) -> IO[bytes]:
    """A new file that only its owner reads."""
    file.unlink(missing_ok=True)
    return os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")


def _files(folder: Path) -> Iterator[Path]:
    """Every file of a workspace but the database and what is left out; links and unfinished files are none."""
    for place, folders, names in os.walk(folder):
        if Path(place) == folder:
            folders[:] = [each for each in folders if each not in _LEFT_OUT]
            names = [each for each in names if not each.startswith(_DATABASE)]
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(names):
            file = Path(place) / name
            if not name.startswith(".") and file.is_file() and not file.is_symlink():
                yield file


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member


class _Hashed(io.RawIOBase):
    """A file that is hashed while it is read; one that grows meanwhile ends where it ended before."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream, self._left = stream, size
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(chunk)
        self.digest.update(chunk)
        return chunk


def _add(packed: tarfile.TarFile, file: Path, name: str) -> BackupFile:
    with file.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        hashed = _Hashed(stream, size)
        packed.addfile(_member(name, size), hashed)
    return BackupFile(path=name, bytes=size, sha256=hashed.digest.hexdigest())


def restore(file: Path, folder: Path) -> Checkup:
    """Put a workspace back into a folder that is empty or not there, whole or not at all. Returns what was found.

    Where the backup is damaged, its problems are returned and nothing is put back.

    Raises:
        StoreError: There is no such file, the folder holds something, or it cannot be written.
    """
    folder = folder.expanduser().absolute()
    if not file.is_file():
        raise StoreError(f"There is no backup {file}.", hint="Name the file that `curator backup` wrote.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(f"{folder} holds something already.", hint="Restore into a folder that is empty or not there.")
    unfinished = folder.with_name(f".{folder.name}.restoring")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700, parents=True)
        unpacked = _unpack(file, unfinished)
        if unpacked.problems:
            return Checkup(ok=False, problems=tuple(unpacked.problems))
        for place in [*unfinished.rglob("*"), unfinished]:
            whole.sync(place)
        unfinished.rename(folder)
        whole.sync(folder.parent)
    except OSError as error:
        raise StoreError(
            f"The workspace cannot be written to {folder}: {error.strerror or error}.",
            hint="Choose another folder, or free some space there.",
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return Checkup(ok=True, files=len(unpacked.files), bytes=sum(each.bytes for each in unpacked.files.values()))


class _Unpacked(NamedTuple):
    """What came out of a backup."""

    files: dict[str, BackupFile]
    problems: list[str]


def _unpack(file: Path, folder: Path) -> _Unpacked:
    files: dict[str, BackupFile] = {}
    manifest: BackupManifest | None = None
    try:
        with tarfile.open(file, mode="r:") as packed:
            for member in packed:
                stream = packed.extractfile(member) if member.isreg() else None
                if stream is None or not _is_inside(member.name) or member.name in files:
                    return _Unpacked({}, [f"It holds {member.name!r}, which no backup holds."])
                if member.name == _MANIFEST:
                    manifest = BackupManifest.model_validate_json(stream.read())
                else:
                    files[member.name] = _put(stream, folder, member.name)
    except (tarfile.TarError, ValidationError, EOFError) as error:
        return _Unpacked({}, [f"It is damaged or not a backup of Curator: {str(error).splitlines()[0]}."])
    if manifest is None:
        return _Unpacked({}, ["It was cut short: its list of files is missing."])
    if manifest.format > BackupManifest.model_fields["format"].default:
        return _Unpacked({}, ["A newer Curator wrote it: upgrade with `pip install -U curator-toolkit`."])
    stated = {each.path: each for each in manifest.files}
    problems = [f"File {path} is missing." for path in sorted(stated.keys() - files.keys())]
    problems += [f"File {path} is not listed." for path in sorted(files.keys() - stated.keys())]
    problems += [
        f"File {path} is not the one that was packed (its sha256 differs)."
        for path in sorted(stated.keys() & files.keys())
        if stated[path] != files[path]
    ]
    if not problems and not snapshot.is_sound(folder / _DATABASE):
        problems.append("Its database is damaged.")
    return _Unpacked(files, problems)


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\\" not in name and "\x00" not in name


def _put(stream: IO[bytes], folder: Path, name: str) -> BackupFile:
    place = folder / name
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with _private(place) as written:
        while chunk := stream.read(_CHUNK):
            written.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return BackupFile(path=name, bytes=size, sha256=digest.hexdigest())
