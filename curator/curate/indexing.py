"""The index behind the import: brought up to date in steps, at once where little is left, else by a job.

Nothing waits for it. A search reads what the index has not taken in, so it only gets quicker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from curator.store import indexing
from curator.workspace import Workspace

JOB = "index"
_AT_ONCE = 1_000
"""Records that are taken in while a page waits; more are for a job."""
_ROWS = 1_000


class IndexState(NamedTuple):
    """How far the index of a project has come."""

    left: int
    """Records that searches still have to read."""

    @property
    def is_whole(self) -> bool:
        """Whether searches read no texts."""
        return not self.left


def catch_up(workspace: Workspace, project_id: int, *, at_most: int = _AT_ONCE) -> IndexState:
    """Take in what is left if it is little. Returns how much is left then."""
    with workspace.read() as connection:
        left = indexing.count_left(connection, project_id)
    if not left or left > at_most:
        return IndexState(left)
    while _step(workspace, project_id, limit=_ROWS):
        pass
    with workspace.read() as connection:
        return IndexState(indexing.count_left(connection, project_id))


def _step(workspace: Workspace, project_id: int, *, limit: int) -> int:
    with workspace.read() as connection:
        step = indexing.next_step(connection, project_id, limit=limit)
        if step.is_empty:
            return 0
        indexing.take_in_words(connection, project_id, step)
    with workspace.write() as connection:
        return indexing.take_in(connection, project_id, step)
