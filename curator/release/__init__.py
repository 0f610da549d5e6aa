"""Stage 7: verdicts become a decision, with the evidence behind it."""

from curator.release.decision import (
    Prospect,
    Standing,
    assess,
    change_gates,
    decide,
    decisions_of,
    fixed_and_broken,
    prospect,
)
from curator.release.report import task_scores, write_report

__all__ = [
    "Prospect",
    "Standing",
    "assess",
    "change_gates",
    "decide",
    "decisions_of",
    "fixed_and_broken",
    "prospect",
    "task_scores",
    "write_report",
]
