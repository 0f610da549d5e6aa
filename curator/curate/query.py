"""The text form of a query for records: one line that people type and read, and that reads back the same.

    state:accepted,rejected source:"faq de.jsonl" rating:>=4 -licence:none colour "of the sky"

A condition is `field:value`; values with commas between them are alternatives, a minus in front turns it round, and
`none` without quotes stands for a record that has no value. Everything else is a word or, in double quotes, a phrase
that must occur in the texts. Inside quotes `\\"` is a quote and `\\\\` a backslash.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

from pydantic import ValidationError

from curator.errors import CurationError
from schemas.annotation import RecordState
from schemas.duplicate import DuplicateKind
from schemas.query import Bound, Choice, ChoiceField, Condition, NumberField, RecordQuery

FIELDS: tuple[str, ...] = tuple(each.value for each in (*ChoiceField, *NumberField))
_NAME = re.compile(r"(-?)([A-Za-z_]+):")
_WORD = re.compile(r"\S+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BARE_VALUE = re.compile(r'[^\s,"]+')
_LIMIT = re.compile(r"(>=|<=|=|>|<)?([-+]?[0-9.][^\s,]*)")
_RANGE = re.compile(r"([-+]?[0-9][0-9.]*?)\.\.([-+]?[0-9.]+)$")
_ESCAPED = re.compile(r'\\(["\\])')


def parse(text: str) -> RecordQuery:
    """The query that a text says.

    Raises:
        CurationError: A field is unknown, or a value cannot be one of its field.

    Example:
        >>> query = parse('state:accepted rating:>=4 "of the sky"')
        >>> query.words, query.conditions[0].values
        (('of the sky',), ('accepted',))
    """
    try:
        return _Reader(text).query()
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise CurationError(
            f"The query {text!r} cannot be read: {reason}.", hint="Leave that value out or write it in another way."
        ) from error


def format_query(query: RecordQuery) -> str:
    """The text that `parse` reads as this query.

    Example:
        >>> format_query(parse('-state:waiting,  flagged "a b" c'))
        Traceback (most recent call last):
        ...
        curator.errors.CurationError: A value of state is missing after the comma. Write state:one,two without blanks.
        >>> format_query(parse('-state:waiting,flagged  "a b"   c rating:3..5'))
        '-state:waiting,flagged rating:>=3 rating:<=5 "a b" c'
    """
    return " ".join([*map(_written, query.conditions), *map(_written_word, query.words)])


class _Reader:
    """A text and how far it is read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def query(self) -> RecordQuery:
        conditions: list[Condition] = []
        words: list[str] = []
        while self._skip_blanks():
            name = self._take(_NAME)
            if name is not None:
                conditions += self._conditions(name[2], excluded=bool(name[1]))
            elif self._next() == '"':
                words.append(self._quoted())
            else:
                words.append(self._must_take(_WORD)[0])
        return RecordQuery(conditions=tuple(conditions), words=tuple(word for word in words if word))

    def _conditions(self, name: str, *, excluded: bool) -> list[Condition]:
        known = name.lower()
        if known in list(NumberField):
            return self._bounds(NumberField(known), excluded=excluded)
        if known in list(ChoiceField):
            field = ChoiceField(known)
            return [Choice(field=field, values=tuple(self._values(field)), excluded=excluded)]
        nearest = difflib.get_close_matches(known, FIELDS, n=1, cutoff=0)[0]
        raise CurationError(
            f"There is no field {name}. The nearest is {nearest}.",
            hint=f'Fields are {", ".join(FIELDS)}; write words that hold a colon in quotes, as in "{name}:".',
        )

    def _values(self, field: ChoiceField) -> list[str | None]:
        values: list[str | None] = []
        while True:
            start = self._at
            value = self._pieces()
            if not value:
                after = " after the comma" if values else ""
                raise CurationError(
                    f"A value of {field} is missing{after}.", hint=f"Write {field}:one,two without blanks."
                )
            is_none = self._text[start : self._at].lower() == "none"
            if is_none and field in _ALWAYS_THERE:
                raise CurationError(f"There is no {field} none: every record has one.", hint="Name the one you mean.")
            values.append(None if is_none else _checked(field, value))
            if self._next() != ",":
                return values
            self._at += 1

    def _bounds(self, field: NumberField, *, excluded: bool) -> list[Condition]:
        limit = self._take(_LIMIT)
        if limit is None:
            raise CurationError(
                f"A number is missing after {field}:.", hint=f"Write {field}:>=4, {field}:4 or {field}:2..4."
            )
        span = None if limit[1] else _RANGE.match(limit[2])
        sides = [(">=", span[1]), ("<=", span[2])] if span else [(limit[1] or "=", limit[2])]
        if span and excluded:
            raise CurationError(
                f"A range of {field} cannot be turned round.", hint=f"Exclude one side, as in -{field}:>={span[1]}."
            )
        return [
            Bound.model_validate(
                {"field": field, "compare": compare, "number": _number(field, text), "excluded": excluded}
            )
            for compare, text in sides
        ]

    def _pieces(self) -> str:
        """A value, which may have parts in quotes."""
        pieces = []
        while True:
            if self._next() == '"':
                pieces.append(self._quoted())
            elif (piece := self._take(_BARE_VALUE)) is not None:
                pieces.append(piece[0])
            else:
                return "".join(pieces)

    def _quoted(self) -> str:
        match = self._take(_QUOTED)
        if match is None:
            raise CurationError(
                f"A quote is not closed: {self._text[self._at : self._at + 40]}", hint='Put a " behind the phrase.'
            )
        return _ESCAPED.sub(r"\1", match[1])

    def _skip_blanks(self) -> bool:
        """Go to the next thing. Returns whether there is one."""
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        return self._at < len(self._text)

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return match

    def _must_take(self, pattern: re.Pattern[str]) -> re.Match[str]:
        match = self._take(pattern)
        assert match is not None
        return match


