"""One page per file, named like its stage."""
