"""Exports made of columns: the shape of most rows, without a record for each.

Only the simplest shape, one instruction and its response as text. A row that it cannot say is left to `shapes`, which
names it; tests/versions/test_columnar.py holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from curator.versions import files

_ROWS = 8_192
_NOTHING = ("tools", "rejected", "desirable", "alternative")


def write_trl(file: Path, paths: Sequence[Path]) -> bool:
    """Write the rows of a frozen split as lines of prompt and completion. Returns whether each could be said so."""
    names = ["instruction", "response", "messages", *_NOTHING]
    with file.open("wb") as stream:
        for table in files.tables(paths, rows=_ROWS, columns=names):
            if not _is_pairs(table):
                return False
            pairs = zip(table.column("instruction").to_pylist(), table.column("response").to_pylist(), strict=True)
            stream.writelines(
                orjson.dumps({"prompt": prompt, "completion": completion}, option=orjson.OPT_APPEND_NEWLINE)
                for prompt, completion in pairs
            )
    return True


def _is_pairs(table: pa.Table) -> bool:
    """Whether every row is one instruction with one response, on which the loss is, and nothing else."""
    messages = table.column("messages").combine_chunks()
    flat = messages.flatten()
    count = table.num_rows
    if len(flat) != 2 * count or not pc.all(pc.equal(pc.list_value_length(messages), 2)).as_py():
        return False
    absent = [table.column(name) for name in _NOTHING] + [flat.field(n) for n in ("name", "tool_calls", "tool_call_id")]
    if any(each.null_count != len(each) for each in absent):
        return False
    is_response = np.tile([False, True], count)
    trains = pc.fill_null(flat.field("train"), False).to_numpy(zero_copy_only=False)
    roles = pc.equal(flat.field("role"), pa.array(np.where(is_response, "assistant", "user")))
    return bool(np.array_equal(trains, is_response) and pc.all(roles).as_py())
