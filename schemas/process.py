"""The mark of a process: what tells it from a later one that has the same id."""

from __future__ import annotations

from typing import NamedTuple


class ProcessMark(NamedTuple):
    """What tells a process from a later one with the same id."""

    id: int
    started: float
    """Seconds since 1970-01-01 UTC, as the operating system reports it."""
