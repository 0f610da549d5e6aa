"""Pure functions on records: they read and write nothing."""
