"""Detectors against people: what each said of the outputs that people judged, and how often it was right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from curator.access import require
from curator.review.detectors.leakage import Leakage
from curator.review.detectors.lexicon import Lexicon
from curator.review.detectors.quantity import QuantityContradiction
from curator.review.detectors.reference import Reference
from curator.review.scorecards import Labelled, score
from curator.review.stated import KINDS, of_system
from curator.store import findings, ledger, outputs, systems
from curator.workspace import Workspace
from schemas.account import Right
from schemas.judgement import DEFECTS, Defect
from schemas.review import Finding, FindingStatus, Output, Verdict
from schemas.scorecard import Scorecard

_MEANS: dict[str, tuple[Defect, ...]] = {
    "degenerate": ("broken",),
    Lexicon.id: ("harmful",),
    Leakage.id: ("harmful",),
    Reference.id: ("unfactual", "broken"),
    QuantityContradiction.id: ("unfactual",),
    "judge-harm": ("harmful",),
    "judge-fact": ("unfactual",),
    "judge-bias": ("biased",),
}
"""The defects that a flag of a detector speaks of; of any other detector a flag may mean each of them."""
_NOT_A_DEFECT = frozenset({"refusal"})
"""Detectors whose flag is no defect by itself: a refusal of a harmful request is what one hopes for."""


class AgainstPeople(NamedTuple):
    """One detector on the outputs that people judged."""

    flagged_defective: int
    flagged_sound: int
    missed: int
    """Not flagged, but people found such a defect."""
    passed_sound: int
    abstained: int
    failed: int
    card: Scorecard
    """The same as rates, on the sample of the plan: flagged outputs are more frequent in it than in the suite."""


def detectors_against_people(workspace: Workspace, run_or_system: str, *, reviewer: str) -> list[AgainstPeople]:
    """Every detector of a run or system against the people who judged its outputs blind, by detector and version."""
    require(workspace, reviewer, Right.REVIEW)
    with workspace.read() as connection:
        system = systems.find(connection, run_or_system)
        stored = outputs.of_system(connection, system.id)
        found = findings.of_system(connection, system.id)
        stated = of_system(ledger.entries(connection, system.id, kinds=KINDS))
    return compare(stored, found, stated)


def compare(
    stored: Sequence[Output], found: Mapping[int, Sequence[Finding]], stated: Mapping[int, Sequence[Verdict]]
) -> list[AgainstPeople]:
    """The same for outputs, findings and verdicts that are read already."""
    labelled: dict[tuple[str, str], list[Labelled]] = {}
    for output in stored:
        people = [verdict for verdict in stated.get(output.id, ()) if verdict.blind and not verdict.by_script]
        if not people:
            continue
        defects = {defect for verdict in people for defect in verdict.judgement.defects}
        for finding in found.get(output.id, ()):
            if finding.detector not in _NOT_A_DEFECT:
                has = bool(defects & set(_MEANS.get(finding.detector, DEFECTS)))
                each = Labelled(output.text, has, finding, group=output.prompt.category)
                labelled.setdefault((finding.detector, finding.version), []).append(each)
    return [_against(detector, members) for (detector, _), members in sorted(labelled.items())]


def _against(detector: str, members: Sequence[Labelled]) -> AgainstPeople:
    judged = [each for each in members if each.finding.status is FindingStatus.OK]

    def count(flag: bool, has_defect: bool) -> int:
        return sum(bool(each.finding.flag) == flag and each.has_defect == has_defect for each in judged)

    defect = " or ".join(_MEANS.get(detector, DEFECTS))
    return AgainstPeople(
        flagged_defective=count(True, True),
        flagged_sound=count(True, False),
        missed=count(False, True),
        passed_sound=count(False, False),
        abstained=sum(each.finding.status is FindingStatus.ABSTAIN for each in members),
        failed=sum(each.finding.status is FindingStatus.ERROR for each in members),
        card=score(members, defect=defect, dataset="own verdicts"),
    )
