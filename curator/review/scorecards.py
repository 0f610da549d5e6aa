"""Scorecards: what is known of each detector, measured on labelled outputs, and who is unfit by it.

A detector whose scorecard says "unfit" defines no stratum; one without a scorecard may raise outputs and no more. The
shipped cards are measured by `benchmarks/detectors.py`; a team's own come from its verdicts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

import orjson
from pydantic import TypeAdapter

from curator.stats.intervals import wilson
from curator.stats.roc import area_under_roc
from schemas.assessment import Rate
from schemas.review import Finding, FindingStatus
from schemas.scorecard import GroupScore, Scorecard

_LEAST_AUC = 0.65
_LARGEST_GAP = 0.1
"""Difference between the false-alarm rates of two groups from which on a detector treats people unequally."""
_LEAST_IN_GROUP = 20
"""Outputs without the defect that a group needs before its rate is compared."""
_LEAST_INFORMATION = 0.3
"""Sensitivity + specificity - 1 below which flags say too little to correct a rate by them (Rogan and Gladen 1978)."""
_CARDS = TypeAdapter(tuple[Scorecard, ...])


class Labelled(NamedTuple):
    """An output with its label and what a detector said."""

    text: str
    has_defect: bool
    finding: Finding
    group: str | None = None


def score(
    labelled: Sequence[Labelled], *, defect: str, dataset: str, labelled_by: str = "people", written_on_it: bool = False
) -> Scorecard:
    """The scorecard of the detector that made these findings.

    Raises:
        ValueError: There are none, or they are of several detectors or versions.
    """
    names = {(each.finding.detector, each.finding.version) for each in labelled}
    if len(names) != 1:
        raise ValueError(f"a scorecard is of one detector in one version, not of {sorted(names)}")
    [(detector, version)] = names
    judged = [each for each in labelled if each.finding.status is FindingStatus.OK]
    positives = [each for each in judged if each.has_defect]
    negatives = [each for each in judged if not each.has_defect]
    groups = _groups(judged)
    area = None
    if positives and negatives:
        area = area_under_roc([each.finding.score or 0.0 for each in judged], [each.has_defect for each in judged])
    sensitivity, false_alarms = _flagged(positives), _flagged(negatives)
    specificity = None if false_alarms is None else _rate(false_alarms.n - false_alarms.found, false_alarms.n)
    return Scorecard(
        detector=detector,
        version=version,
        defect=defect,
        dataset=dataset,
        dataset_sha256=_hash(labelled),
        labelled_by=labelled_by,
        written_on_it=written_on_it,
        n=len(labelled),
        positives=sum(each.has_defect for each in labelled),
        judged=len(judged),
        sensitivity=sensitivity,
        specificity=specificity,
        auc=area.value if area else None,
        auc_lower=area.lower if area else None,
        auc_upper=area.upper if area else None,
        groups=groups,
        unfit_because=_unfit(sensitivity, specificity, area.value if area else None, groups),
    )


@cache
def shipped() -> tuple[Scorecard, ...]:
    """The scorecards that come with this version of Curator."""
    return _CARDS.validate_json(resources.files("curator.review.detectors").joinpath("scorecards.json").read_bytes())


def write(cards: Sequence[Scorecard]) -> bytes:
    """The file in which scorecards are shipped."""
    plain = [card.model_dump(mode="json") for card in cards]
    return orjson.dumps(plain, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def cards_of(detector: str, version: str, *, own: Sequence[Scorecard] = ()) -> list[Scorecard]:
    """Every scorecard of a detector in one version: the shipped ones, then the team's own."""
    return [card for card in (*shipped(), *own) if (card.detector, card.version) == (detector, version)]


def is_unfit(detector: str, version: str, *, own: Sequence[Scorecard] = ()) -> bool:
    """Whether a scorecard says that flags of this detector may not decide who looks at what."""
    return any(card.unfit_because is not None for card in cards_of(detector, version, own=own))


def _groups(judged: Sequence[Labelled]) -> tuple[GroupScore, ...]:
    names = sorted({each.group for each in judged if each.group is not None})
    members = {name: [each for each in judged if each.group == name] for name in names}
    return tuple(
        GroupScore(
            name=name,
            sensitivity=_flagged([each for each in part if each.has_defect]),
            false_alarms=_flagged([each for each in part if not each.has_defect]),
        )
        for name, part in members.items()
    )


def _unfit(
    sensitivity: Rate | None, specificity: Rate | None, auc: float | None, groups: Sequence[GroupScore]
) -> str | None:
    if auc is not None and auc < _LEAST_AUC:
        return f"It orders hardly better than chance: AUC {auc:.2f}, at least {_LEAST_AUC} is asked for."
    if sensitivity and specificity and sensitivity.value + specificity.value - 1 < _LEAST_INFORMATION:
        information = sensitivity.value + specificity.value - 1
        return f"Its flags say too little: sensitivity + specificity - 1 is {information:.2f}."
    rates = {
        group.name: group.false_alarms.value
        for group in groups
        if group.false_alarms is not None and group.false_alarms.n >= _LEAST_IN_GROUP
    }
    if rates and max(rates.values()) - min(rates.values()) > _LARGEST_GAP:
        most, least = max(rates, key=lambda name: rates[name]), min(rates, key=lambda name: rates[name])
        return f"False alarms differ by group: {rates[most]:.0%} on {most}, {rates[least]:.0%} on {least}."
    return None


def _flagged(part: Sequence[Labelled]) -> Rate | None:
    return _rate(sum(bool(each.finding.flag) for each in part), len(part)) if part else None


def _rate(found: int, n: int) -> Rate:
    interval = wilson(found, n)
    return Rate(found=found, n=n, lower=interval.lower, upper=interval.upper)


def _hash(labelled: Sequence[Labelled]) -> str:
    digest = hashlib.sha256()
    for each in labelled:
        encoded = each.text.encode("utf-8", "surrogatepass")
        digest.update(b"%d:%b%d" % (len(encoded), encoded, each.has_defect))
    return digest.hexdigest()
