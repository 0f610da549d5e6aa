"""What can be reviewed: the models of every run that ended, and systems that were not trained here."""

from __future__ import annotations

from curator.store import runs, systems
from curator.workspace import Workspace
from schemas.run import RunState


def reviewable(workspace: Workspace) -> dict[str, str]:
    """Id of each, newest first, with the words for it: systems without a run go by their name."""
    with workspace.read() as connection:
        ended = [run for run in runs.newest_first(connection) if run.state in (RunState.DONE, RunState.STOPPED)]
        named = [each for each in systems.all_systems(connection) if each.run_id is None]
    return {run.id: run.name for run in ended} | {each.id: f"{each.name} (without a run)" for each in named}
