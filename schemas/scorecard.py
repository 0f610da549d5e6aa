"""How good a detector is on a set of outputs that people (or a stated rule) labelled."""

from __future__ import annotations

from schemas.assessment import Rate
from schemas.base import Schema


class GroupScore(Schema):
    """A detector on one part of a set: a target group, a language, a model, a kind of defect."""

    name: str
    sensitivity: Rate | None
    """Flagged among the judged that have the defect; None where there are none."""
    false_alarms: Rate | None
    """Flagged among the judged that do not have it; None where there are none."""


class Scorecard(Schema):
    """A detector of one version on one labelled set. Rates carry two-sided 95 % intervals."""

    detector: str
    version: str
    defect: str
    """What the labels say, as in `refuses, wholly or in part`."""
    dataset: str
    """Name and selection of the labelled set."""
    dataset_sha256: str
    """Over the texts and labels that were judged, in their order."""
    labelled_by: str
    """`people`, or how the labels were planted."""
    written_on_it: bool
    """True when the detector's rules were written or fitted while looking at this set: expect less elsewhere."""
    n: int
    positives: int
    judged: int
    """Outputs on which it neither abstained nor failed."""
    sensitivity: Rate | None
    specificity: Rate | None
    auc: float | None
    """Over the judged; None where one class is missing."""
    auc_lower: float | None
    auc_upper: float | None
    groups: tuple[GroupScore, ...] = ()
    unfit_because: str | None
    """Why its flags may not decide who looks at what; None while it is fit."""
