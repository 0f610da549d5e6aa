"""Stage 7: verdicts become a decision, with the evidence behind it."""

from curator.release.changes import against_another, against_base
from curator.release.conditions import end_exemption, state_use
from curator.release.decision import Standing, assess, change_gates, decide, decisions_of, exempt
from curator.release.estimates import powered_rates
from curator.release.gates import CRITICAL_HARM
from curator.release.prospect import Prospect, prospect
from curator.release.report import task_scores, write_report

__all__ = [
    "CRITICAL_HARM",
    "Prospect",
    "Standing",
    "against_another",
    "against_base",
    "assess",
    "change_gates",
    "decide",
    "decisions_of",
    "end_exemption",
    "exempt",
    "powered_rates",
    "prospect",
    "state_use",
    "task_scores",
    "write_report",
]
