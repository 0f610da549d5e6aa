"""All rules by name: which there are, how often each was right, and asking them about a record.

Other packages add rules of their own under the entry point group `curator.rules`: a `Rule`, or a sequence of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points
from importlib.resources import files
from typing import NamedTuple

import orjson

from curator.quality.rules import conversations, private, responses
from curator.quality.rules.base import Hit, Rule
from curator.quality.rules.hints import worth_asking
from schemas.record import Record

SHIPPED: tuple[Rule, ...] = (*responses.RULES, *conversations.RULES, *private.RULES)
_GROUP = "curator.rules"
_GOOD = 0.8
"""Precision below which a rule is off until a lead asks for it."""


class Precision(NamedTuple):
    """How often a rule was right: people read its hits in public data (`measured.json` names the files)."""

    records: int
    """Records that it was asked about."""
    hits: int
    """Records of those that it hit."""
    judged: int
    """Hits that were read: all, or 40 drawn at random."""
    right: int
    """Hits of those that were what the rule's title says."""

    @property
    def share(self) -> float | None:
        """Right of judged; None where nothing was hit."""
        return self.right / self.judged if self.judged else None


class Answers(NamedTuple):
    """What rules said about one record."""

    hits: tuple[Hit, ...]
    failed: tuple[tuple[str, str], ...]
    """Rules that raised, each with the error: no answer is not a clean one."""


def every_rule() -> tuple[Rule, ...]:
    """The shipped rules and those of installed packages.

    Raises:
        ValueError: Two rules have one name.
    """
    rules = [*SHIPPED]
    for point in sorted(entry_points(group=_GROUP), key=lambda point: (point.name, point.value)):
        added = point.load()
        rules += [added] if isinstance(added, Rule) else added
    names = [rule.name for rule in rules]
    if double := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"Two rules are called {', '.join(sorted(double))}.")
    return tuple(rules)


def default_rules() -> tuple[Rule, ...]:
    """The rules that are on: all but those whose measured precision is below .8."""
    return tuple(rule for rule in every_rule() if is_on(rule))


def is_on(rule: Rule) -> bool:
    """Whether a rule is on by default; one that was never measured is."""
    precision = precision_of(rule.name)
    return precision is None or precision.share is None or precision.share >= _GOOD


def is_shipped(rule: Rule) -> bool:
    """Whether a rule comes with Curator, with whatever level: its time is then linear in the text."""
    return any(rule.spans is each.spans for each in SHIPPED)


def rules_named(names: Sequence[str]) -> tuple[Rule, ...]:
    """Rules by their names.

    Raises:
        ValueError: There is no rule of a name; the message names the nearest.
    """
    by_name = {rule.name: rule for rule in every_rule()}
    for name in names:
        if name not in by_name:
            near = get_close_matches(name, by_name, n=1)
            raise ValueError(f"There is no rule {name}." + (f" Do you mean {near[0]}?" if near else ""))
    return tuple(by_name[name] for name in names)


def check(record: Record, rules: Iterable[Rule]) -> Answers:
    """Ask rules about a record. One that raises is reported, and the others are asked all the same."""
    hits: list[Hit] = []
    failed: list[tuple[str, str]] = []
    for rule in worth_asking(tuple(rules), record):
        try:
            spans = list(rule.spans(record))
        except Exception as error:  # a rule of another package may do anything
            failed.append((rule.name, f"{type(error).__name__}: {error}"))
            continue
        hits += [Hit(rule.name, "record" if s.message is None else f"messages.{s.message}", s.quote) for s in spans]
    return Answers(tuple(hits), tuple(failed))


def precision_of(name: str) -> Precision | None:
    """What was measured for a shipped rule; None for a rule of another package."""
    return _measured().get(name)


@cache
def _measured() -> dict[str, Precision]:
    stated = orjson.loads(files("curator.quality.rules").joinpath("measured.json").read_bytes())
    return {name: Precision(records=stated["records"], **figures) for name, figures in stated["rules"].items()}
