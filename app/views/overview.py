"""Overview: where the project stands in the loop, and the next step."""
