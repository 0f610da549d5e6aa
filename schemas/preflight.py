"""What a run would do, before it does it."""

from __future__ import annotations

from schemas.base import Schema
from schemas.version import Split


class Check(Schema):
    """One thing that was checked before a start."""

    name: str
    ok: bool
    explanation: str


class Preflight(Schema):
    """What a run would do. Sizes and times are estimates."""

    version: str
    records: dict[Split, int]
    """That can be used."""
    refused: tuple[str, ...]
    """`id: reason` of those that cannot."""
    tokens: int
    """Of the training records, counted once."""
    response_tokens: int
    longest: int
    """Tokens of the longest record."""
    sharing: float
    """Tokens over tokens with every shared prompt counted once."""
    weighed: tuple[str, ...] = ()
    """What each of the settings' weights makes of the training records, in words."""
    steps: int
    parameters: int
    trained_parameters: int
    memory_bytes: int
    disk_bytes: int
    seconds: float | None
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against a start."""
        return all(check.ok for check in self.checks)
