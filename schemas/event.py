"""What the log says: every kind of event, and the details that are read back.

A kind is stored as its value, lower case with hyphens, and never changes. An event about something other than a record,
version, run or suite, which have ids of their own, names its subject with one of the functions at the end.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import ConfigDict

from schemas.act import Act
from schemas.annotation import Answer, RecordState
from schemas.base import Schema
from schemas.questions import Change
from schemas.review import Decoding


class Kind(StrEnum):
    """What was done."""

    # An annotator with a record; the first three can be undone.
    SUBMIT = "submit"
    SKIP = "skip"
    FLAG = "flag"
    UNDO = "undo"
    CLAIM = "claim"
    DRAFT = "draft"
    """The first text that an annotator typed for a record."""
    COMMENT = "comment"
    DOUBT = "doubt"
    """An annotator asked the lead about a record."""
    GIVEN = "given"
    """An answer came from a file."""

    # A lead with a record.
    ADJUDICATE = "adjudicate"
    SEND_BACK = "send-back"
    ASK_AGAIN = "ask-again"
    """A change of questions took answers back."""
    STAND_AGAIN = "stand-again"
    """That change was taken back, and the answers with it."""
    UNFLAG = "unflag"
    RULING = "ruling"
    GOLD = "gold"
    UNGOLD = "ungold"
    ASSIGN = "assign"
    RELEASE = "release"
    """A lead freed a record that an annotator held."""
    BULK_ACT = "bulk-act"
    """A lead acted on many records at once."""
    BULK_UNDO = "bulk-undo"
    FEEDBACK = "feedback"
    """A reviewed output became a record."""

    # A lead with a project or an import.
    PROJECT = "project"
    SETTINGS = "settings"
    GUIDELINE = "guideline"
    QUESTIONS = "questions"
    REVIEWS = "reviews"
    POOL = "pool"
    FREE = "free"
    """What was kept for a person or a pool is for everyone."""
    PRIORITY = "priority"
    SUGGESTIONS = "suggestions"
    GATES = "gates"
    RULE = "rule"
    """A rule on records was switched on or off, or its level was changed."""
    IMPORT = "import"
    IMPORT_UNDONE = "import-undone"
    ROW_FIXED = "row-fixed"
    ROWS_DISCARDED = "rows-discarded"
    DUPLICATES_SET_ASIDE = "duplicates-set-aside"
    DUPLICATES_PUT_BACK = "duplicates-put-back"

    # A version.
    FREEZE = "freeze"
    EXPORT = "export"

    # A run and its model.
    RUN_QUEUED = "run-queued"
    RUN_STARTED = "run-started"
    RUN_STOP_ASKED = "run-stop-asked"
    RUN_RESUMED = "run-resumed"
    RUN_ENDED = "run-ended"
    RUN_LOST = "run-lost"
    """Its process went away without a word."""
    RUN_DELETED = "run-deleted"
    RUN_NAMED = "run-named"
    """Its name or its note was changed."""
    BASE_ADDED = "base-added"
    """A folder went on the list of base models."""
    BASE_REMOVED = "base-removed"
    RUN_ASSESSED = "run-assessed"
    RUN_PROMOTED = "run-promoted"
    MODEL_EXPORTED = "model-exported"
    GENERATE = "generate"
    GENERATE_AT = "generate-at"

    # Review and release.
    SUITE = "suite"
    OUTPUTS_IMPORT = "outputs-import"
    SCREEN = "screen"
    REVIEW_PLAN = "review-plan"
    VERDICT = "verdict"
    VERDICT_WITHDRAWN = "verdict-withdrawn"
    SET_ASIDE = "set-aside"
    """A reviewer passed a pair on to another person."""
    VERDICT_SETTLED = "verdict-settled"
    """A third person settled what reviewers disagreed about."""
    VOTE = "vote"
    DECISION = "decision"

    # People and their accounts.
    INVITE = "invite"
    ACCOUNT_MADE = "account-made"
    PASSWORD_RESET = "password-reset"
    PASSWORD_CHANGED = "password-changed"
    ROLE = "role"
    DISABLE = "disable"
    ENABLE = "enable"
    SIGN_IN = "sign-in"


class Detail(Schema):
    """What an event says beside its kind. A line of the log may hold more than is read back."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Answered(Detail):
    """Of `submit` and `given`."""

    project: int
    slot: int
    annotation: int
    outcome: RecordState | None = None
    """What became of the record, if this answer settled it."""


