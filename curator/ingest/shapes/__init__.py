"""Shapes: one module for each way in which a row holds a conversation, all of the protocol `base.Shape`."""
