"""Units: which records belong together, because they ask the same, ask nearly the same, or share a group.

Splits keep a unit on one side; intervals count it as one draw, since its records are not independent. What is asked is
compared without case, punctuation, politeness and system prompt, and then for near duplicates: records that differ only
there stood on both sides of a split as often as chance puts them there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from curator.quality.near_duplicates import near_pairs, plain_words
from schemas.record import Record

_RULES = ("system", "developer")


class Keys(NamedTuple):
    """What ties a record to others."""

    prompt: str
    """What is asked, in plain words: every message before the response but the rules of the conversation."""
    groups: tuple[str, ...] = ()
    """The keys of the source, see `Record.groups`."""


def keys_of(record: Record) -> Keys:
    """The keys of a record.

    Example:
        >>> talk = [{"role": "user", "content": "Please: what's RED?"}, {"role": "assistant", "content": "A colour."}]
        >>> keys_of(Record(messages=talk, origin={"source": "a.jsonl"}))
        Keys(prompt='user whats red', groups=())
    """
    asked = (f"{each.role} {plain_words(each.content)}" for each in record.context if each.role not in _RULES)
    return Keys("\n".join(asked), record.groups)


def units(records: Sequence[Keys]) -> list[str]:
    """The unit of every record, in the order given: the smallest key of all records that are tied to it.

    Example:
        >>> units([Keys("1", ("a",)), Keys("1"), Keys("2", ("a",)), Keys("3")])
        ['group a', 'group a', 'group a', 'prompt 3']
    """
    parents: dict[str, str] = {}

    def root(key: str) -> str:
        while parents.setdefault(key, key) != key:
            parents[key] = parents[parents[key]]  # halving the path keeps later look-ups short
            key = parents[key]
        return key

    def join(one: str, other: str) -> None:
        low, high = sorted((root(one), root(other)))
        parents[high] = low  # the smallest key stands for the unit, whatever the order of the records

    for keys in records:
        for group in keys.groups:
            join(f"prompt {keys.prompt}", f"group {group}")
    prompts = sorted({keys.prompt for keys in records})
    for pair in near_pairs(prompts):
        join(f"prompt {prompts[pair.first]}", f"prompt {prompts[pair.second]}")
    return [root(f"prompt {keys.prompt}") for keys in records]


def units_of(records: Iterable[Record]) -> list[str]:
    """The unit of every record, in the order given."""
    return units([keys_of(record) for record in records])
