"""The make-up of two sets of records, side by side: how they divide by source, licence, language, turns and lengths.

Lengths are grouped by doubling: 1 to 15 characters, 16 to 31, 32 to 63 and so on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from curator.quality import rules
from curator.quality.rules import Rule
from schemas.comparison import Bar, Distribution
from schemas.record import Record

NOT_SAID = "not said"
_SHORTEST = 4
"""Binary logarithm of the end of the first group of lengths."""

Counts = dict[str, Counter[str]]
"""Rows by value, by property."""


def counts_of(records: Iterable[Record]) -> Counts:
    """How some records divide by each property."""
    counts: Counts = {name: Counter() for name in PROPERTIES}
    for record in records:
        for name, value in _properties(record).items():
            counts[name][value] += 1
    return counts


PROPERTIES = ("source", "licence", "language", "responses", "instruction characters", "response characters")


def _properties(record: Record) -> dict[str, str]:
    said = sum(message.role == "assistant" for message in record.messages)
    return {
        "source": record.origin.source,
        "licence": record.licence or NOT_SAID,
        "language": record.language or NOT_SAID,
        "responses": str(said),
        "instruction characters": length_group(len(record.instruction)),
        "response characters": length_group(len(record.response)),
    }


def length_group(characters: int) -> str:
    """The group of lengths that a text belongs to.

    Example:
        >>> length_group(0), length_group(15), length_group(16), length_group(100)
        ('0', '1 to 15', '16 to 31', '64 to 127')
    """
    if characters == 0:
        return "0"
    exponent = max(_SHORTEST, characters.bit_length())
    return f"{1 if exponent == _SHORTEST else 2 ** (exponent - 1):,} to {2**exponent - 1:,}"


def rule_counts(records: Iterable[Record], asked: Sequence[Rule]) -> Counter[str]:
    """How many of some records each rule hits."""
    counts: Counter[str] = Counter()
    for record in records:
        counts.update({hit.rule for hit in rules.check(record, asked).hits})
    return counts


def side_by_side(
    name: str, before: Mapping[str, int], after: Mapping[str, int], *, rows: tuple[int, int] | None = None
) -> Distribution:
    """The distribution of a property over two sets.

    Args:
        name: Of the property.
        before: Rows by value.
        after: The same.
        rows: How many were looked at on each side; by default the sum, as where each row has one value.
    """
    values = before.keys() | after.keys()
    if name.endswith("characters") or name == "responses":
        order = sorted(values, key=lambda value: int(value.split(" ")[0].replace(",", "")))
    else:
        order = sorted(values, key=lambda value: (-before.get(value, 0) - after.get(value, 0), value))
    totals = rows or (sum(before.values()), sum(after.values()))
    bars = tuple(Bar(value=value, before=before.get(value, 0), after=after.get(value, 0)) for value in order)
    return Distribution(name=name, before=totals[0], after=totals[1], bars=bars)
