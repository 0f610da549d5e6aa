"""The review plan: which outputs people judge, drawn and sealed before the first verdict.

Per category and stratum, units are drawn at random by a key that cannot be read from the pages. A later plan for the
same system keeps that order, so that drawing again changes no one's luck; it keeps the strictest limits that stood
when there were verdicts; and each category that was looked at to the end needs stronger evidence the next time.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import orjson

from curator import evidence
from curator.access import require
from curator.errors import ReviewError
from curator.quality.contamination import Firewall, GatePrompt
from curator.review import binding
from curator.review.binding import Material
from curator.review.scorecards import is_unfit
from curator.review.screen import expected_detectors
from curator.review.sides import pair_id
from curator.review.units import STRATA, Cluster, OutputPair, pairs_of, units_of
from curator.stats.intervals import needed
from curator.store import events, ledger, review_pairs, systems
from curator.versions import rows as version_rows
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind
from schemas.release import Gates
from schemas.review import Binding, Category, Plan, StoredPair, StratumName, System, Unit
from schemas.version import Split

ALLOWED = 1
"""Defects with which a plan can still pass: a sample of the smallest size fails good models too often."""
_FIRST_LOOK = 0.93
"""Share of alpha that the first look at a category may spend."""
LIMIT_OF: dict[Category, str] = {"harm": "harmful", "fact": "unfactual", "bias": "biased", "task": "unsolved"}
"""The limit of the project's gates under which a category stands."""


def draw(
    workspace: Workspace, run_or_system: str, *, actor: str, sequential: bool | None = None, seed: int | None = None
) -> Plan:
    """Draw the review plan of a system and seal it. Returns the plan that stands already where nothing has changed.

    Args:
        workspace: Where the outputs are.
        run_or_system: A run, or a system without one.
        actor: Who asks for it.
        sequential: Judge in the order drawn until it suffices; by default a sample of a fixed size.
        seed: Of the order; by default 0. It stays as it is in every later plan of the system.

    Raises:
        ReviewError: There is no output of a gate suite, or a plan stands that was drawn otherwise.
    """
    require(workspace, actor, Right.REVIEW)
    with workspace.read() as connection:
        system = systems.find(connection, run_or_system)
        material = binding.gather(connection, system)
        before = _newest(ledger.newest(connection, system.id, "plan"))
        judged = _judged(ledger.entries(connection, system.id, kinds=["verdict"]))
    if not any(output.model == system.target for output in material.outputs):
        raise ReviewError(
            f"{run_or_system} has no output of a gate suite.",
            hint="Generate some with `curator generate`, or bring them in with `curator outputs import`.",
        )
    now = binding.bind(workspace, material)
    if before is not None:
        if seed is not None and seed != before.seed:
            raise ReviewError(
                f"The order of {run_or_system} was drawn with seed {before.seed}; drawing again would choose a sample.",
                hint="Leave the seed out.",
            )
        kept = before.sequential if sequential is None else sequential
        if kept != before.sequential and judged:
            raise ReviewError(
                f"The plan of {run_or_system} is {_kind(before.sequential)} and has verdicts; its kind stays as it is.",
                hint="Go on under that plan.",
            )
        if now == before.binding and kept == before.sequential:
            return before
        sequential, seed = kept, before.seed
    gates = material.gates if before is None or not judged else _strictest(before.gates, material.gates)
    strata = {} if before is None else _strata_that_stay(before, judged)
    plan, pairs = fresh(
        workspace, material, now, gates=gates, sequential=bool(sequential), seed=seed or 0, strata=strata
    )
    if before is not None:
        since = {"predecessor": before.id, "changes": tuple(_differences(before, plan))}
        plan = plan.model_copy(update={"looks": _looks(before, plan, judged), **since})
    plan = plan.model_copy(update={"id": plan_hash(plan)})
    with workspace.write() as connection:
        if system.run_id is not None:
            systems.ensure_run(connection, system.run_id, actor=actor, at=workspace.clock())
        systems.lock(connection, system.id)
        if _newest(ledger.newest(connection, system.id, "plan")) != before:
            raise ReviewError("Another plan was drawn in the same moment.", hint="Ask for the plan again.")
        review_pairs.add_many(connection, pairs)
        evidence.add(workspace, connection, system.id, "plan", plan.model_dump(mode="json"), actor=actor)
        detail = {"plan": plan.id, "predecessor": plan.predecessor, "changes": list(plan.changes)}
        events.append(connection, Kind.REVIEW_PLAN, system.id, actor=actor, at=workspace.clock(), detail=detail)
    evidence.anchor(workspace, system.id)
    return plan


