"""A scratch folder of a workspace, removed when its process ends or, where that was killed, by the next one."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = ".freezing-"
_LOCK = "lock"


@contextmanager
def folder(workspace_folder: Path) -> Iterator[Path]:
    """A new folder on the disk of the workspace, which holds more than a memory file system might."""
    _sweep(workspace_folder)
    place = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=workspace_folder))
    try:
        with (place / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _sweep(workspace_folder: Path) -> None:
    """Remove the folders of processes that were killed."""
    for place in workspace_folder.glob(f"{_PREFIX}*"):
        try:
            with (place / _LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(place, ignore_errors=True)
        except OSError:  # its process is at work, or just about to take the lock
            continue
