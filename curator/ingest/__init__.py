"""Stage 1: a file becomes records; rows that fail are kept in quarantine."""

from curator.ingest import quarantine
from curator.ingest.load import import_file, recent_imports

__all__ = ["import_file", "quarantine", "recent_imports"]
