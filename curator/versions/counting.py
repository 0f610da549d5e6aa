"""Counting the values of a column."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc


def counts(column: pa.ChunkedArray) -> Counter[str]:
    """How often each value stands in a column without nulls."""
    return Counter({each["values"]: each["counts"] for each in pc.value_counts(column).to_pylist()})
