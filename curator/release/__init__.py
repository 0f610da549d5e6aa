"""Stage 7: verdicts become a decision, with the evidence behind it."""

from curator.release.decision import assess, decide
from curator.release.report import task_scores, write_report

__all__ = ["assess", "decide", "task_scores", "write_report"]
