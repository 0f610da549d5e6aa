"""A file or a folder that is whole or absent, wherever its writer is killed.

It is written beside its place, flushed to the disk, and renamed: the step that a file system takes whole or not at all.
This module does not know what is written.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write(file: Path, content: bytes) -> None:
    """Write a file, or put the new content in the place of the old.

    Raises:
        OSError: It cannot be written; an earlier file is kept.
    """
    unfinished = _beside(file)
    try:
        unfinished.write_bytes(content)
        sync(unfinished)
        unfinished.replace(file)
        sync(file.parent)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def folder(place: Path, *, replaces: bool = True) -> Iterator[Path]:
    """Make a new folder to write into, which becomes `place` when the block ends well.

    Args:
        place: Where the folder belongs.
        replaces: Takes the place of an earlier folder, which stays until the new one is whole. A writer that is killed
            in the very moment of the change leaves the earlier one beside its place, where `recover` finds it.

    Raises:
        OSError: It cannot be written, or stands there already and must not be replaced; an earlier one is kept.
    """
    unfinished, earlier = _beside(place), _earlier(place)
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        for path in [*unfinished.rglob("*"), unfinished]:
            sync(path)
        if replaces and place.exists():
            shutil.rmtree(earlier, ignore_errors=True)
            place.rename(earlier)
        unfinished.rename(place)
        sync(place.parent)
        shutil.rmtree(earlier, ignore_errors=True)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def exists(place: Path) -> bool:
    """Whether there is a whole folder, in its place or beside it for `recover` to put back."""
    return place.is_dir() or _earlier(place).is_dir()


def recover(place: Path) -> None:
    """Put back the folder that a writer was replacing when it was killed, and remove what it left unfinished.

    Only for a folder that no process is writing now.
    """
    if not place.exists() and _earlier(place).exists():
        _earlier(place).rename(place)
    for unfinished in place.parent.glob(f".{place.name}.*.unfinished"):
        shutil.rmtree(unfinished, ignore_errors=True)


def sync(path: Path) -> None:
    """Have the operating system put the content of a file or folder on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.unfinished")  # two writers never share one


def _earlier(place: Path) -> Path:
    return place.with_name(place.name + ".earlier")
