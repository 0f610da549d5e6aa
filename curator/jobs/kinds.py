"""Kinds of jobs: the function behind each name.

A function of a kind works through its records in chunks (`Work.chunk`) and returns what came of it. It goes on from
`Work.cursor`, which changes in the transaction of each chunk: so a process that is killed anywhere loses at most the
chunk that it was in, and no chunk is done twice.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from curator.errors import NotFoundError

if TYPE_CHECKING:
    from curator.jobs.work import Work

Function = Callable[["Work"], Mapping[str, Any] | None]

HOMES: dict[str, str] = {
    "index": "curator.curate.indexing",
    "bulk act": "curator.curate.bulk",
    "undo of a bulk act": "curator.curate.bulk",
    "check": "curator.curate.checks",
    "find duplicates": "curator.curate.duplicates",
    "put duplicates back": "curator.curate.duplicates",
    "set duplicates aside": "curator.curate.duplicates",
}
"""The module that registers each kind, so that the process of a job can import it; a new kind adds a line."""

_FUNCTIONS: dict[str, Function] = {}


def kind(name: str) -> Callable[[Function], Function]:
    """Register a function as the one behind a kind of jobs. Returns the decorator that does so."""

    def register(function: Function) -> Function:
        _FUNCTIONS[name] = function
        return function

    return register


def function_of(name: str) -> Function:
    """The function behind a kind.

    Raises:
        NotFoundError: There is no such kind.
    """
    if name not in _FUNCTIONS and name in HOMES:
        importlib.import_module(HOMES[name])
    if name not in _FUNCTIONS:
        raise NotFoundError(f"There is no kind of job {name}.", hint="Was it started by a newer Curator? Upgrade.")
    return _FUNCTIONS[name]
