"""Pure functions on numbers: intervals and agreement."""