def standing(workspace: Workspace, system_id: str) -> Plan | None:
    """The newest plan of a system; None before there is one."""
    with workspace.read() as connection:
        return _newest(ledger.newest(connection, system_id, "plan"))


def plan_hash(plan: Plan) -> str:
    """The id that the content of a plan has."""
    content = plan.model_dump(mode="json", exclude={"id"})
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def confidence_of(gates: Gates, looks: int) -> float:
    """Confidence of a bound after so many earlier looks at the same category.

    The first look may be wrong with probability .93 alpha, the second with .035 alpha, the next with half of that and
    so on: all together with at most alpha.
    """
    alpha = 1 - gates.confidence
    return 1 - alpha * (_FIRST_LOOK if looks == 0 else (1 - _FIRST_LOOK) / 2**looks)


def is_judged(unit: Unit, judged: Counter[str]) -> bool:
    """Whether every pair of a unit has a verdict, as `judged` counts them."""
    return all(judged[pair] > 0 for pair in unit.pairs)


def _newest(entry: ledger.Entry | None) -> Plan | None:
    return None if entry is None else Plan.model_validate_json(entry.content)


def _judged(entries: Sequence[ledger.Entry]) -> Counter[str]:
    return Counter(orjson.loads(entry.content)["pair"] for entry in entries)


def _kind(sequential: bool) -> str:
    return "sequential" if sequential else "of a fixed size"


class Drawn(NamedTuple):
    """A plan that is not stored yet."""

    plan: Plan
    pairs: list[StoredPair]


def fresh(
    workspace: Workspace,
    material: Material,
    now: Binding,
    *,
    gates: Gates,
    sequential: bool,
    seed: int,
    strata: Mapping[str, StratumName] = MappingProxyType({}),
) -> Drawn:
    """The units in random order, the planned ones marked; `strata` holds pairs whose stratum is settled already."""
    key = evidence.secret(workspace, "order")

    def place(cluster: Cluster) -> bytes:
        said = f"{material.system.id}\n{seed}\n{cluster.category}\n{cluster.key}"
        return hmac.new(key, said.encode(), hashlib.sha256).digest()

    names = {suite.id: suite.name for suite in material.suites}
    target = material.system.target
    present = {(finding.detector, finding.version) for each in material.findings.values() for finding in each}
    unfit = {each for each in present if is_unfit(*each)}
    clusters = sorted(units_of(pairs_of(material.outputs, target), material.findings, unfit=unfit), key=place)
    sample = {category: _sample_size(gates, category) for category in {each.category for each in clusters}}
    room: Counter[tuple[Category, StratumName]] = Counter()
    units, pairs = [], []
    for cluster in clusters:
        stored = [_stored(workspace, material.system, pair) for pair in cluster.outputs]
        settled = [strata[pair.id] for pair in stored if pair.id in strata]
        if settled:
            cluster = cluster._replace(stratum=max(settled, key=STRATA.index))
        room[cluster.category, cluster.stratum] += 1
        most = math.inf if sequential or cluster.stratum == "critical" else sample[cluster.category]
        members = [output for pair in cluster.outputs for output in pair.decided]
        units.append(
            Unit(
                category=cluster.category,
                suite=names[members[0].suite_id],
                stratum=cluster.stratum,
                prompts=tuple(dict.fromkeys(f"{names[each.suite_id]}/{each.prompt.id}" for each in members)),
                pairs=tuple(pair.id for pair in stored),
                planned=room[cluster.category, cluster.stratum] <= most,
            )
        )
        pairs += stored
    mine = [output for output in material.outputs if output.model == target]
    answered = {
        suite.name: (len({each.prompt.id for each in mine if each.suite_id == suite.id}), len(suite.prompts))
        for suite in material.suites
    }
    plan = Plan(
        id="",
        system_id=material.system.id,
        sequential=sequential,
        seed=seed,
        gates=gates,
        binding=now,
        units=tuple(units),
        answered=answered,
        trained=_trained_prompts(workspace, material),
        unscreened=_unscreened(material),
        looks={},
    )
    return Drawn(plan, pairs)


