"""A frozen version of 40 small records, and the two-layer model of `tests/training`."""

from __future__ import annotations

import pytest

from curator import Workspace
from schemas.version import Version
from tests.conftest import make_record
from tests.runs.small import freeze
from tests.training.conftest import base_folder, tokenizer

__all__ = ["base_folder", "tokenizer"]


@pytest.fixture
def frozen(workspace: Workspace) -> tuple[Workspace, Version]:
    """A workspace with a version of 40 records."""
    return workspace, freeze(workspace, [make_record(f"Say {n} twice.", f"{n} {n}") for n in range(40)])
