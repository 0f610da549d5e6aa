"""Stage 7: verdicts become a decision, with the evidence behind it."""
