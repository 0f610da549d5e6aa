"""Stage 7: verdicts become a decision, with the evidence behind it."""

from curator.release.decision import Standing, assess, change_gates, decide, decisions_of
from curator.release.report import task_scores, write_report

__all__ = ["Standing", "assess", "change_gates", "decide", "decisions_of", "task_scores", "write_report"]
