"""Stage 3: accepted records become an immutable, content-addressed version."""
