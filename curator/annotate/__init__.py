"""Stage 2: records become annotations, one claimed record at a time."""
