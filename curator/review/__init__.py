"""Stage 6: outputs become findings by detectors and verdicts by people."""
