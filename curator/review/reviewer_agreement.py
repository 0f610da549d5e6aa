"""How far reviewers agree by themselves, per category of prompts: what they said blind, before anything was settled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from curator.access import require
from curator.review.stated import KINDS, of_system
from curator.stats.agreement import Agreement, measure
from curator.store import ledger, systems
from curator.store.ledger import Entry
from curator.workspace import Workspace
from schemas.account import Right
from schemas.review import Category, Plan


class CategoryAgreement(NamedTuple):
    """Agreement on the outputs of one category that at least two people judged. Intervals are 95 %, two-sided."""

    category: Category
    outputs: int
    """Judged by two people or more."""
    percent: Agreement
    """Of the pairs of verdicts, those that find the same defects."""
    positive: Agreement
    """When one person finds an output defective, how often another does."""
    ac1: Agreement
    """Gwet's AC1 on whether an output is defective: kappa collapses where defects are rare."""
    severity: Agreement
    """Krippendorff's alpha of the severity by rank, 0 where there is no harm."""

    def plain(self) -> dict[str, object]:
        """As plain data: each statistic with its value and interval, or null."""
        statistics = {name: getattr(self, name) for name in ("percent", "positive", "ac1", "severity")}
        return {"category": self.category, "outputs": self.outputs} | {
            name: {"value": each.value, "interval": list(each.interval) if each.interval else None}
            for name, each in statistics.items()
        }


def agreement_of(workspace: Workspace, run_or_system: str, *, reviewer: str) -> list[CategoryAgreement]:
    """The agreement of the reviewers of a run or a system."""
    require(workspace, reviewer, Right.REVIEW)
    with workspace.read() as connection:
        system = systems.find(connection, run_or_system)
        return agreement_by_category(ledger.entries(connection, system.id, kinds=KINDS))


def agreement_by_category(entries: Sequence[Entry]) -> list[CategoryAgreement]:
    """The agreement that a ledger shows, for every category of the newest plan, in the order of the names."""
    plans = [entry for entry in entries if entry.kind == "plan"]
    if not plans:
        return []
    plan = Plan.model_validate_json(plans[-1].content)
    category_of = {pair: unit.category for unit in plan.units for pair in unit.pairs}
    defects: dict[Category, list[dict[str, tuple[str, ...]]]] = {unit.category: [] for unit in plan.units}
    severities: dict[Category, list[dict[str, int]]] = {unit.category: [] for unit in plan.units}
    for said in of_system(entries, settled=True).values():
        people = [each for each in said if each.blind and not each.by_script]
        if len(people) < 2 or people[0].pair not in category_of:
            continue
        category = category_of[people[0].pair]
        defects[category].append({each.reviewer: each.judgement.defects for each in people})
        severities[category].append({each.reviewer: each.judgement.severity or 0 for each in people})
    measured = []
    for category in sorted(defects):
        defective = [{name: bool(each) for name, each in said.items()} for said in defects[category]]
        measured.append(
            CategoryAgreement(
                category=category,
                outputs=len(defective),
                percent=measure(defects[category], "percent"),
                positive=measure(defective, "positive"),
                ac1=measure(defective, "ac1", categories=2),
                severity=measure(severities[category], "alpha", level="ordinal"),
            )
        )
    return measured
