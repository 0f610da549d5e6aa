"""Overview: one number per stage of the loop."""

from __future__ import annotations

from typing import NamedTuple

from curator.store import decisions, events, outputs, quarantine, runs, systems, tallies, versions
from curator.workspace import Workspace
from schemas.annotation import RecordState
from schemas.run import RunState
from schemas.tally import records_in


class Counts(NamedTuple):
    """Where a project stands."""

    by_state: dict[RecordState, int]
    quarantined: int
    versions: int
    runs_done: int
    outputs: int
    last_decision: str | None

    @property
    def records(self) -> int:
        """All records."""
        return sum(self.by_state.values())


def counts(workspace: Workspace, *, project_id: int) -> Counts:
    """The counts of a project; versions, runs and outputs are those of the workspace."""
    with workspace.read() as connection:
        states = {state: records_in(state) for state in RecordState}
        totals = tallies.some(connection, project_id, list(states.values()))
        found = runs.newest_first(connection)
        judged = {run.id for run in found} | {each.id for each in systems.all_systems(connection)}
        past = [decision for each in sorted(judged) for decision in decisions.of_system(connection, each)]
        return Counts(
            by_state={state: totals[name] for state, name in states.items()},
            quarantined=quarantine.count_open(connection, project_id),
            versions=len(versions.newest_first(connection)),
            runs_done=sum(run.state is RunState.DONE for run in found),
            outputs=outputs.count(connection),
            last_decision=max(past, key=lambda decision: decision.at).outcome.value if past else None,
        )


def reached(workspace: Workspace, *, project_id: int) -> set[str]:
    """What there is already of: records, quarantine, records or versions, versions, runs, outputs."""
    with workspace.read() as connection:
        names = [records_in(state) for state in RecordState]
        totals = tallies.some(connection, project_id, names)
        frozen = bool(versions.newest_first(connection))
        there = {
            "records": any(totals.values()),
            "quarantine": quarantine.count_open(connection, project_id) > 0,
            "records or versions": frozen or any(totals.values()),
            "versions": frozen,
            "runs": bool(runs.newest_first(connection)),
            "outputs": outputs.count(connection) > 0,
        }
    return {name for name, is_there in there.items() if is_there}


def names(workspace: Workspace) -> dict[str, str]:
    """What people call each run and each version, by its id."""
    with workspace.read() as connection:
        called = {version.id: version.title for version in versions.newest_first(connection)}
        return called | {run.id: run.name for run in runs.newest_first(connection)}


def latest_events(workspace: Workspace, *, limit: int) -> list[events.Event]:
    """The newest lines of the log, newest first."""
    with workspace.read() as connection:
        return events.latest(connection, limit=limit)
