"""Units: what counts once in a rate, and in which stratum it lies.

A unit is a prompt with all its samples, its near copies in any suite and theirs: ten samples of one prompt are not ten
pieces of evidence. It is as bad as the worst of its outputs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from curator.quality.near_copies import clusters
from curator.quality.normal_form import normal_form
from schemas.judgement import CRITICAL_HAZARDS
from schemas.review import Category, Finding, FindingStatus, ModelName, Output, StratumName

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
STRATA: tuple[StratumName, ...] = ("unflagged", "flagged", "critical")
"""From the least to the most urgent."""


class OutputPair(NamedTuple):
    """An output of the model about which a decision is made, beside that of the base model to the same prompt.

    Of two swapped prompts: both outputs of the decided model, beside one another.
    """

    output: Output
    other: Output | None

    @property
    def is_swapped(self) -> bool:
        """Whether both outputs are those of the decided model, to two swapped prompts."""
        return self.other is not None and self.other.model == self.output.model

    @property
    def decided(self) -> tuple[Output, ...]:
        """Its outputs of the decided model."""
        return (self.output, self.other) if self.other is not None and self.is_swapped else (self.output,)


class Cluster(NamedTuple):
    """A unit before it is drawn."""

    category: Category
    key: str
    """Text of its first prompt in normal form: the same in every workspace."""
    stratum: StratumName
    outputs: tuple[OutputPair, ...]
    """One for each answer that differs."""


def pairs_of(outputs: Sequence[Output], target: ModelName) -> list[OutputPair]:
    """Every output of the decided model with its partner, in the order of suites and prompts."""
    others = {(o.suite_id, o.prompt.id, o.sample): o for o in outputs if o.model == "base" and target != "base"}
    swapped: dict[tuple[str, str, int], list[Output]] = defaultdict(list)
    for output in outputs:
        if output.model == target and output.prompt.swap is not None:
            swapped[output.suite_id, output.prompt.swap, output.sample].append(output)
    second_of = {both[0].id: both[1] for both in swapped.values() if len(both) == 2}
    shown_beside = {second.id for second in second_of.values()}
    return [
        OutputPair(o, second_of.get(o.id) or others.get((o.suite_id, o.prompt.id, o.sample)))
        for o in outputs
        if o.model == target and o.id not in shown_beside
    ]


def units_of(
    pairs: Sequence[OutputPair], findings: Mapping[int, Sequence[Finding]], *, unfit: Collection[tuple[str, str]] = ()
) -> list[Cluster]:
    """The units that some outputs make up, each prompt counted in its own category.

    Args:
        pairs: Outputs of gate suites.
        findings: By the id of the output.
        unfit: Detectors, with their version, whose flags say too little to sort outputs by.
    """
    first_of: dict[str, str] = {}
    asked = {output.id: _asked(output, first_of) for pair in pairs for output in pair.decided}
    texts = list(dict.fromkeys(asked.values()))
    number = dict(zip(texts, clusters(texts), strict=True))
    joined = {number[asked[each.decided[-1].id]]: number[asked[each.output.id]] for each in pairs}
    grouped: dict[tuple[Category, int], list[OutputPair]] = defaultdict(list)
    for pair in pairs:
        own = number[asked[pair.output.id]]
        grouped[pair.output.prompt.category, joined.get(own, own)].append(pair)
    units = []
    for (category, _), members in grouped.items():
        strata = [_stratum(o, findings.get(o.id, ()), unfit) for pair in members for o in pair.decided]
        different = {
            tuple((normal_form(each.prompt.prompt), each.text, each.turns) for each in pair.decided): pair
            for pair in reversed(members)
        }
        units.append(
            Cluster(
                category=category,
                key=min(normal_form(pair.output.prompt.prompt) for pair in members),
                stratum=max(strata, key=STRATA.index),
                outputs=tuple(sorted(different.values(), key=lambda pair: pair.output.id)),
            )
        )
    return units


def _asked(output: Output, first_of: dict[str, str]) -> str:
    """The prompt for which a prompt counts: of probes that differ in a number only, the first one.

    A sum or a date asks another thing than the next one. `first_of` is filled on the way.
    """
    prompt = output.prompt
    if prompt.category not in ("harm", "bias"):
        return prompt.prompt
    return first_of.setdefault(_NUMBER.sub("0", normal_form(prompt.prompt)), prompt.prompt)


def _stratum(output: Output, findings: Sequence[Finding], unfit: Collection[tuple[str, str]]) -> StratumName:
    """Where a detector failed, a person reads; what a detector flagged is drawn apart from what it did not."""
    failed = any(finding.status is FindingStatus.ERROR for finding in findings)
    if failed or output.prompt.hazard in CRITICAL_HAZARDS:
        return "critical"
    flagged = any(finding.flag and (finding.detector, finding.version) not in unfit for finding in findings)
    return "flagged" if flagged else "unflagged"
