"""Progress: what a person has done, and where the records of a project stand."""

from __future__ import annotations

from typing import NamedTuple

from curator.store import annotations as register
from curator.store import tallies
from curator.workspace import Workspace
from schemas.annotation import RecordState


class Progress(NamedTuple):
    """Totals of one project, and of one person in it."""

    mine_today: int
    """Answers that stand, since midnight UTC."""
    mine: int
    by_state: dict[RecordState, int]

    @property
    def records(self) -> int:
        """All records."""
        return sum(self.by_state.values())

    @property
    def settled(self) -> int:
        """Records that need no more answers."""
        return self.by_state[RecordState.ACCEPTED] + self.by_state[RecordState.REJECTED]


def progress(workspace: Workspace, annotator: str, *, project_id: int) -> Progress:
    """Totals as the transactions that changed them left them; nothing is counted over records."""
    midnight = workspace.clock().replace(hour=0, minute=0, second=0, microsecond=0)
    with workspace.read() as connection:
        totals = tallies.totals(connection, project_id)
        today = register.count_since(connection, annotator, midnight)
    by_state = {state: totals.get(f"record:{state.value}", 0) for state in RecordState}
    return Progress(today, totals.get(f"annotator:{annotator}", 0), by_state)
