"""Curator: curate instruction-response pairs, fine-tune on the responses, decide with evidence about a release."""

from curator.errors import CuratorError
from curator.workspace import Workspace, open_workspace

__version__ = "0.1.0"
__all__ = ["CuratorError", "Workspace", "__version__", "open_workspace"]
