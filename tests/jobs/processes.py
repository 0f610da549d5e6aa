"""The processes of jobs that a test started, told from its servers and databases."""

from __future__ import annotations

from contextlib import suppress

import psutil


def of_jobs() -> list[psutil.Process]:
    """Those that are there."""
    there = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if "curator.jobs.process" in child.cmdline():
                there.append(child)
    return there


def wait() -> None:
    """Wait until all of them have ended."""
    psutil.wait_procs(of_jobs(), timeout=120)
