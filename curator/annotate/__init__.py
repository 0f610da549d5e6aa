"""Stage 2: records become annotations, one claimed record at a time, by one person or several."""

from curator.annotate import adjudicate, answers, assignment, questions, queue
from curator.annotate.progress import Progress, progress

__all__ = ["Progress", "adjudicate", "answers", "assignment", "progress", "questions", "queue"]
