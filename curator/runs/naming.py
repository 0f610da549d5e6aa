"""Names and notes of runs: what people call them, and what they want to remember about them."""

from __future__ import annotations

from curator.access import require
from curator.errors import TrainingError
from curator.store import events, runs
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind
from schemas.run import Run

_LONGEST = 120
"""Characters of a name."""


def describe(workspace: Workspace, run_id: str, *, name: str | None = None, note: str | None = None, actor: str) -> Run:
    """Change the name or the note of a run; None leaves one as it is. Returns the run.

    Raises:
        TrainingError: The name is empty, too long, or another run has it.
    """
    require(workspace, actor, Right.TRAIN)
    with workspace.read() as connection:
        before = runs.get(connection, run_id)
    called = before.name if name is None else on_one_line(name)
    said = before.note if note is None else note.strip()
    if not called:
        raise TrainingError("The run has no name.", hint="Give it one.")
    require_free(workspace, called, but=before.id)
    if (called, said) == (before.name, before.note):
        return before
    with workspace.write() as connection:
        runs.describe(connection, before.id, name=called, note=said)
        detail = {"name": called, "note": said}
        events.append(connection, Kind.RUN_NAMED, before.id, actor=actor, at=workspace.clock(), detail=detail)
        return runs.get(connection, before.id)


def on_one_line(name: str) -> str:
    """The name without line breaks and repeated spaces."""
    return " ".join(name.split())


def require_free(workspace: Workspace, name: str, *, but: str | None = None) -> None:
    """Do nothing if a run may have this name. Two that take it at the same moment are still told apart by their ids.

    Raises:
        TrainingError: It is too long, or a run other than `but` has it.
    """
    called = on_one_line(name)
    if len(called) > _LONGEST:
        raise TrainingError(f"The name has {len(called)} characters.", hint=f"Use at most {_LONGEST}.")
    with workspace.read() as connection:
        owner = runs.is_called(connection, called) if called else None
    if owner not in (None, but):
        raise TrainingError(f"Another run is called {called}.", hint="Choose another name.")
