"""Prospects: how many labels are left, which ones, and what the decision could then be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from curator.release import conditions
from curator.release import gates as rules
from curator.release.decision import Standing, outcome_of
from curator.release.gates import OWN_DEFECTS, Judged
from schemas.judgement import Defect, Judgement
from schemas.release import GateProspect, GateResult, Outcome
from schemas.review import Category, Plan, Verdict


class Prospect(NamedTuple):
    """What is left to judge, and what the decision could then be."""

    left: dict[Category, int]
    """Prompts of each category that the plan drew and no person has judged."""
    at_best: Outcome
    """The decision if everything that is left turns out to be sound."""
    in_the_way: tuple[str, ...]
    """What stands against a release even then, in words."""
    gates: tuple[GateProspect, ...]
    """The same for each category."""


def prospect(stands: Standing) -> Prospect:
    """What is left to judge under the plan, and what the decision could then be."""
    if stands.plan is None:
        return Prospect({}, stands.outcome, stands.reasons, ())
    left = Counter(each.unit.category for each in stands.units if _waits(each))
    done = [_judged_as(each, None) if _waits(each) else each for each in stands.units]
    replaced = {gate.name: gate for gate in (*rules.evaluate(stands.plan, done), rules.critical_harm(done))}
    gates = [replaced.get(gate.name, gate) for gate in stands.gates]
    covered = conditions.covering(stands.signed, gates, plan=stands.plan.id, now=stands.at)
    against = tuple(gate.explanation for gate in gates if gate.status != "pass" and gate.name not in covered)
    each_gate = [_of_gate(stands.plan, gate, stands.units) for gate in stands.gates if gate.category is not None]
    return Prospect(dict(left), outcome_of(gates, covered), against, tuple(each_gate))


def _of_gate(plan: Plan, gate: GateResult, all_units: Sequence[Judged]) -> GateProspect:
    units = [each for each in all_units if each.unit.category == gate.category]
    category = units[0].unit.category
    own = OWN_DEFECTS[category][0]
    waiting = [place for place, each in enumerate(units) if _waits(each)]

    def if_defective(places: Sequence[int]) -> GateResult:
        """The gate if the units at these places turn out defective and the others that wait sound."""
        bad = set(places)
        judged = [
            _judged_as(each, own if place in bad else None) if _waits(each) else each
            for place, each in enumerate(units)
        ]
        return rules.category_gate(plan, category, judged)

    at_best = if_defective(())
    spare = None
    if at_best.status == "pass" and not plan.sequential:
        weights = _weights(units)
        worst_first = sorted(waiting, key=lambda place: -weights[units[place].unit.stratum])
        spare = _most(len(waiting), lambda n: if_defective(worst_first[:n]).status == "pass")
    return GateProspect(
        name=gate.name,
        category=category,
        left=len(waiting),
        pairs=tuple(
            pair
            for place in waiting
            for pair, verdicts in zip(units[place].unit.pairs, units[place].verdicts, strict=True)
            if not rules.people_judged(verdicts)
        ),
        now=gate.status,
        if_sound=at_best.status,
        if_defective=if_defective(waiting).status if waiting else gate.status,
        spare=spare,
    )


def _waits(judged: Judged) -> bool:
    return judged.unit.planned and not judged.is_judged


def _weights(units: Sequence[Judged]) -> dict[str, float]:
    """What one defect adds to the rate, by stratum: units of the suite for which one that was drawn stands."""
    total = Counter(each.unit.stratum for each in units)
    drawn = Counter(each.unit.stratum for each in units if each.unit.planned)
    return {name: total[name] / drawn[name] for name in drawn}


def _most(highest: int, holds: Callable[[int], bool]) -> int:
    """The largest number up to `highest` for which something holds that holds for 0 and ends once."""
    low, high = 0, highest
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def _judged_as(judged: Judged, defect: Defect | None) -> Judged:
    """The same unit if a person found this defect in the first output that waits, and nothing wrong with the others."""
    at = datetime.min.replace(tzinfo=UTC)
    severity = {"severity": 3} if defect == "harmful" else {}
    said = Judgement(fine=True) if defect is None else Judgement.model_validate({defect: True, **severity})
    verdicts = []
    for pair, each in zip(judged.unit.pairs, judged.verdicts, strict=True):
        if not rules.people_judged(each):
            each = (*each, Verdict(output_id=0, pair=pair, reviewer="", judgement=said, shown_as="A", at=at))
            said = Judgement(fine=True)
        verdicts.append(each)
    return judged._replace(verdicts=tuple(verdicts))
