"""Units: which records belong together, because they ask the same, ask nearly the same, or share a group.

Splits keep a unit on one side; intervals count it as one draw, since its records are not independent. What is asked is
compared without case, punctuation, politeness and system prompt, and then for near duplicates: records that differ only
there stood on both sides of a split as often as chance puts them there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curator.quality.near_duplicates import near_pairs, plain_words
from schemas.record import Record

RULES = ("system", "developer")
"""Roles whose messages are not asked."""


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
    asked = (f"{each.role} {plain_words(each.content)}" for each in record.context if each.role not in RULES)
    return Keys("\n".join(asked), record.groups)


class Units(NamedTuple):
    """Which of N records belong together, as numbers: U units."""

    unit_of: NDArray[np.int64]
    """Number of each record's unit, (N,)."""
    names: dict[int, str]
    """Names of the units that tie several prompts, or prompts to groups; any other one has the name of its prompt."""
    prompt_of: NDArray[np.int64]
    """Of each unit one of its prompts, (U,)."""


def tie(
    prompt_of: NDArray[np.int64],
    prompts: Sequence[str],
    groups: Iterable[tuple[int, str]],
    pairs: NDArray[np.int64],
) -> Units:
    """The units of records whose prompts are numbered.

    Args:
        prompt_of: Number of each record's prompt, (N,).
        prompts: The different prompts by number; only those that are tied to others are read.
        groups: Record and group, for every group of every record.
        pairs: Numbers of prompts that say nearly the same, (P, 2).
    """
    of_group: dict[str, int] = {}
    grouped = [(int(prompt_of[n]), len(prompts) + of_group.setdefault(group, len(of_group))) for n, group in groups]
    count = len(prompts) + len(of_group)
    ends = np.concatenate([pairs, np.array(grouped, np.int64).reshape(-1, 2)])
    if not len(ends):
        return Units(prompt_of, {}, np.arange(len(prompts)))
    from scipy.sparse import coo_array  # takes a quarter of a second to import
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(ends), bool), (ends[:, 0], ends[:, 1])), shape=(count, count))
    number, component = connected_components(graph, directed=False)
    some_prompt = np.empty(number, np.int64)
    some_prompt[component[: len(prompts)]] = np.arange(len(prompts))
    names: dict[int, str] = {}
    for group, n in of_group.items():
        unit = int(component[len(prompts) + n])
        names[unit] = min(f"group {group}", names.get(unit, f"group {group}"))
    for prompt in np.unique(ends.ravel()).tolist():
        unit = int(component[prompt])
        if prompt < len(prompts) and not names.get(unit, "").startswith("group "):
            name = f"prompt {prompts[prompt]}"
            names[unit] = min(name, names.get(unit, name))
    return Units(np.asarray(component[prompt_of], np.int64), names, some_prompt)


def units(records: Sequence[Keys]) -> list[str]:
    """The unit of every record, in the order given: the smallest key of all records that are tied to it.

    Example:
        >>> units([Keys("1", ("a",)), Keys("1"), Keys("2", ("a",)), Keys("3")])
        ['group a', 'group a', 'group a', 'prompt 3']
    """
    prompts = sorted({keys.prompt for keys in records})
    number = {prompt: n for n, prompt in enumerate(prompts)}
    prompt_of = np.fromiter((number[keys.prompt] for keys in records), np.int64, len(records))
    groups = ((n, group) for n, keys in enumerate(records) for group in keys.groups)
    pairs = np.array([pair[:2] for pair in near_pairs(prompts)], np.int64).reshape(-1, 2)
    tied = tie(prompt_of, prompts, groups, pairs)
    names = [tied.names.get(n) or f"prompt {prompts[prompt]}" for n, prompt in enumerate(tied.prompt_of.tolist())]
    return [names[n] for n in tied.unit_of.tolist()]


def units_of(records: Iterable[Record]) -> list[str]:
    """The unit of every record, in the order given."""
    return units([keys_of(record) for record in records])
