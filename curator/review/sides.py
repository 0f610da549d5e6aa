"""Sides: where each model of a pair stands, drawn with a secret so that nobody can work it out."""

from __future__ import annotations

import hmac
from typing import Literal

from curator import evidence
from curator.workspace import Workspace

Side = Literal["A", "B"]


def side_of_target(workspace: Workspace, pair_id: str, reviewer: str) -> Side:
    """The side on which a reviewer sees the model about which a decision is made; a reload shows the same."""
    key = evidence.secret(workspace, "side")
    return "A" if hmac.digest(key, f"{pair_id}\n{reviewer}".encode(), "sha256")[0] < 128 else "B"
