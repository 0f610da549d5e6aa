"""Sides and names of pairs, drawn with a secret: a reader of the run cannot work out which model stands where."""

from __future__ import annotations

import hashlib
import hmac
from typing import Literal

from curator import evidence
from curator.workspace import Workspace

Side = Literal["A", "B"]


def side_of_target(workspace: Workspace, pair_id: str, reviewer: str) -> Side:
    """The side on which a reviewer sees the model about which a decision is made; a reload shows the same."""
    key = evidence.secret(workspace, "side")
    return "A" if hmac.digest(key, f"{pair_id}\n{reviewer}".encode(), "sha256")[0] < 128 else "B"


def pair_id(workspace: Workspace, output_id: int, other_id: int | None) -> str:
    """The opaque id of the pair that two outputs make up, or one alone; the same whenever it is asked for."""
    said = f"{output_id}\n{'' if other_id is None else other_id}".encode()
    return hmac.new(evidence.secret(workspace, "pair"), said, hashlib.sha256).hexdigest()[:20]
