"""Stage 4: a version becomes a checkpoint; only response tokens carry loss."""

from curator.training.run import (
    checkpoint_of,
    folder_of,
    is_alive,
    log_tail,
    metrics,
    request_stop,
    start,
    train,
    watch,
)
from curator.training.tokens import token_rows

__all__ = [
    "checkpoint_of",
    "folder_of",
    "is_alive",
    "log_tail",
    "metrics",
    "request_stop",
    "start",
    "token_rows",
    "train",
    "watch",
]
