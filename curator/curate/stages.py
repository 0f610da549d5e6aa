"""Stages: the bulk work of curation as functions over batches of records.

A stage is pure: it is given texts and says something about each, and asks neither a workspace nor a clock. So any
engine may run it (see `engine`), on this machine or another, and the result does not depend on which.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer

from curator.errors import CurationError
from curator.quality.contamination import Firewall, Match
from curator.quality.rules import Answers, Rule
from curator.quality.rules.guard import asker
from schemas.record import Record

_NOTHING = Answers((), ())


class Batch(NamedTuple):
    """Some records."""

    texts: tuple[bytes, ...]
    """Each as JSON."""
    is_known: tuple[bool, ...]
    """Whether the answers of the rules are known, so that they need not be asked."""


class Asked(NamedTuple):
    """What was counted on one record."""

    messages: int
    characters: int
    """Of all messages."""
    response_characters: int
    """Of the last response."""
    tokens: int | None
    """Of the texts of all messages; None without a tokenizer."""
    hits: tuple[str, ...]
    """Rules that hit it."""
    failed: dict[str, str]
    """Rules that gave no answer, each with the error."""
    example: dict[str, tuple[str, str]]
    """Place and quote of the first hit of each rule."""


class Tally(NamedTuple):
    """How many records have which value; tallies of parts add up to that of the whole."""

    sources: Counter[str | None]
    licences: Counter[str | None]
    languages: Counter[str | None]
    shapes: Counter[str | None]
    messages: Counter[int]
    prompts: Counter[int]
    """Characters before the last response."""
    responses: Counter[int]
    """Characters of the last response."""
    tokens: Counter[int]

    @classmethod
    def empty(cls) -> Tally:
        """Nothing counted yet."""
        return cls(*(Counter() for _ in cls._fields))

    def add(self, other: Tally) -> None:
        """Add what was counted elsewhere. Returns nothing."""
        for name in self._fields:
            getattr(self, name).update(getattr(other, name))

    def plain(self) -> dict[str, Any]:
        """All counts, as JSON can say them."""
        return {name: list(getattr(self, name).items()) for name in self._fields}

    @classmethod
    def of_plain(cls, counts: Mapping[str, Iterable[Sequence[Any]]]) -> Tally:
        """What `plain` said."""
        return cls(*(Counter(dict(map(tuple, counts[name]))) for name in cls._fields))


class Counted(NamedTuple):
    """A batch, counted."""

    records: list[Asked]
    tally: Tally


def count(batch: Batch, *, rules: tuple[Rule, ...], tokenizer: Path | None = None) -> Counted:
    """Lengths, hits of rules, and what else the profile counts, for every record of a batch.

    Args:
        batch: Of records.
        rules: To ask.
        tokenizer: A `tokenizer.json`.
    """
    some = [Record.model_validate_json(text) for text in batch.texts]
    tokens = _tokens(some, tokenizer)
    tally = Tally.empty()
    counted = []
    unasked = [record for record, is_known in zip(some, batch.is_known, strict=True) if not is_known]
    told = iter(asker(rules)(unasked))
    every = [_NOTHING if is_known else next(told) for is_known in batch.is_known]
    for record, answers, n in zip(some, every, tokens, strict=True):
        asked = _asked(record, answers, n)
        counted.append(asked)
        tally.sources[record.origin.source] += 1
        tally.licences[record.licence] += 1
        tally.languages[record.language] += 1
        tally.shapes[shape_of(record)] += 1
        tally.messages[asked.messages] += 1
        tally.prompts[sum(len(message.content) for message in record.context)] += 1
        tally.responses[asked.response_characters] += 1
        if n is not None:
            tally.tokens[n] += 1
    return Counted(counted, tally)


def decontaminate(batch: Batch, *, firewall: Firewall) -> list[Match | None]:
    """The test prompt that each record of a batch holds, if it holds one."""
    return [firewall.match_record(Record.model_validate_json(text)) for text in batch.texts]


def _asked(record: Record, answers: Answers, tokens: int | None) -> Asked:
    example: dict[str, tuple[str, str]] = {}
    for hit in answers.hits:
        example.setdefault(hit.rule, (hit.place, hit.quote))
    lengths = [len(message.content) for message in record.messages]
    return Asked(
        len(lengths), sum(lengths), len(record.response), tokens, tuple(example), dict(answers.failed), example
    )


def shape_of(record: Record) -> str:
    """What kind of training example a record is."""
    if record.alternative is not None:
        return "undecided"
    if record.desirable is not None:
        return "kto"
    if record.rejected:
        return "preference"
    if record.tools or any(message.tool_calls for message in record.messages):
        return "tools"
    return "turns" if sum(message.role == "assistant" for message in record.messages) > 1 else "pair"


def _tokens(some: Sequence[Record], file: Path | None) -> list[int | None]:
    """Tokens of the texts of each record's messages, without those that a chat template adds."""
    if file is None:
        return [None] * len(some)
    texts = [message.content for record in some for message in record.messages]
    lengths = iter([len(each.ids) for each in _tokenizer(file).encode_batch_fast(texts, add_special_tokens=False)])
    return [sum(next(lengths) for _ in record.messages) for record in some]


@lru_cache(maxsize=1)
def _tokenizer(file: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing narrower
        raise CurationError(
            f"{file} is not a tokenizer: {error}.", hint="Choose another base model for the project, or none."
        ) from error
