"""Drawing helpers that several pages share."""
