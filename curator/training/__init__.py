"""Stage 4: a version becomes a checkpoint; only response tokens carry loss."""

from curator.training.folder import checkpoint_of, folder_of, ledger, log_tail, metrics
from curator.training.queue import (
    can_resume,
    delete,
    is_alive,
    request_stop,
    resume,
    resume_here,
    start,
    train,
    watch,
)
from curator.training.tokens import token_rows

__all__ = [
    "can_resume",
    "checkpoint_of",
    "delete",
    "folder_of",
    "is_alive",
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
