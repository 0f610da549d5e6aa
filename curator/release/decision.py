"""The decision: release, blocked or inconclusive. Inconclusive is not a release."""

from __future__ import annotations

from collections.abc import Sequence

from curator.access import require
from curator.release.gates import Reviewed, evaluate
from curator.store import decisions, events, findings, outputs, projects, runs, suites, verdicts, versions
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind, of_project
from schemas.release import Decision, GateResult, Gates, Outcome


def assess(workspace: Workspace, run_id: str) -> tuple[Outcome, list[GateResult]]:
    """What a decision about a run would be now, with the evidence; nothing is stored."""
    with workspace.read() as connection:
        run = runs.get(connection, run_id)
        project = projects.by_id(connection, versions.get(connection, run.version_id).project_id)
        deciding = {suite.id for suite in suites.summaries(connection) if suite.purpose == "gate"}
        found = findings.of_run(connection, run.id)
        given = verdicts.of_run(connection, run.id)
        sides: dict[str, list[Reviewed]] = {"base": [], "tuned": []}
        for output in outputs.of_run(connection, run.id):
            if output.suite_id in deciding:
                judgements = [verdict.judgement for verdict in given.get(output.id, [])]
                sides[output.model].append(Reviewed(found.get(output.id, []), judgements))
    gates = evaluate(sides["tuned"], sides["base"], project.gates, run.result)
    return outcome_of(gates), gates


def outcome_of(gates: Sequence[GateResult]) -> Outcome:
    """Blocked if any gate fails, else inconclusive if any is, else release."""
    statuses = {gate.status for gate in gates}
    if "fail" in statuses:
        return Outcome.BLOCKED
    return Outcome.INCONCLUSIVE if "inconclusive" in statuses or not gates else Outcome.RELEASE


def decide(workspace: Workspace, run_id: str, *, actor: str) -> Decision:
    """Store the decision about a run as the evidence stands now."""
    require(workspace, actor, Right.DECIDE)
    outcome, gates = assess(workspace, run_id)
    with workspace.write() as connection:
        run = runs.get(connection, run_id)
        decision = decisions.add(connection, run.id, outcome, gates, actor=actor, at=workspace.clock())
        detail = {"decision": decision.id, "outcome": outcome.value}
        events.append(connection, Kind.DECISION, run.id, actor=actor, at=workspace.clock(), detail=detail)
    return decision


def decisions_of(workspace: Workspace, run_id: str) -> list[Decision]:
    """Stored decisions about a run, newest first."""
    with workspace.read() as connection:
        return decisions.of_run(connection, run_id)


def change_gates(workspace: Workspace, project_id: int, gates: Gates, *, actor: str) -> None:
    """Store other limits for a project; the change is an event, so that a report can show what was set when."""
    require(workspace, actor, Right.DECIDE)
    with workspace.write() as connection:
        projects.lock(connection, project_id)
        project = projects.by_id(connection, project_id)
        projects.change(connection, project.model_copy(update={"gates": gates}))
        detail = {"before": project.gates.model_dump(), "after": gates.model_dump()}
        events.append(connection, Kind.GATES, of_project(project_id), actor=actor, at=workspace.clock(), detail=detail)
