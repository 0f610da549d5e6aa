"""Held-out rows: the validation and test rows of versions, which other rows must not repeat."""

from __future__ import annotations

from collections.abc import Sequence

from curator.curate import leakage
from curator.curate.leakage import Item
from curator.quality.leaks import LEAST
from curator.versions.rows import rows
from curator.workspace import Workspace
from schemas.leakage import LeakageReport
from schemas.version import Split

_HELD_OUT = (Split.VALIDATION, Split.TEST)


def items_of(workspace: Workspace, version: str) -> list[Item]:
    """What the validation and test rows of a version ask.

    Raises:
        VersionError: There is no such version.
    """
    return [
        Item(f"{split.value} of {version}", row.row_id, row.record.instruction)
        for split in _HELD_OUT
        for row in rows(workspace, version, split=split)
    ]


def check(workspace: Workspace, version: str, others: Sequence[Item] = (), *, least: float = LEAST) -> LeakageReport:
    """What the training rows of a version hold of its own validation and test rows, and of other items.

    Raises:
        CurationError: It holds nothing out, and there are no other items.
        VersionError: There is no such version.
    """
    stream = ((row.row_id, row.record) for row in rows(workspace, version, split=Split.TRAIN))
    return leakage.check_records(version, stream, [*others, *items_of(workspace, version)], least=least)
