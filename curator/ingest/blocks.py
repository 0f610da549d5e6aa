"""Blocks of rows, checked by several processes and handed back in the order of the file.

A file of JSON lines is divided into blocks of whole lines, which the workers read themselves; of any other file the
rows are read here and checked there. At most a few blocks are under way, so memory does not grow with the file.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from curator.errors import IngestError
from curator.ingest.check import check_row
from curator.ingest.plain import plain_reader
from curator.ingest.readers.json_lines import parse_bytes
from curator.ingest.rows import Lines, Row, RowFile
from curator.pool import processes
from curator.quality.contamination import Firewall
from curator.store import parts
from curator.store.incoming import PartRow, incoming
from curator.store.parts import PartFile
from schemas.importing import FieldMap, Format, RowIssue

_BLOCK_ROWS = 2_000
_NICENESS = 10
"""Of the workers: the server and its annotators come first."""


Block = Lines | list[Row | RowIssue]


class CheckedBlock(NamedTuple):
    """What a block of rows became; its texts stand in a part, which the worker wrote."""

    part: PartFile | None
    content_hashes: bytes
    """Of the rows of the part, 32 bytes each."""
    prompt_hashes: bytes
    issues: list[RowIssue]

    @property
    def records(self) -> int:
        """How many rows became records."""
        return 0 if self.part is None else self.part.rows

    @property
    def rows(self) -> int:
        """How many rows the block had; blank lines are not rows."""
        return self.records + len(self.issues)


class Rules(NamedTuple):
    """What a worker needs to know to check rows."""

    format: Format
    field_map: FieldMap
    source: str
    """Name of the file."""
    firewall: Firewall
    folder: Path
    """Where parts are written."""
    name: str
    """Begins the names of the parts."""


def blocks_of(file: RowFile) -> Iterator[Block]:
    """The rows of an opened file in blocks."""
    if file.lines is not None:
        for each in file.lines:
            yield [each] if isinstance(each, RowIssue) else each
    else:
        pending = iter(file.rows)
        while some := list(islice(pending, _BLOCK_ROWS)):
            yield some


def check_blocks(blocks: Iterable[Block], rules: Rules, *, workers: int | None = None) -> Iterator[CheckedBlock]:
    """Every block as records and issues, in order.

    A file of one block is checked in this process. For more, processes are started anew (spawned): a script that calls
    this keeps its own work behind `if __name__ == "__main__"`, as multiprocessing asks for.

    Args:
        blocks: Read one by one, no faster than they are checked.
        rules: How to check.
        workers: Processes; by default one per core that this process may use.
    """
    pending = iter(blocks)
    first = list(islice(pending, 2))
    lost = IngestError(
        "A process that reads the file was ended from outside, perhaps for want of memory.",
        hint="Import the file again: what is stored stays, and is not stored twice.",
    )
    numbered = enumerate(chain(first, pending))
    with processes(are_worth_it=len(first) > 1, lost=lost, workers=workers, begin=_begin, given=(rules,)) as pool:
        if pool.is_here:
            check = checker(rules)
            yield from (check(block, number) for number, block in numbered)
        else:
            yield from pool.each(_check, numbered)


def checker(rules: Rules) -> Callable[[Block, int], CheckedBlock]:
    """A function that checks a block: plain rows by hand, every other one by `formats.read_record`."""
    plain = plain_reader(rules.format, rules.field_map, source=rules.source, firewall=rules.firewall)

    def careful(row: Row | RowIssue) -> PartRow | RowIssue:
        checked = check_row(row, rules.format, rules.field_map, source=rules.source, firewall=rules.firewall)
        return checked if isinstance(checked, RowIssue) else incoming(checked).part_row

    def each_checked(block: Block) -> Iterator[PartRow | RowIssue]:
        if isinstance(block, list):
            yield from map(careful, block)
            return
        has_returns = b"\r" in block.raw
        for line, raw in enumerate(block.raw.split(b"\n"), block.first):
            if has_returns:
                raw = raw.rstrip(b"\r")
            if raw and plain is not None and (row := plain(raw, line)) is not None:
                yield row
            elif raw and not raw.isspace():
                yield careful(parse_bytes(raw, line=line))

    def check(block: Block, number: int) -> CheckedBlock:
        content_hashes: list[bytes] = []
        prompt_hashes: list[bytes] = []
        texts: list[bytes] = []
        issues: list[RowIssue] = []
        for each in each_checked(block):
            if isinstance(each, RowIssue):
                issues.append(each)
                continue
            content_hash, prompt_hash, text = each
            content_hashes.append(content_hash)
            prompt_hashes.append(prompt_hash)
            texts.append(text)
        hashes, part = b"".join(content_hashes), None
        if texts:
            name = f"{rules.name}-{number:06d}.parquet"
            part = parts.write(rules.folder, name, content_hashes=hashes, texts=texts)
        return CheckedBlock(part, hashes, b"".join(prompt_hashes), issues)

    return check


_check_in_worker: Callable[[Block, int], CheckedBlock]


def _begin(rules: Rules) -> None:
    """Set up a worker, which gives way to the server."""
    os.nice(_NICENESS)
    global _check_in_worker
    _check_in_worker = checker(rules)


def _check(numbered: tuple[int, Block]) -> CheckedBlock:
    number, block = numbered
    gc.disable()  # rows form no circles; looking for some in every thousand of them is a fifth of the time
    try:
        return _check_in_worker(block, number)
    finally:
        gc.enable()
