"""Stage 6: outputs become findings by detectors and verdicts by people."""

from curator.review import feedback, sampling, verdicts
from curator.review.screen import screen_file, screen_run
from curator.review.suites import add_suite, list_suites

__all__ = ["add_suite", "feedback", "list_suites", "sampling", "screen_file", "screen_run", "verdicts"]
