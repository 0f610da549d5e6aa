"""Names of the totals that a project keeps, made and read here and nowhere else.

A name may hold anything that a person may be called, colons and underscores too: what is fixed stands in front of it.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from schemas.annotation import RecordState


class Counted(StrEnum):
    """What a total counts; the value is how its stored name begins."""

    RECORDS = "record"
    """Records in one state."""
    ANSWERS = "annotator"
    """Answers of one person that stand."""
    ANSWERS_OF_DAY = "day"
    """Those that they gave on one day."""
    SECONDS = "seconds"
    """Active seconds of one person."""
    ANSWERS_SHOWN = "answers shown"
    """Answers of one person where suggestions were shown; then where they were hidden, and where there were none."""
    ANSWERS_HIDDEN = "answers hidden"
    ANSWERS_WITHOUT = "answers none"
    EDITED_SHOWN = "edited shown"
    """Those of them with an edited response."""
    EDITED_HIDDEN = "edited hidden"
    EDITED_WITHOUT = "edited none"


class Tally(NamedTuple):
    """Name of a total."""

    counted: Counted
    of: str
    """A person, or the state of records."""
    day: date | None = None
    """UTC; of `ANSWERS_OF_DAY` only."""

    @property
    def key(self) -> str:
        """As it is stored.

        Example:
            >>> Tally(Counted.ANSWERS_OF_DAY, "ada:__", date(2026, 3, 1)).key
            'day:2026-03-01:ada:__'
        """
        return ":".join([self.counted.value, *([self.day.isoformat()] if self.day else []), self.of])

    @staticmethod
    def of_key(key: str) -> Tally:
        """The name that is stored as `key`.

        Example:
            >>> Tally.of_key("day:2026-03-01:ada:__").of
            'ada:__'
        """
        prefix, _, rest = key.partition(":")
        counted = Counted(prefix)
        if counted is not Counted.ANSWERS_OF_DAY:
            return Tally(counted, rest)
        day, _, person = rest.partition(":")
        return Tally(counted, person, date.fromisoformat(day))


def records_in(state: RecordState) -> Tally:
    """Records in a state."""
    return Tally(Counted.RECORDS, state.value)


def answers_of(person: str) -> Tally:
    """Answers of a person that stand."""
    return Tally(Counted.ANSWERS, person)


def answers_on(day: datetime, person: str) -> Tally:
    """Answers that a person gave on a day, UTC."""
    return Tally(Counted.ANSWERS_OF_DAY, person, day.date())


def seconds_of(person: str) -> Tally:
    """Active seconds of a person."""
    return Tally(Counted.SECONDS, person)


class Suggested(NamedTuple):
    """The two totals of a person that belong to one way of treating suggestions."""

    answers: Counted
    edited: Counted


SHOWN = Suggested(Counted.ANSWERS_SHOWN, Counted.EDITED_SHOWN)
HIDDEN = Suggested(Counted.ANSWERS_HIDDEN, Counted.EDITED_HIDDEN)
WITHOUT = Suggested(Counted.ANSWERS_WITHOUT, Counted.EDITED_WITHOUT)


def suggested(saw_suggestions: bool | None) -> Suggested:
    """How suggestions were treated for an answer; None where there were none to show."""
    return WITHOUT if saw_suggestions is None else SHOWN if saw_suggestions else HIDDEN
