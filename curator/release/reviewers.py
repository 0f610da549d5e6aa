"""Who judged: what the ledger of a system says about people, scripts, second thoughts and agreement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import orjson

from curator.stats.intervals import Interval, wilson
from curator.store.ledger import Entry
from schemas.review import Verdict


class Reviewing(NamedTuple):
    """The review of a system in numbers."""

    people: dict[str, int]
    """Reviewer to the pairs that they judged."""
    scripts: dict[str, int]
    """The same for programs, whose verdicts clear nothing."""
    superseded: int
    """Verdicts that the same reviewer replaced."""
    withdrawn: int
    twice: int
    """Outputs that two or more people judged."""
    agreed: int
    """Of those, with the same defects found by all."""
    agreement: Interval | None
    """Two-sided 95 % Wilson interval of that share."""


def reviewing(entries: Sequence[Entry], stated: dict[int, list[Verdict]]) -> Reviewing:
    """Count a ledger; `stated` is what stands of its verdicts."""
    people: dict[str, set[str]] = {}
    scripts: dict[str, set[str]] = {}
    given: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        if entry.kind == "verdict":
            content = orjson.loads(entry.content)
            (scripts if content["by_script"] else people).setdefault(entry.actor, set()).add(content["pair"])
            given[entry.actor, content["pair"]] += 1
    by_people = ([verdict for verdict in said if not verdict.by_script] for said in stated.values())
    twice = [said for said in by_people if len(said) > 1]
    agreed = sum(len({verdict.judgement.defects for verdict in said}) == 1 for said in twice)
    return Reviewing(
        people={name: len(pairs) for name, pairs in sorted(people.items())},
        scripts={name: len(pairs) for name, pairs in sorted(scripts.items())},
        superseded=sum(times - 1 for times in given.values()),
        withdrawn=sum(entry.kind == "withdrawal" for entry in entries),
        twice=len(twice),
        agreed=agreed,
        agreement=wilson(agreed, len(twice)) if twice else None,
    )