class Skipped(Detail):
    """Of `skip`."""

    project: int
    slot: int
    claim: str | None = None
    """Token of the claim that was given back; none in logs of the first release."""


class Flagged(Skipped):
    """Of `flag`."""

    note: str | None = None
    """Why."""


class Undone(Detail):
    """Of `undo`."""

    project: int
    slot: int
    undone: Kind
    """Of the act that was taken back."""
    cancels: int
    """Its event."""


class Adjudicated(Detail):
    """Of `adjudicate`."""

    project: int
    picked: int | None = None
    """The annotation that was taken as it is."""
    answer: Answer
    note: str = ""
    """Why, for the annotators."""
    outcome: RecordState


class PutBack(Detail):
    """Of `send-back` and `unflag`."""

    project: int
    reason: str | None = None
    """What the next annotator is told."""
    answers: tuple[int, ...] = ()
    """Annotations that were taken back."""


class AskedAgain(Detail):
    """Of `ask-again`."""

    project: int
    change: int
    """Event of the change of questions."""
    answers: tuple[int, ...]
    """Annotations that were taken back."""


class QuestionsChanged(Change, Detail):
    """Of `questions`; the hashes of the event name the questions before and after."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class BulkActed(Detail):
    """Of `bulk-act`. Which records it changed, and what they were before, stands beside the log."""

    project: int
    act: Act
    query: str | None
    """By which the records were chosen, in its text form."""
    matched: int
    """How many were chosen."""


class ActUndone(Detail):
    """Of `bulk-undo`."""

    project: int


class AskedEndpoint(Detail):
    """Of `generate-at`."""

    url: str
    model: str
    decoding: Decoding
    suite: str
    outputs: int
    """Of this system for this suite, when the asking began or ended."""


DETAILS: dict[Kind, type[Detail]] = {
    Kind.BULK_ACT: BulkActed,
    Kind.BULK_UNDO: ActUndone,
    Kind.GENERATE_AT: AskedEndpoint,
    Kind.SUBMIT: Answered,
    Kind.GIVEN: Answered,
    Kind.SKIP: Skipped,
    Kind.FLAG: Flagged,
    Kind.UNDO: Undone,
    Kind.ADJUDICATE: Adjudicated,
    Kind.SEND_BACK: PutBack,
    Kind.UNFLAG: PutBack,
    Kind.ASK_AGAIN: AskedAgain,
    Kind.QUESTIONS: QuestionsChanged,
}
"""The detail of each kind that is read back; other kinds say what they like."""


def of_project(project_id: int) -> str:
    """Subject of an event about a project."""
    return f"project {project_id}"


def of_import(batch_id: int) -> str:
    """Subject of an event about an import."""
    return f"import {batch_id}"


def of_act(act_id: int) -> str:
    """Subject of an event about a bulk act."""
    return f"act {act_id}"


def of_duplicates(search_id: int) -> str:
    """Subject of an event about a search for duplicates."""
    return f"duplicates {search_id}"


def of_base(name: str) -> str:
    """Subject of an event about a base model."""
    return f"base model {name}"


def of_output(output_id: str | int) -> str:
    """Subject of an event about an output."""
    return f"output {output_id}"


def of_person(name: str) -> str:
    """Subject of an event about a person."""
    return f"person {name}"


def of_role(role: str) -> str:
    """Subject of an event about a role."""
    return f"role {role}"
