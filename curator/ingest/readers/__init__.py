"""Readers: one module for each kind of file, all of the protocol `curator.ingest.rows.Reader`."""