def _sample_size(gates: Gates, category: Category) -> int:
    """Units to draw of a stratum: as many as show that the limit is kept, with some defects."""
    limit = float(getattr(gates, LIMIT_OF[category]))
    return needed(limit, ALLOWED, confidence=confidence_of(gates, 0)) if limit < 1 else 1


def _stored(workspace: Workspace, system: System, pair: OutputPair) -> StoredPair:
    other_id = pair.other.id if pair.other else None
    name = pair_id(workspace, pair.output.id, other_id)
    return StoredPair(id=name, system_id=system.id, output_id=pair.output.id, other_id=other_id)


def _unscreened(material: Material) -> dict[str, int]:
    """Outputs of the decided model on which a detector of the standard set is silent."""
    mine = [output for output in material.outputs if output.model == material.system.target]
    missing: Counter[str] = Counter()
    for output in mine:
        done = {finding.detector for finding in material.findings.get(output.id, [])}
        missing.update(expected_detectors(material.system) - done)
    return dict(sorted(missing.items()))


def _trained_prompts(workspace: Workspace, material: Material) -> dict[str, tuple[str, ...]]:
    """Prompts of gate suites that, themselves or with their answers, stand in training rows of the run's version."""
    if material.version_id is None:
        return {}
    firewall = Firewall(
        GatePrompt(suite.name, prompt.id, prompt.prompt, prompt.right_answers)
        for suite in material.suites
        for prompt in suite.prompts
    )
    found: dict[str, set[str]] = {}
    for row in version_rows(workspace, material.version_id, split=Split.TRAIN):
        match = firewall.match_record(row.record)
        if match is not None:
            found.setdefault(match.suite, set()).add(match.id)
    return {suite: tuple(sorted(ids)) for suite, ids in sorted(found.items())}


def _strictest(before: Gates, now: Gates) -> Gates:
    """The limits that bind once there are verdicts: a limit that was loosened after them proves nothing."""
    strict = {name: min(getattr(before, name), getattr(now, name)) for name in Gates.model_fields}
    return Gates(**strict | {"confidence": max(before.confidence, now.confidence)})


def _strata_that_stay(before: Plan, judged: Counter[str]) -> dict[str, StratumName]:
    """The stratum of every pair of a category that has a verdict.

    Findings that come after verdicts may be made from them: strata drawn by those would hide what is left.
    """
    looked_at = {unit.category for unit in before.units if any(judged[pair] for pair in unit.pairs)}
    return {pair: unit.stratum for unit in before.units if unit.category in looked_at for pair in unit.pairs}


def _differences(before: Plan, after: Plan) -> list[str]:
    found = binding.changes(before.binding, after.binding)
    if after.gates != after.binding.gates:
        found.append("Limits were loosened after the first verdict; the stricter ones still bind.")
    if before.sequential != after.sequential:
        found.append(f"The plan was {_kind(before.sequential)} and is {_kind(after.sequential)} now.")
    return found


def _looks(before: Plan, after: Plan, judged: Counter[str]) -> dict[Category, int]:
    """How often each category was looked at; one whose sample is the same was not looked at again.

    One verdict is a look: who may draw again after each chooses the sample that suits.
    """
    looks = dict(before.looks)
    for category in {unit.category for unit in before.units}:
        old = {unit.pairs for unit in before.units if unit.category == category and unit.planned}
        new = {unit.pairs for unit in after.units if unit.category == category and unit.planned}
        if old != new and any(judged[pair] for pairs in old for pair in pairs):
            looks[category] = looks.get(category, 0) + 1
    return looks
