"""Stage 4: a version becomes a checkpoint; only response tokens carry loss."""
