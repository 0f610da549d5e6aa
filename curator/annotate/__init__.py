"""Stage 2: records become annotations, one claimed record at a time."""

from curator.annotate import answers, queue
from curator.annotate.progress import Progress, progress

__all__ = ["Progress", "answers", "progress", "queue"]
