"""A process that outlives this one: started so that closing a terminal or the server does not end it, asked for by its
mark, and read by the end of its log.

It does not know what the process does.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from curator import threads
from schemas.process import ProcessMark

_LOG_CHARACTERS = 4000


def start(command: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None) -> ProcessMark:
    """Start a process in a session of its own that appends what it prints to `log`. Returns its mark.

    Args:
        command: Program and arguments.
        log: File that grows by what it prints.
        environment: Variables beside those of this process.
    """
    with log.open("ab") as stream:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=threads.environment() | dict(environment or {}),
            start_new_session=True,
        )
    return ProcessMark(process.pid, psutil.Process(process.pid).create_time())


def own_mark() -> ProcessMark:
    """The mark of this process."""
    process = psutil.Process()
    return ProcessMark(process.pid, process.create_time())


def is_alive(mark: ProcessMark) -> bool:
    """Whether the process that a mark stands for still runs."""
    try:
        process = psutil.Process(mark.id)
        same = abs(process.create_time() - mark.started) < 1  # a process id can be used again
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def log_tail(log: Path) -> str:
    """The end of a log; empty before there is one."""
    return log.read_text(encoding="utf-8", errors="replace")[-_LOG_CHARACTERS:] if log.is_file() else ""
