"""Stage 2: records become annotations, one claimed record at a time, by one person or several."""

from curator.annotate import adjudicate, agreement, answers, assignment, questions, queue, settings
from curator.annotate.progress import ProjectProgress, progress, team
from curator.annotate.skipped_and_flagged import skipped_and_flagged

__all__ = [
    "ProjectProgress",
    "adjudicate",
    "agreement",
    "answers",
    "assignment",
    "progress",
    "questions",
    "queue",
    "settings",
    "skipped_and_flagged",
    "team",
]
