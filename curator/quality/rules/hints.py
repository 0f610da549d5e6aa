"""Which rules are worth asking about a record: those whose hints its text holds, all looked for in one walk over it.

RE2 reads a text once, whatever the number of patterns, and never goes back. Its patterns know neither what stands
before nor what follows, so a hint lets more through than its rule hits; it only must never hold a hit back.
"""

from __future__ import annotations

from functools import lru_cache

import re2

from curator.quality.rules.base import Rule
from schemas.record import Record

_MEMORY = 64 << 20
"""Bytes for the states of the patterns; some hundred thousand are in use."""


def worth_asking(rules: tuple[Rule, ...], record: Record) -> list[Rule]:
    """The rules that may hit a record, in their order.

    Raises:
        ValueError: A hint is not a pattern.
    """
    hints = _hints(tuple([rule.hint for rule in rules]))
    text = "\n".join([message.content for message in record.messages]).encode(errors="replace")
    matches = hints.Match(text)
    if matches is None:  # not even the empty pattern: RE2 ran out of memory
        return list(rules)
    matches.sort()
    return [rules[place] for place in matches[:-1]]


@lru_cache(maxsize=64)
def _hints(patterns: tuple[str | None, ...]) -> re2.Set:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    combined = re2.Set.SearchSet(options)
    for pattern in (*patterns, ""):
        try:
            combined.Add(pattern or "")  # the empty pattern is in every text
        except re2.error as error:
            raise ValueError(f"The hint {pattern!r} is not an RE2 pattern.") from error
    combined.Compile()
    return combined