def _number(field: NumberField, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise CurationError(
            f"{text} is not a number, as {field} needs one.", hint=f"Write {field}:>=4, {field}:4 or {field}:2..4."
        ) from error


def _state(value: str) -> str:
    states = [each.value for each in RecordState]
    if value.lower() in states:
        return value.lower()
    nearest = difflib.get_close_matches(value.lower(), states, n=1, cutoff=0)[0]
    raise CurationError(
        f"There is no state {value}. The nearest is {nearest}.", hint=f"States are {', '.join(states)}."
    )


def _side(value: str) -> str:
    sides = [each.value for each in DuplicateKind]
    if value.lower() in sides:
        return value.lower()
    raise CurationError(f"{value} is not a side on which records say the same.", hint=f"Sides are {', '.join(sides)}.")


def _answer(value: str) -> str:
    if "=" in value:
        return value
    raise CurationError(f"{value} is not an answer.", hint="Write answer:QUESTION=OPTION, as in answer:checks=harmful.")


_ALWAYS_THERE = (ChoiceField.STATE, ChoiceField.ID)
_CHECKS: dict[ChoiceField, Callable[[str], str]] = {
    ChoiceField.STATE: _state,
    ChoiceField.DUPLICATE: _side,
    ChoiceField.ANSWER: _answer,
}


def _checked(field: ChoiceField, value: str) -> str:
    return _CHECKS[field](value) if field in _CHECKS else value


def _written(condition: Condition) -> str:
    minus = "-" if condition.excluded else ""
    if isinstance(condition, Choice):
        values = ",".join("none" if value is None else _written_value(value) for value in condition.values)
        return f"{minus}{condition.field.value}:{values}"
    compare = "" if condition.compare == "=" else condition.compare
    number = repr(condition.number).removesuffix(".0")
    return f"{minus}{condition.field.value}:{compare}{number}"


def _written_value(value: str) -> str:
    is_plain = value.lower() != "none" and not any(char.isspace() or char in ',"' for char in value)
    return value if is_plain else _in_quotes(value)


def _written_word(word: str) -> str:
    is_plain = not any(char.isspace() for char in word) and word[0] != '"' and _NAME.match(word) is None
    return word if is_plain else _in_quotes(word)


def _in_quotes(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
