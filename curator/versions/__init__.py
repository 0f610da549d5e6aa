"""Stage 3: accepted records become an immutable, content-addressed version."""

from curator.versions.export import export
from curator.versions.freeze import freeze
from curator.versions.rows import diff, find, manifest, newest_first, page, rows, verify

__all__ = ["diff", "export", "find", "freeze", "manifest", "newest_first", "page", "rows", "verify"]
