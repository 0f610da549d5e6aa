"""Pace: how many records a chunk takes, so that others who write hardly wait for it.

What counts is the time that the processor worked: on a machine with too much to do every chunk takes long, and smaller
ones would make everything take longer still.
"""

from __future__ import annotations

_SECONDS = 0.025
"""What a transaction may take: on SQLite everyone else who writes waits as long."""
_FEWEST, _MOST = 10, 5_000


class Pace:
    """A number of records that follows how long the last ones took.

    Example:
        >>> pace = Pace(1000)
        >>> pace.tell(1000, seconds=0.1)
        >>> pace.rows
        500
    """

    def __init__(self, rows: int = 500) -> None:
        self.rows = rows
        """How many records the next chunk should take."""

    def tell(self, rows: int, *, seconds: float) -> None:
        """Learn how long the processor worked on a chunk of `rows` records. Returns nothing.

        The number of the next chunk is at most twice, and at least half of the last one.
        """
        if rows <= 0:
            return
        fitting = rows * _SECONDS / max(seconds, 1e-6)
        self.rows = round(min(max(fitting, self.rows / 2, _FEWEST), self.rows * 2, _MOST))
