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


_HINT = (
    r"@|(?:\p{Nd}[ ().\-/\x{2010}-\x{2015}\x{a0}]{0,2}){7}|[A-Z]{2}\p{Nd}{2}[ ]?[A-Z0-9]{4}|[A-Za-z0-9+/_-]{20}|"
    r"sk-|gh[pousr]_|AKIA|AIza|xox[abprs]-|hf_|eyJ|\p{Nd}\.\p{Nd}{1,3}\.\p{Nd}|::|:[0-9a-fA-F]{1,4}:[0-9a-fA-F]"
)
"""One part for each kind of `personal_data` and `secrets`: seven digits for cards, telephone and social security
numbers, the beginning of an IBAN, a long run for keys, beginnings of known keys, network addresses."""

RULES = (
    Rule(
        "personal-data",
        "The text holds the address, number or key of a person or service.",
        Level.WARNING,
        _personal_data,
        hint=_HINT,
    ),
)
