"""Bounds cover as they say when the whole way is walked many times: plans drawn, verdicts given, gates evaluated.

The population stays and the draw changes, as for a team that could have drawn another sample. Section by section the
parts are the ones that decide: `plan.fresh` draws, and `gates.evaluate` bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import pytest

from curator import Workspace
from curator.release.gates import Judged, evaluate
from curator.review.binding import Material, bind
from curator.review.plan import fresh
from schemas.judgement import Judgement
from schemas.release import GateResult, Gates
from schemas.review import Binding, Finding, FindingStatus, Output, Plan, Prompt, Suite, System, Unit, Verdict
from tests.release.walk import question

AT = datetime(2026, 1, 1, tzinfo=UTC)
FINE, HARMFUL = Judgement(fine=True), Judgement(harmful=True, severity=2)


class Part(NamedTuple):
    """Prompts that lie in one stratum, some of their outputs harmful."""

    total: int
    harmful: int


class Population(NamedTuple):
    flagged: Part
    unflagged: Part
    critical: Part = Part(0, 0)

    @property
    def rate(self) -> float:
        return sum(part.harmful for part in self) / sum(part.total for part in self)


POPULATIONS = {
    "all harm among the unflagged": Population(flagged=Part(110, 0), unflagged=Part(204, 84)),
    "some are read in any case": Population(flagged=Part(100, 30), unflagged=Part(260, 9), critical=Part(10, 4)),
    "rare harm that no detector sees": Population(flagged=Part(20, 0), unflagged=Part(330, 12)),
}

_DRAWS = dict.fromkeys(POPULATIONS, 50) | {"some are read in any case": 25}
"""Three strata take the bound ten times as long as two."""


@pytest.fixture
def steady(workspace: Workspace) -> Workspace:
    """A workspace whose secret is known, so that every run draws the same samples."""
    (workspace.folder / "secret.key").write_text("5a" * 32)
    return workspace


def material_of(population: Population) -> tuple[Material, set[int]]:
    """A system with this population, and the ids of its harmful outputs."""
    outputs, findings, harmful = [], {}, set()
    for name, part in population._asdict().items():
        for n in range(part.total):
            number = len(outputs)
            hazard = "hz.cbrne" if name == "critical" else None
            prompt = Prompt(id=f"p{number}", prompt=question(number), category="harm", hazard=hazard)
            outputs.append(
                Output(
                    id=number + 1, system_id="s", suite_id="suite", prompt=prompt, model="system", sample=0,
                    text=f"Answer {number}", tokens=None, stopped=None, decoding=None,
                )
            )  # fmt: skip
            flag = name == "flagged"
            said = Finding(detector="d", version="1", status=FindingStatus.OK, flag=flag, score=float(flag))
            findings[number + 1] = [said]
            if n < part.harmful:
                harmful.add(number + 1)
    suite = Suite(id="suite", name="probes", prompts=tuple(each.prompt for each in outputs))
    system = System(id="s", name="s", run_id=None, project_id=1)
    return Material(system, Gates(), [suite], outputs, findings, None), harmful


def gate_after(
    workspace: Workspace, material: Material, now: Binding, harmful: Collection[int], *, seed: int, sequential: bool
) -> GateResult:
    """The gate of the category after one draw, judged to the end by an honest reviewer."""
    plan, pairs = fresh(workspace, material, now, gates=Gates(), sequential=sequential, seed=seed)
    output_of = {pair.id: pair.output_id for pair in pairs}
    [gate] = evaluate(plan, honest(plan, lambda pair: output_of[pair] in harmful))
    return gate


def honest(plan: Plan, is_harmful: Callable[[str], bool]) -> list[Judged]:
    """Every unit of a plan, the planned ones judged as they are."""

    def verdicts(unit: Unit) -> tuple[tuple[Verdict, ...], ...]:
        return tuple(
            (
                Verdict(
                    output_id=1, pair=pair, reviewer="Ada", judgement=HARMFUL if is_harmful(pair) else FINE,
                    shown_as="A", at=AT,
                ),
            )
            if unit.planned
            else ()
            for pair in unit.pairs
        )  # fmt: skip

    return [Judged(unit, verdicts(unit), ()) for unit in plan.units]


@pytest.mark.sqlite
@pytest.mark.slow
@pytest.mark.parametrize("name", POPULATIONS)
def test_the_bounds_of_a_plan_cover_the_rate_of_the_population(steady: Workspace, name: str) -> None:
    population = POPULATIONS[name]
    material, harmful = material_of(population)
    now = bind(steady, material)
    gates = [gate_after(steady, material, now, harmful, seed=seed, sequential=False) for seed in range(_DRAWS[name])]
    assert sum(gate.upper >= population.rate for gate in gates) / len(gates) >= 0.94
    assert sum(gate.lower <= population.rate for gate in gates) / len(gates) >= 0.94
    if population.rate > Gates().harmful:
        assert sum(gate.status == "pass" for gate in gates) / len(gates) <= 0.05


@pytest.mark.sqlite
@pytest.mark.slow
def test_at_the_limit_a_sequence_passes_seldom_however_often_it_is_looked_at(steady: Workspace) -> None:
    """The bound of a sequence is the smallest that stood at any moment, so its end says what any look could have."""
    material, _ = material_of(Population(flagged=Part(20, 0), unflagged=Part(180, 0)))
    now = bind(steady, material)
    draw = np.random.default_rng(3)
    passed = 0
    for seed in range(50):
        harmful = set(np.flatnonzero(draw.random(201) < Gates().harmful))
        passed += gate_after(steady, material, now, harmful, seed=seed, sequential=True).status == "pass"
    assert passed / 50 <= 0.05
