"""Scores of an output against a right answer: exact match, token F1, and the share of fields that are right.

These measure whether a fine-tune taught a task. They do not decide whether an output may be shown; people do.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Literal, NamedTuple

from curator.quality.edits import words_in

_NAME = re.compile(r"[A-Za-z][\w ]*")


class Score(NamedTuple):
    """How an output compares with its reference."""

    value: float
    """Between 0 and 1, larger is better."""
    measure: Literal["exact match", "field accuracy"]


def score(output: str, reference: str) -> Score:
    """Field accuracy where the reference is a list of `Name: value` lines, exact match otherwise.

    Example:
        >>> score("Product: lamp\\nUrgency: low", "Product: lamp\\nUrgency: high")
        Score(value=0.5, measure='field accuracy')
        >>> score(" 12 ", "12")
        Score(value=1.0, measure='exact match')
    """
    if len(_fields(reference)) >= 2:
        return Score(field_accuracy(output, reference), "field accuracy")
    return Score(float(exact_match(output, reference)), "exact match")


def exact_match(output: str, reference: str) -> bool:
    """Whether the texts are equal but for case and white space at their ends and inside.

    Example:
        >>> exact_match("dark  Blue\\n", "Dark blue")
        True
        >>> exact_match("It is dark blue", "Dark blue")
        False
    """
    return _plain(output) == _plain(reference)


def token_f1(output: str, reference: str) -> float:
    """Harmonic mean of precision and recall over words, each counted as often as it stands in both.

    Case and punctuation do not count; Chinese and Japanese are taken by the character. After Rajpurkar et al. (2016),
    "SQuAD", but with articles left in, which are words of English alone. Two texts without a word are equal.

    Example:
        >>> token_f1("It is dark blue.", "Dark blue")
        0.6666666666666666
        >>> token_f1("green", "Dark blue"), token_f1("!", "?")
        (0.0, 1.0)
    """
    given, wanted = (Counter(words_in(text.casefold())) for text in (output, reference))
    if not given or not wanted:
        return float(given == wanted)
    shared = (given & wanted).total()
    return 2 * shared / (given.total() + wanted.total())


def field_accuracy(output: str, reference: str) -> float:
    """Share of the reference's `Name: value` lines that the output repeats with the same value.

    A name that the output gives twice counts as wrong: a guess at every value must not score.

    Raises:
        ValueError: The reference has no such line.

    Example:
        >>> field_accuracy("Urgency: low\\nUrgency: high", "Urgency: high")
        0.0
    """
    wanted = _fields(reference)
    if not wanted:
        raise ValueError("the reference has no 'Name: value' line")
    given = _fields(output)
    right = sum(given.get(name) == values for name, values in wanted.items())
    return right / len(wanted)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _fields(text: str) -> dict[str, list[str]]:
    """Values by name, in the order of the text; both without case and outer white space."""
    fields: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and _NAME.fullmatch(name.strip()):
            fields.setdefault(_plain(name), []).append(_plain(value))
    return fields
