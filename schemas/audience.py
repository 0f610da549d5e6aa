"""For whom a review is kept: a person, the members of a pool, or everyone."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Audience(NamedTuple):
    """Who may give a review."""

    kind: Literal["anybody", "person", "pool"]
    name: str = ""
    """Of the person or the pool; anything that they may be called, colons too."""

    @property
    def key(self) -> str:
        """As it is stored.

        Example:
            >>> person_audience("ada: __").key
            'person:ada: __'
        """
        return "" if self.kind == "anybody" else f"{self.kind}:{self.name}"

    @staticmethod
    def of_key(key: str) -> Audience:
        """The audience that is stored as `key`.

        Example:
            >>> Audience.of_key("pool:law:tax")
            Audience(kind='pool', name='law:tax')
        """
        kind, _, name = key.partition(":")
        if kind == "person":
            return person_audience(name)
        return pool_audience(name) if kind == "pool" else ANYBODY


ANYBODY = Audience("anybody")


def person_audience(name: str) -> Audience:
    """One person."""
    return Audience("person", name)


def pool_audience(name: str) -> Audience:
    """The members of a pool."""
    return Audience("pool", name)
