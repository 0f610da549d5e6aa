"""Both sides of every record as texts, read where they stand, batch by batch and by several processes.

What a record is asked is one side, what it answers the other. Texts stay with the process that read them; what a caller
asks of a batch is counted there, so a million records cost the memory of their numbers.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from curator.quality.sketches import sketches_of
from curator.quality.units import RULES
from curator.quality.words import Texts, Words, texts_of, words_of
from curator.store import parts
from schemas.duplicate import DuplicateKind

BATCH = 8_192
_NOTHING = 0


class Pair(NamedTuple):
    """The two sides of a record."""

    asked: str
    """Every message before the response."""
    answered: str
    """The response; of a decided pair, the rejected one too."""
    rules: str
    """What system and developer messages say; part of what is asked."""
    besides: int
    """A hash of what is neither, such as the tools that may be called; 0 for nothing."""


def pair_of(values: Mapping[str, Any]) -> Pair:
    """The two sides of a record, from its JSON.

    Example:
        >>> talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
        >>> pair_of({"messages": talk})[:2]
        ('Hi', 'Hello')
    """
    messages = values["messages"]
    last = next((n for n in reversed(range(len(messages))) if messages[n]["role"] == "assistant"), len(messages))
    asked = [_said(each) for each in messages[:last] if each["role"] not in RULES]
    rules = [_said(each) for each in messages[:last] if each["role"] in RULES]
    answers = [_said(each) for each in messages[last:]]
    rejected = values.get("rejected") or ()
    alternative = values.get("alternative")
    answers += [_said(each) for each in rejected] + ([alternative] if alternative else [])
    besides = [values.get("tools") or None, values.get("desirable"), len(rejected) or None, bool(alternative) or None]
    return Pair("\n".join(asked), "\n".join(answers), "\n".join(rules), _hash(besides))


def _said(message: Mapping[str, Any]) -> str:
    calls = [f"{call['name']} {call.get('arguments', '')}" for call in message.get("tool_calls") or ()]
    return "\n".join([message.get("content") or "", *calls]) if calls else message.get("content") or ""


def _hash(besides: Sequence[Any]) -> int:
    if not any(each is not None for each in besides):
        return _NOTHING
    return int.from_bytes(hashlib.sha256(orjson.dumps(besides)).digest()[:8], "big")


class Source(NamedTuple):
    """Where the pairs of a batch are: rows of a part, or records as they are written."""

    part: tuple[Path, str] | None
    """File and its sha256."""
    rows: NDArray[np.int64]
    written: tuple[bytes, ...] = ()
    """JSON of each record, where there is no part."""

    def __len__(self) -> int:
        return len(self.written) if self.part is None else len(self.rows)

    def pairs(self) -> Iterator[Pair]:
        """Both sides of each record, in order."""
        if self.part is None:
            yield from (pair_of(orjson.loads(each)) for each in self.written)
            return
        file, sha256 = self.part
        for text in parts.texts(file, self.rows, sha256=sha256)[1]:
            yield pair_of(orjson.loads(text.partition(b"\n")[0]))

    def take(self, places: NDArray[np.int64]) -> Source:
        """Some of the records."""
        if self.part is None:
            return Source(None, self.rows, tuple(self.written[place] for place in places.tolist()))
        return Source(self.part, self.rows[places])


def part_sources(
    files: Mapping[int, tuple[Path, str]], part_of: NDArray[np.int64], rows: NDArray[np.int64]
) -> list[Source]:
    """Batches of records that stand in parts, in the order of their parts and rows, which is that of the arrays."""
    starts = np.flatnonzero(np.diff(part_of, prepend=-2))
    sources = []
    for start, end in pairwise([*starts.tolist(), len(part_of)]):
        file = files[int(part_of[start])]
        sources += [Source(file, rows[at : min(end, at + BATCH)]) for at in range(start, end, BATCH)]
    return sources


def sides_of(pairs: Sequence[Pair], kind: DuplicateKind) -> Texts:
    """What is compared of some pairs: both sides, or one of them."""
    asked = [each.asked for each in pairs]
    if kind is DuplicateKind.INSTRUCTION:
        return texts_of(asked)
    if kind is DuplicateKind.RESPONSE:
        return texts_of([each.answered for each in pairs])
    with_rules = [f"{each.rules}\n{each.asked}" if each.rules else each.asked for each in pairs]
    return texts_of(with_rules, [each.answered for each in pairs])


class Sketched(NamedTuple):
    """What a batch is found by."""

    bands: NDArray[np.uint64]
    lengths: NDArray[np.int64]
    """Characters of each response."""


def sketch(task: tuple[Source, DuplicateKind]) -> Sketched:
    """The sketch of every record of a batch."""
    source, kind = task
    pairs = _read(source)
    both = kind is DuplicateKind.BOTH
    agreed = np.array([each.besides if both else _NOTHING for each in pairs], np.uint64)
    lengths = np.array([len(each.answered) for each in pairs], np.int64)
    return Sketched(sketches_of(sides_of(pairs, kind), must_agree=agreed), lengths)


def read_words(task: tuple[Source, DuplicateKind]) -> Words:
    """The words of every record of a batch that are compared."""
    source, kind = task
    return words_of(sides_of(_read(source), kind))


def read_other_words(task: tuple[Source, DuplicateKind]) -> Words:
    """The words of the side that was not compared."""
    source, kind = task
    is_instruction = kind is DuplicateKind.INSTRUCTION
    other = DuplicateKind.RESPONSE if is_instruction else DuplicateKind.INSTRUCTION
    return words_of(sides_of(_read(source), other))


def _read(source: Source) -> list[Pair]:
    gc.disable()  # rows form no circles; looking for some in every thousand of them takes time
    try:
        return list(source.pairs())
    finally:
        gc.enable()
