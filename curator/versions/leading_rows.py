"""Leaders: the rows that stand first in a file of JSON lines, so that a reader sees every key and type in time.

`datasets`, pandas and DuckDB take the columns of a JSON file from its beginning (`datasets`: from its first 10 MB) and
fail where a later row has a key or type of its own. A row leads when it shows something that no earlier one has shown;
all other rows keep their order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson


class Known:
    """Keys and types that rows have shown so far."""

    def __init__(self) -> None:
        self._kinds: set[str] = set()
        self._keys: dict[str, Known] = {}
        self._items: Known | None = None

    def takes(self, value: Any) -> bool:
        """Take in a JSON value. Returns whether it shows a key or a type that none before it has shown."""
        if value is None:
            return False
        is_new = type(value).__name__ not in self._kinds
        self._kinds.add(type(value).__name__)
        if isinstance(value, dict):
            for key, each in value.items():
                is_new |= key not in self._keys
                is_new |= self._keys.setdefault(key, Known()).takes(each)
        elif isinstance(value, list):
            self._items = self._items or Known()
            for each in value:
                is_new |= self._items.takes(each)
        return is_new


class Leaders(NamedTuple):
    """What leads a file."""

    keys: tuple[str, ...]
    """Every key of any row, in the order in which they were met."""
    rows: dict[str, dict[str, Any]]
    """The leading rows by their id, in their order."""


def find_leaders(rows: Iterable[tuple[str, dict[str, Any]]]) -> Leaders:
    """The leaders among rows of (row id, JSON object).

    Example:
        >>> find_leaders([("1", {"a": 1}), ("2", {"a": 2}), ("3", {"a": 3, "b": "x"})])
        Leaders(keys=('a', 'b'), rows={'1': {'a': 1}, '3': {'a': 3, 'b': 'x'}})
    """
    known = Known()
    keys: dict[str, None] = {}
    leading = {}
    for row_id, value in rows:
        keys.update(dict.fromkeys(value))
        if known.takes(json.loads(orjson.dumps(value))):
            leading[row_id] = value
    return Leaders(tuple(keys), leading)
