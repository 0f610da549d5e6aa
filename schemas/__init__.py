"""The nouns of Curator: pydantic models that every stage shares and that read and write nothing."""
