"""The exception family: every error that a user can mend says what is wrong and what to do next."""

from __future__ import annotations

from typing import Any


class CuratorError(Exception):
    """Base of all errors that are not our own mistakes.

    Attributes:
        problem: What is wrong, with value and place, as a full sentence.
        hint: The next action, as a full sentence.
    """

    def __init__(self, problem: str, *, hint: str) -> None:
        super().__init__(f"{problem} {hint}")
        self.problem = problem
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        """How a worker process hands the error to the one that started it."""
        return _again, (type(self), self.problem, self.hint)


def _again(kind: type[CuratorError], problem: str, hint: str) -> CuratorError:
    error = kind.__new__(kind)
    CuratorError.__init__(error, problem, hint=hint)
    return error


class SettingsError(CuratorError):
    """A setting is missing or cannot be used."""


class StoreError(CuratorError):
    """The database or the workspace folder cannot be used."""


class NewerDatabaseError(StoreError):
    """The database was written by a newer Curator."""


class UnstorableValueError(CuratorError):
    """A text or a number that no database can hold."""


class NotFoundError(StoreError):
    """Nothing in the workspace has this id or name."""


class AccessError(CuratorError):
    """A person is not who they say, or may not do what they want."""


class IngestError(CuratorError):
    """A file cannot be imported at all (a bad row is data, not an error)."""


class AnnotationError(CuratorError):
    """An answer cannot be stored."""


class ClaimExpiredError(AnnotationError):
    """The claim ran out and another annotator holds or has answered the slot."""


class AnsweredElsewhereError(AnnotationError):
    """The annotator has answered the same claim with another text, in another window."""


class CurationError(CuratorError):
    """A profile, a search for duplicates or leaks, or a change of many records cannot be done."""


class VersionError(CuratorError):
    """A version cannot be frozen, read, verified or exported."""


class UnsayableError(VersionError):
    """A record cannot be said in the chosen export format."""


class TrainingError(CuratorError):
    """A run cannot start or go on."""


class EmptyResponseError(TrainingError):
    """A record has no token that would carry loss."""


class OverlongRecordError(TrainingError):
    """A record has more tokens than a run takes; it is left out, never cut."""


class SpecialTokenError(TrainingError):
    """The text of a record spells a control token of the model."""


class GenerationError(CuratorError):
    """A model cannot generate outputs."""


class ReviewError(CuratorError):
    """A screening, a verdict or a feedback record cannot be stored."""


class ReleaseError(CuratorError):
    """A decision or a report cannot be made."""
