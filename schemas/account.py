"""Who works here and what their role lets them do."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from schemas.base import Schema


class Role(StrEnum):
    """What a person is here for; each role may do what the one before it may, and more."""

    ANNOTATOR = "annotator"
    REVIEWER = "reviewer"
    LEAD = "lead"
    ADMIN = "admin"


class Right(StrEnum):
    """Something that not every role may do."""

    ANNOTATE = "annotate"
    REVIEW = "review"
    """Judge outputs, vote, talk to models."""
    CURATE = "curate"
    """Import, adjudicate, assign, change questions and settings, freeze and export."""
    TRAIN = "train"
    DECIDE = "decide"
    """Decide about releases, promote runs."""
    ACCOUNTS = "accounts"
    """Invite people, change their role, end their access."""


class Account(Schema):
    """A person who may sign in."""

    name: str
    role: Role
    has_password: bool
    disabled: bool = False
    created_at: datetime
    """UTC."""
    last_seen: datetime | None = None
    """UTC; None for a person who never signed in."""
