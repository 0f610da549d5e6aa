"""A rule on what should not be taught word for word: personal data and secrets of a structured form."""

from __future__ import annotations

from collections.abc import Iterator

from curator.quality.personal_data import find_personal_data
from curator.quality.rules.base import Level, Rule, Span
from schemas.record import Record


def _personal_data(record: Record) -> Iterator[Span]:
    for n, message in enumerate(record.messages):
        for piece in find_personal_data(message.content):
            yield Span(n, f"{piece.kind}: {piece.of(message.content)}")


RULES = (
    Rule(
        "personal-data",
        "The text holds the address, number or key of a person or service.",
        Level.WARNING,
        _personal_data,
    ),
)
