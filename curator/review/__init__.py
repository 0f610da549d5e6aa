"""Stage 6: outputs become findings by detectors and verdicts by people."""

from curator.review import adjudication, feedback, pairs, verdicts
from curator.review.against_people import detectors_against_people
from curator.review.detectors.from_file import read_detectors
from curator.review.output_import import import_outputs
from curator.review.plan import draw, standing
from curator.review.reviewer_agreement import agreement_of
from curator.review.screen import screen_file, screen_run
from curator.review.subjects import reviewable
from curator.review.suites import add_suite, list_suites
from curator.review.suspects import suspects
from curator.review.verdict_file import import_verdicts

__all__ = [
    "add_suite",
    "adjudication",
    "agreement_of",
    "detectors_against_people",
    "draw",
    "feedback",
    "import_outputs",
    "import_verdicts",
    "list_suites",
    "pairs",
    "read_detectors",
    "reviewable",
    "screen_file",
    "screen_run",
    "standing",
    "suspects",
    "verdicts",
]
