"""The decision: release, release under conditions, blocked or inconclusive. Inconclusive is not a release.

Everything that it stands on is read again: the ledger with its seals, the outputs word for word, the suites, the
limits, the detectors. Where anything is not as it was sealed, there is no release.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from pydantic import ValidationError

from curator import evidence
from curator.access import require
from curator.errors import ReleaseError
from curator.release import conditions
from curator.release import gates as rules
from curator.release.gates import Judged
from curator.review import binding, sides
from curator.review.plan import plan_hash
from curator.review.stated import changed_texts, of_system
from curator.review.twins import found_elsewhere, seen_before
from curator.store import decisions, events, ledger, projects, review_pairs, runs, systems
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind, of_project
from schemas.release import Decision, Exemption, GateResult, Gates, Outcome
from schemas.review import Binding, Plan, StoredPair, System, Unit, Verdict


class Standing(NamedTuple):
    """What the evidence says now."""

    system: System
    plan: Plan | None
    outcome: Outcome
    reasons: tuple[str, ...]
    gates: list[GateResult]
    units: list[Judged]
    """Empty where the evidence cannot be read."""
    entries: list[ledger.Entry]
    """The ledger that was read."""
    signed: dict[str, Exemption]
    """The newest exemption of each gate, whether it still holds or not; empty where the ledger cannot be trusted."""
    intended_use: str
    at: datetime
    """When it was read, UTC: exemptions expire."""

    @property
    def exemptions(self) -> dict[str, Exemption]:
        """The exemptions that hold, by the failed gate that they cover."""
        return conditions.covering(self.signed, self.gates, plan=self.plan.id if self.plan else None, now=self.at)


def assess(workspace: Workspace, run_or_system: str) -> Standing:
    """What a decision would be now, with the evidence; nothing is stored."""
    with workspace.read() as connection:
        system = systems.find(connection, run_or_system)
        entries = ledger.entries(connection, system.id)
        material = binding.gather(connection, system)
        pairs = review_pairs.of_system(connection, system.id)
        decided = [output for output in material.outputs if output.model == system.target]
        elsewhere = found_elsewhere(connection, system, decided)
        seen = seen_before(connection, system, decided)
        told = events.about(connection, system.id, kinds=[Kind.VERDICT])
        run = runs.get(connection, system.run_id) if system.run_id else None
    learnt = [] if run is None else [rules.learnt(run.result)]
    problems = evidence.problems(workspace, system.id, entries)
    plan = None if problems else _plan_of(entries)
    signed = {} if problems else conditions.signed_exemptions(entries)
    use, read_at = "" if problems else conditions.intended_use(entries), workspace.clock()
    if plan is None:
        problems = problems or [
            "No review plan was drawn: which outputs people judge has to be fixed before the first verdict."
        ]
        gates = [rules.intact(problems), *learnt]
        return _standing(system, None, gates, [], entries, signed, use, read_at)
    now = binding.bind(workspace, material)
    problems += binding.changes(plan.binding, now)
    problems += _suites_that_went(entries, now)
    sealed = {entry.seal for entry in entries}
    seals = {event.detail["seal"] for event in told if isinstance(event.detail, dict) and "seal" in event.detail}
    if not seals <= sealed:
        problems.append("The log tells of verdicts that the ledger does not hold.")
    if plan.id != plan_hash(plan):
        problems.append("The plan is not the one that was drawn.")
    for suite in material.suites:
        if suite.id != binding.suite_hash(suite):
            problems.append(f"Suite {suite.name} was changed after it was frozen.")
    swapped = [
        pair
        for unit in plan.units
        for pair in unit.pairs
        if (at := pairs.get(pair)) is None or sides.pair_id(workspace, at.output_id, at.other_id) != pair
    ]
    if swapped:
        problems.append(f"{len(swapped)} pairs do not name the outputs that were drawn.")
    changed = changed_texts(entries, {output.id: output for output in material.outputs})
    if changed:
        problems.append(f"{len(changed)} outputs are not the texts that were judged.")
    stated = of_system(entries)
    mine = {output.id for output in material.outputs if output.model == system.target}
    units = [] if swapped else [_judged(unit, pairs, stated, mine) for unit in plan.units]
    found = {output_id: each for output_id, each in material.findings.items() if output_id in mine}
    gates = [
        *rules.evaluate(plan, units),
        rules.critical_harm(units),
        rules.coverage(units),
        rules.known_elsewhere(elsewhere, units),
        rules.chosen_unseen(seen),
        rules.answered(plan, imported=sum(output.decoding is None for output in decided)),
        rules.screened(plan),
        rules.detector_errors(found, plan.gates),
        rules.never_trained(plan),
        rules.intact(problems),
        *learnt,
    ]
    return _standing(system, plan, gates, units, entries, signed, use, read_at)


def _standing(
    system: System,
    plan: Plan | None,
    gates: list[GateResult],
    units: list[Judged],
    entries: list[ledger.Entry],
    signed: dict[str, Exemption],
    use: str,
    at: datetime,
) -> Standing:
    plan_id = plan.id if plan else None
    covered = conditions.covering(signed, gates, plan=plan_id, now=at)
    reasons = []
    for gate in gates:
        if gate.name in covered:
            exemption = covered[gate.name]
            reasons.append(
                f"{gate.explanation} {exemption.signed_by} answers for it until {exemption.expires:%Y-%m-%d}: "
                f"{exemption.reason}"
            )
        elif gate.status == "fail" and gate.name in signed:
            ended = conditions.ended_because(signed[gate.name], gate, plan=plan_id, now=at)
            reasons.append(f"{gate.explanation} {ended}")
        elif gate.status != "pass":
            reasons.append(gate.explanation)
    return Standing(system, plan, outcome_of(gates, covered), tuple(reasons), gates, units, entries, signed, use, at)


def outcome_of(gates: Sequence[GateResult], covered: Collection[str] = ()) -> Outcome:
    """Blocked if a gate fails, else inconclusive if one is open, else release: under conditions, if one is exempt.

    Args:
        gates: Those that stand.
        covered: Names of failed gates with an exemption that holds.
    """
    failed = {gate.name for gate in gates if gate.status == "fail"}
    if failed - set(covered):
        return Outcome.BLOCKED
    if not gates or any(gate.status == "inconclusive" for gate in gates):
        return Outcome.INCONCLUSIVE
    return Outcome.CONDITIONS if failed else Outcome.RELEASE


def decide(workspace: Workspace, run_or_system: str, *, actor: str) -> Decision:
    """Store and seal the decision as the evidence stands now. Returns it."""
    require(workspace, actor, Right.DECIDE)
    stands = assess(workspace, run_or_system)
    checkpoint = evidence.checkpoint_hash(workspace, stands.system.run_id) if stands.system.run_id else None
    with workspace.write() as connection:
        if stands.system.run_id is not None:
            systems.ensure_run(connection, stands.system.run_id, actor=actor, at=workspace.clock())
        systems.lock(connection, stands.system.id)
        newest = ledger.last(connection, stands.system.id)
        if (newest.seal if newest else None) != (stands.entries[-1].seal if stands.entries else None):
            raise ReleaseError("A verdict was stored in the same moment.", hint="Decide again.")
        decision = Decision(
            id=0,
            system_id=stands.system.id,
            outcome=stands.outcome,
            reasons=stands.reasons,
            gates=tuple(stands.gates),
            plan=stands.plan.id if stands.plan else None,
            checkpoint=checkpoint,
            exemptions=tuple(stands.exemptions.values()),
            intended_use=stands.intended_use,
            decided_by=actor,
            at=workspace.clock(),
        )
        content = decision.model_dump(mode="json", exclude={"id", "at", "evidence"})
        entry = evidence.add(workspace, connection, stands.system.id, "decision", content, actor=actor)
        decision = decisions.add(connection, decision.model_copy(update={"evidence": entry.seal}))
        detail = {"decision": decision.id, "outcome": stands.outcome.value, "seal": entry.seal}
        events.append(connection, Kind.DECISION, stands.system.id, actor=actor, at=decision.at, detail=detail)
    evidence.anchor(workspace, stands.system.id)
    return decision


def decisions_of(workspace: Workspace, run_or_system: str) -> list[Decision]:
    """Stored decisions about a run or a system, newest first."""
    with workspace.read() as connection:
        return decisions.of_system(connection, systems.find(connection, run_or_system).id)


def change_gates(workspace: Workspace, project_id: int, gates: Gates, *, actor: str) -> None:
    """Store other limits for a project; the change is an event, so that a report can show what was set when."""
    require(workspace, actor, Right.DECIDE)
    with workspace.write() as connection:
        projects.lock(connection, project_id)
        project = projects.by_id(connection, project_id)
        projects.change(connection, project.model_copy(update={"gates": gates}))
        detail = {"before": project.gates.model_dump(), "after": gates.model_dump()}
        events.append(connection, Kind.GATES, of_project(project_id), actor=actor, at=workspace.clock(), detail=detail)


def exempt(
    workspace: Workspace, run_or_system: str, gate: str, *, reason: str, expires: datetime, actor: str
) -> Exemption:
    """Answer for a gate that failed, until a day. Returns the exemption, which is sealed in the ledger.

    Args:
        workspace: Where the evidence is.
        run_or_system: Whose gate.
        gate: Its name, or the category that it bounds.
        reason: Why the model may go out all the same.
        expires: From when on the gate blocks again.
        actor: Who answers for it.

    Raises:
        ReleaseError: There is no such gate, it did not fail, it is about severity 4, or reason or day are missing.
    """
    require(workspace, actor, Right.DECIDE)
    stands = assess(workspace, run_or_system)
    chosen = next((each for each in stands.gates if gate in (each.name, each.category)), None)
    if chosen is None:
        names = ", ".join(each.name for each in stands.gates)
        raise ReleaseError(f"There is no gate {gate}.", hint=f"Name one of: {names}.")
    plan_id = stands.plan.id if stands.plan else None
    signed = conditions.exemption_of(
        chosen, reason=reason, expires=expires, plan=plan_id, actor=actor, now=workspace.clock()
    )
    conditions.seal_exemption(workspace, stands.system.id, signed, actor=actor)
    return signed


def _judged(
    unit: Unit, pairs: Mapping[str, StoredPair], stated: Mapping[int, Sequence[Verdict]], mine: Container[int]
) -> Judged:
    """A unit with what people said; `mine` are the outputs of the decided model, of which swapped prompts show two."""
    stored = [pairs[pair] for pair in unit.pairs]
    shown = [[id for id in (each.output_id, each.other_id) if id is not None and id in mine] for each in stored]
    others = [each.other_id for each in stored if each.other_id is not None and each.other_id not in mine]
    return Judged(
        unit=unit,
        verdicts=tuple(tuple(verdict for id in ids for verdict in stated.get(id, ())) for ids in shown),
        base=tuple(tuple(stated.get(other, ())) for other in others),
    )


def _suites_that_went(entries: Sequence[ledger.Entry], now: Binding) -> list[str]:
    """Gate suites of any plan so far that are not gate suites with the same content any more."""
    plans = [Plan.model_validate_json(entry.content) for entry in entries if entry.kind == "plan"]
    once = {(name, content) for plan in plans for name, content in plan.binding.suites.items()}
    return [
        f"Gate suite {name}, for which an earlier plan was drawn, is not what it was."
        for name, content in sorted(once)
        if now.suites.get(name) != content
    ]


def _plan_of(entries: Sequence[ledger.Entry]) -> Plan | None:
    newest = [entry for entry in entries if entry.kind == "plan"][-1:]
    try:
        return Plan.model_validate_json(newest[0].content) if newest else None
    except ValidationError:
        return None
