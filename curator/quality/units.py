"""Units: which records belong together, because they share a prompt or a group.

Splits keep a unit on one side; intervals count it as one draw, since its records are not independent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from curator.quality.fingerprint import prompt_hash
from schemas.record import Record


class Keys(NamedTuple):
    """What ties a record to others: `Record.unit` with a hash in the place of the prompt."""

    prompt: str
    groups: tuple[str, ...] = ()


def keys_of(record: Record) -> Keys:
    """The keys of a record."""
    unit = record.unit
    return Keys(f"prompt {prompt_hash(unit.prompt)}", tuple(f"group {group}" for group in unit.groups))


def units(records: Sequence[Keys]) -> list[str]:
    """The unit of every record, in the order given: the smallest key of all records that are tied to it.

    Example:
        >>> units([Keys("prompt 1", ("group a",)), Keys("prompt 1"), Keys("prompt 2", ("group a",)), Keys("prompt 3")])
        ['group a', 'group a', 'group a', 'prompt 3']
    """
    parents: dict[str, str] = {}

    def root(key: str) -> str:
        while parents.setdefault(key, key) != key:
            parents[key] = parents[parents[key]]  # halving the path keeps later look-ups short
            key = parents[key]
        return key

    for keys in records:
        for group in keys.groups:
            low, high = sorted((root(keys.prompt), root(group)))
            parents[high] = low  # the smallest key stands for the unit, whatever the order of the records
    return [root(keys.prompt) for keys in records]


def units_of(records: Iterable[Record]) -> list[str]:
    """The unit of every record, in the order given."""
    return units([keys_of(record) for record in records])
