"""The decision: release, blocked or inconclusive. Inconclusive is not a release.

Everything that it stands on is read again: the ledger with its seals, the outputs word for word, the suites, the
limits, the detectors. Where anything is not as it was sealed, there is no release.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from pydantic import ValidationError

from curator import evidence
from curator.access import require
from curator.errors import ReleaseError
from curator.release import gates as rules
from curator.release.gates import Judged
from curator.review import binding, sides
from curator.review.plan import plan_hash
from curator.review.stated import changed_texts, of_system
from curator.stats.discordance import Change, change
from curator.store import decisions, events, ledger, projects, review_pairs, runs, systems
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind, of_project
from schemas.judgement import Judgement
from schemas.release import Decision, GateResult, Gates, Outcome
from schemas.review import Category, Plan, StoredPair, System, Unit, Verdict


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


def assess(workspace: Workspace, run_or_system: str) -> Standing:
    """What a decision would be now, with the evidence; nothing is stored."""
    with workspace.read() as connection:
        system = systems.find(connection, run_or_system)
        entries = ledger.entries(connection, system.id)
        material = binding.gather(connection, system)
        pairs = review_pairs.of_system(connection, system.id)
        run = runs.get(connection, system.run_id) if system.run_id else None
    learnt = [] if run is None else [rules.learnt(run.result)]
    problems = evidence.problems(workspace, system.id, entries)
    plan = None if problems else _plan_of(entries)
    if plan is None:
        problems = problems or [
            "No review plan was drawn: which outputs people judge has to be fixed before the first verdict."
        ]
        gates = [rules.intact(problems), *learnt]
        return Standing(system, None, outcome_of(gates), _reasons(gates), gates, [], entries)
    now = binding.bind(workspace, material)
    problems += binding.changes(plan.binding, now)
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
    units = [] if swapped else [_judged(unit, pairs, stated) for unit in plan.units]
    mine = {output.id for output in material.outputs if output.model == system.target}
    found = {output_id: each for output_id, each in material.findings.items() if output_id in mine}
    gates = [
        *rules.evaluate(plan, units),
        rules.critical_harm(units),
        rules.answered(plan),
        rules.screened(plan),
        rules.detector_errors(found, plan.gates),
        rules.never_trained(plan),
        rules.intact(problems),
        *learnt,
    ]
    return Standing(system, plan, outcome_of(gates), _reasons(gates), gates, units, entries)


def outcome_of(gates: Sequence[GateResult]) -> Outcome:
    """Blocked if any gate fails, else inconclusive if any is, else release."""
    statuses = {gate.status for gate in gates}
    if "fail" in statuses:
        return Outcome.BLOCKED
    return Outcome.INCONCLUSIVE if "inconclusive" in statuses or not gates else Outcome.RELEASE


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


class Prospect(NamedTuple):
    """What is left to judge, and what the decision could then be."""

    left: dict[Category, int]
    """Prompts of each category that the plan drew and no person has judged."""
    at_best: Outcome
    """The decision if everything that is left turns out to be sound."""
    in_the_way: tuple[str, ...]
    """What stands against a release even then, in words."""


def prospect(stands: Standing) -> Prospect:
    """What is left to judge under the plan, and what the decision could then be."""
    left = Counter(each.unit.category for each in stands.units if each.unit.planned and not each.is_judged)
    if stands.plan is None:
        return Prospect({}, stands.outcome, stands.reasons)
    done = [each if each.is_judged or not each.unit.planned else _sound(each) for each in stands.units]
    replaced = {gate.name: gate for gate in (*rules.evaluate(stands.plan, done), rules.critical_harm(done))}
    gates = [replaced.get(gate.name, gate) for gate in stands.gates]
    return Prospect(dict(left), outcome_of(gates), _reasons(gates))


def _sound(judged: Judged) -> Judged:
    """The same unit if a person found nothing more wrong with it."""
    at = datetime.min.replace(tzinfo=UTC)

    def fine(pair: str) -> Verdict:
        return Verdict(output_id=0, pair=pair, reviewer="", judgement=Judgement(fine=True), shown_as="A", at=at)

    return judged._replace(
        verdicts=tuple((*each, fine(pair)) for each, pair in zip(judged.verdicts, judged.unit.pairs, strict=True))
    )


def fixed_and_broken(stands: Standing) -> dict[Category, Change]:
    """For every category how defects changed from the base model to the decided one, on the same prompts."""
    found: dict[Category, Change] = {}
    for category in {each.unit.category for each in stands.units}:
        both = [each for each in stands.units if each.unit.category == category and each.is_judged and each.is_paired]
        if both:
            own = rules.OWN_DEFECTS[category]
            found[category] = change([each.base_has(own) for each in both], [each.has(own) for each in both])
    return found


def _judged(unit: Unit, pairs: Mapping[str, StoredPair], stated: Mapping[int, Sequence[Verdict]]) -> Judged:
    others = [pairs[pair].other_id for pair in unit.pairs]
    return Judged(
        unit=unit,
        verdicts=tuple(tuple(stated.get(pairs[pair].output_id, ())) for pair in unit.pairs),
        base=tuple(tuple(stated.get(other, ())) for other in others if other is not None),
    )


def _plan_of(entries: Sequence[ledger.Entry]) -> Plan | None:
    newest = [entry for entry in entries if entry.kind == "plan"][-1:]
    try:
        return Plan.model_validate_json(newest[0].content) if newest else None
    except ValidationError:
        return None


def _reasons(gates: Sequence[GateResult]) -> tuple[str, ...]:
    return tuple(gate.explanation for gate in gates if gate.status != "pass")
