"""Stage 3: accepted records become an immutable, content-addressed version."""

from curator.versions.differences import diff
from curator.versions.export import export
from curator.versions.freeze import freeze
from curator.versions.rows import find, live_records, lowest, manifest, newest_first, page, rows
from curator.versions.verify import require_intact, verify

__all__ = [
    "diff",
    "export",
    "find",
    "freeze",
    "live_records",
    "lowest",
    "manifest",
    "newest_first",
    "page",
    "require_intact",
    "rows",
    "verify",
]
