"""Stage 2: records become annotations, one claimed record at a time, by one person or several."""

from curator.annotate import adjudicate, agreement, answers, assignment, questions, queue, settings
from curator.annotate.asides import asides
from curator.annotate.progress import Progress, progress, team

__all__ = [
    "Progress",
    "adjudicate",
    "agreement",
    "answers",
    "asides",
    "assignment",
    "progress",
    "questions",
    "queue",
    "settings",
    "team",
]
