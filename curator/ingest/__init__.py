"""Stage 1: a file becomes records; rows that fail are kept in quarantine."""

from curator.ingest import quarantine
from curator.ingest.load import import_file, recent_imports
from curator.ingest.preview import preview, remembered_mapping
from curator.ingest.undo import undo_import

__all__ = ["import_file", "preview", "quarantine", "recent_imports", "remembered_mapping", "undo_import"]
