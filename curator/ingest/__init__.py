"""Stage 1: a file becomes records; rows that fail are kept in quarantine."""
