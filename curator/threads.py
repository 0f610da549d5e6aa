"""How the threads of PyTorch wait for one another: decided before it is loaded, alike in all processes that train."""

from __future__ import annotations

import os

_SETTINGS = {"GOMP_SPINCOUNT": "1000"}
"""Threads yield soon instead of spinning: beside a browser or a second training, spinning made both up to ten times
slower (docs/benchmarks.md)."""


def settle() -> None:
    """Choose for this process, before it imports PyTorch; a setting of the user wins."""
    os.environ.update(environment())


def environment() -> dict[str, str]:
    """The environment of a process that is to be started."""
    return _SETTINGS | os.environ
