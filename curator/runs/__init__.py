"""Stage 4: the life of a run, from a version and settings to a checkpoint, what it says and what that is worth."""

from curator.runs.folder import activity, checkpoint_of, folder_of, kept_checkpoints, ledger, log_tail, metrics
from curator.runs.naming import describe
from curator.runs.queue import (
    can_resume,
    delete,
    request_stop,
    resume,
    resume_here,
    start,
    train,
    watch,
)
from curator.runs.token_view import token_rows

__all__ = [
    "activity",
    "can_resume",
    "checkpoint_of",
    "delete",
    "describe",
    "folder_of",
    "kept_checkpoints",
    "ledger",
    "log_tail",
    "metrics",
    "request_stop",
    "resume",
    "resume_here",
    "start",
    "token_rows",
    "train",
    "watch",
]
