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
    return _side(workspace, "side", pair_id, reviewer)


def pair_id(workspace: Workspace, output_id: int, other_id: int | None) -> str:
    """The opaque id of the pair that two outputs make up, or one alone; the same whenever it is asked for."""
    return _id(workspace, "pair", f"{output_id}\n{'' if other_id is None else other_id}")


def ballot_side(workspace: Workspace, ballot: str, voter: str) -> Side:
    """The side on which a voter sees the tuned model; it says nothing about that of a reviewer."""
    return _side(workspace, "ballot side", ballot, voter)


def ballot_id(workspace: Workspace, output_id: int, other_id: int) -> str:
    """The opaque id of two outputs that are voted on, another than that of their pair in a review."""
    return _id(workspace, "ballot", f"{output_id}\n{other_id}")


def _side(workspace: Workspace, purpose: str, name: str, person: str) -> Side:
    key = evidence.secret(workspace, purpose)
    return "A" if hmac.digest(key, f"{name}\n{person}".encode(), "sha256")[0] < 128 else "B"


def _id(workspace: Workspace, purpose: str, said: str) -> str:
    return hmac.new(evidence.secret(workspace, purpose), said.encode(), hashlib.sha256).hexdigest()[:20]
