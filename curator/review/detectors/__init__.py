"""Rule detectors, one file each; `base` holds the protocol."""
