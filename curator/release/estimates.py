"""Rates estimated with the help of scores, beside those from the labels alone.

The scores are those of a head that learns from the verdicts themselves, cross-fitted, or else of a detector that has a
score for the question. They make the estimate sharper and decide nothing: gates stand on exact bounds from labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from curator.release.decision import Standing
from curator.release.gates import OWN_DEFECTS, Judged, people_judged
from curator.review import verdict_head
from curator.review.detectors.base import Item
from curator.review.verdict_head import VerdictHead
from curator.stats.prediction_powered import FEWEST_OF_EACH, PoweredStratum, stratified_powered
from curator.stats.stratified import Stratum, weighted_rate
from curator.store import findings, outputs, review_pairs
from curator.workspace import Workspace
from schemas.release import PoweredRate
from schemas.review import Category, Finding, FindingStatus, Output, StoredPair

_SCORED: dict[Category, tuple[str, bool]] = {
    "harm": ("refusal", True),
    "fact": ("reference", False),
    "task": ("reference", False),
}
"""The detector whose score speaks of a category's own defects; True where a high score speaks against them: what was
refused was not done."""
_UNKNOWN = 0.5
"""Score where the detector abstained."""


class _Material(NamedTuple):
    pairs: Mapping[str, StoredPair]
    by_id: Mapping[int, Output]
    found: Mapping[int, Sequence[Finding]]


def powered_rates(workspace: Workspace, stands: Standing) -> list[PoweredRate]:
    """The rate of every category from labels alone, and with scores where there are some that help."""
    if stands.plan is None or not stands.units:
        return []
    with workspace.read() as connection:
        material = _Material(
            review_pairs.of_system(connection, stands.system.id),
            {each.id: each for each in outputs.of_system(connection, stands.system.id)},
            findings.of_system(connection, stands.system.id),
        )
    categories = dict.fromkeys(each.unit.category for each in stands.units)
    return [
        _of_category(material, category, [each for each in stands.units if each.unit.category == category], stands)
        for category in categories
    ]


def _of_category(material: _Material, category: Category, units: Sequence[Judged], stands: Standing) -> PoweredRate:
    read = _read(units, sequential=stands.plan is not None and stands.plan.sequential)
    labels = [each.has(OWN_DEFECTS[category]) for each in units]
    strata_of = [_stratum(each, stands) for each in units]
    names = list(dict.fromkeys(strata_of))

    def members(name: str) -> list[int]:
        return [place for place, stratum in enumerate(strata_of) if stratum == name]

    counts = [
        Stratum(len(places), sum(read[n] for n in places), sum(read[n] and labels[n] for n in places))
        for places in map(members, names)
    ]
    rate = PoweredRate(
        category=category,
        labels=sum(read),
        unlabelled=len(units) - sum(read),
        plain=weighted_rate(counts),
        scores=None,
        estimate=None,
        lower=None,
        upper=None,
        why_not=None,
    )
    if not rate.unlabelled:
        return rate.model_copy(update={"why_not": "Every prompt is judged: there is nothing to estimate."})
    source, scores, reason = _scores(material, category, units)
    if scores is None:
        return rate.model_copy(update={"why_not": reason})
    powered = stratified_powered([
        PoweredStratum(
            [float(labels[n]) for n in places if read[n]],
            [scores[n] for n in places if read[n]],
            [scores[n] for n in places if not read[n]],
        )
        for places in map(members, names)
    ])  # fmt: skip
    if powered is None:
        few = f"Fewer than {FEWEST_OF_EACH} prompts with, or without, a defect, or a stratum without two labels."
        return rate.model_copy(update={"scores": source, "why_not": few})
    lower, upper = powered.interval
    return rate.model_copy(update={"scores": source, "estimate": powered.estimate, "lower": lower, "upper": upper})


def _read(units: Sequence[Judged], *, sequential: bool) -> list[bool]:
    """Which units were judged as the plan drew them; of a sequence only an unbroken beginning is a random sample."""
    read: list[bool] = []
    for each in units:
        unbroken = all(read) if sequential else each.unit.planned
        read.append(unbroken and each.is_judged)
    return read


def _stratum(judged: Judged, stands: Standing) -> str:
    return "all" if stands.plan is not None and stands.plan.sequential else judged.unit.stratum


def _scores(
    material: _Material, category: Category, units: Sequence[Judged]
) -> tuple[str | None, list[float] | None, str | None]:
    """Whose scores, one for each unit (the worst of its outputs), or why there are none."""
    known = _known(material, category, units)
    reason = verdict_head.why_not(known)
    if reason is None:
        head = VerdictHead(known, defect=" or ".join(OWN_DEFECTS[category]))
        places = [place for place, each in enumerate(units) for _ in each.unit.pairs]
        items = [_item(material, pair) for each in units for pair in each.unit.pairs]
        chances = head.probabilities(items, units=[str(place) for place in places])
        worst = [0.0] * len(units)
        for place, chance in zip(places, chances, strict=True):
            worst[place] = max(worst[place], chance)
        return head.id, worst, None
    if category in _SCORED:
        detector, against = _SCORED[category]
        scored = [_detector_score(material, each, detector, against=against) for each in units]
        if any(score is not None for score in scored):
            return detector, [_UNKNOWN if score is None else score for score in scored], None
    return None, None, f"Too few verdicts to learn from ({reason}), and no detector has a score for this question."


def _known(material: _Material, category: Category, units: Sequence[Judged]) -> list[verdict_head.Judged]:
    return [
        verdict_head.Judged(
            _item(material, pair),
            any(set(verdict.judgement.defects) & set(OWN_DEFECTS[category]) for verdict in verdicts),
            str(place),
        )
        for place, each in enumerate(units)
        for pair, verdicts in zip(each.unit.pairs, each.verdicts, strict=True)
        if people_judged(verdicts)
    ]


def _item(material: _Material, pair: str) -> Item:
    output = material.by_id[material.pairs[pair].output_id]
    return Item(output.prompt.prompt, output.text, category=output.prompt.category)


def _detector_score(material: _Material, judged: Judged, detector: str, *, against: bool) -> float | None:
    scores = [
        1 - finding.score if against else finding.score
        for pair in judged.unit.pairs
        for finding in material.found.get(material.pairs[pair].output_id, ())
        if finding.detector == detector and finding.status is FindingStatus.OK and finding.score is not None
    ]
    return max(scores, default=None)
