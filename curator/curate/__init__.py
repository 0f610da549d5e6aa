"""Curation: seeing all records of a project at once, and what is wrong with them."""
