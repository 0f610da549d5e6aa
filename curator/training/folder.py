"""The folder of a run: what stands in it and how others read it while it is written.

`config.json`, `manifest.json`, `metrics.jsonl` (one line per step), `ledger.jsonl` (one line per record and moment),
`train.log`, `state/` to resume from, `checkpoint/` with the kept weights.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel

from curator.errors import NotFoundError
from curator.workspace import Workspace
from schemas.run import LedgerRow, MetricRow, Run

CHECKPOINT = "checkpoint"
STATE = "state"
LOG = "train.log"
METRICS = "metrics.jsonl"
LEDGER = "ledger.jsonl"
MANIFEST = "manifest.json"


def folder_of(workspace: Workspace, run_id: str) -> Path:
    """The folder of a run."""
    return workspace.runs_folder / run_id


def checkpoint_of(workspace: Workspace, run: Run) -> Path:
    """The folder with the tuned model of a run.

    Raises:
        NotFoundError: The run saved none.
    """
    folder = folder_of(workspace, run.id) / CHECKPOINT
    if not run.is_alive:
        recover(folder)
    if not folder.is_dir():
        raise NotFoundError(f"Run {run.id} has no checkpoint (state {run.state}).", hint="Choose a run that is done.")
    return folder


def metrics(workspace: Workspace, run_id: str) -> list[MetricRow]:
    """The stored steps of a run in order."""
    return [MetricRow.model_validate_json(line) for line in whole_lines(folder_of(workspace, run_id) / METRICS)]


def ledger(workspace: Workspace, run_id: str) -> list[LedgerRow]:
    """Every stored loss of a single record, in the order in which they were measured."""
    return [LedgerRow.model_validate_json(line) for line in whole_lines(folder_of(workspace, run_id) / LEDGER)]


def log_tail(workspace: Workspace, run_id: str, *, characters: int = 4000) -> str:
    """The end of a run's log."""
    file = folder_of(workspace, run_id) / LOG
    return file.read_text(encoding="utf-8", errors="replace")[-characters:] if file.is_file() else ""


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A new folder to write into, which takes the place of `folder` when the block ends well.

    Until then, and when it fails, an earlier one stays. A process that dies in the very moment of the change leaves the
    earlier one beside its place, where `recover` finds it.
    """
    unfinished, earlier = _beside(folder)
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        shutil.rmtree(earlier, ignore_errors=True)
        if folder.exists():
            folder.rename(earlier)
        unfinished.rename(folder)
        shutil.rmtree(earlier, ignore_errors=True)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def recover(folder: Path) -> None:
    """Put back the folder that a process was replacing when it died."""
    unfinished, earlier = _beside(folder)
    if not folder.exists() and earlier.exists():
        earlier.rename(folder)
    shutil.rmtree(unfinished, ignore_errors=True)


def _beside(folder: Path) -> tuple[Path, Path]:
    return folder.with_name(folder.name + ".unfinished"), folder.with_name(folder.name + ".earlier")


def whole_lines(file: Path) -> list[bytes]:
    """The lines of a file that is being appended to; one still being written is left for the next look."""
    if not file.is_file():
        return []
    return file.read_bytes().rpartition(b"\n")[0].splitlines()


def append(file: Path, rows: Iterable[BaseModel]) -> None:
    """Add one line per row in a single write, so that a reader or a crash never meets the middle of many."""
    data = b"".join(row.model_dump_json(exclude_none=True).encode() + b"\n" for row in rows)
    if data:
        with file.open("ab", buffering=0) as stream:
            stream.write(data)


def cut_after(file: Path, step: int) -> None:
    """Drop the lines of steps after `step`, and a last line that a crash left unfinished; a resumed run writes them
    again."""
    if not file.is_file():
        return
    kept = list(_up_to(whole_lines(file), step))
    unfinished = file.with_name(file.name + ".unfinished")
    unfinished.write_bytes(b"".join(line + b"\n" for line in kept))
    unfinished.replace(file)


def _up_to(lines: Iterable[bytes], step: int) -> Iterator[bytes]:
    for line in lines:
        row = _Step.model_validate_json(line)
        if row.step <= step and row.phase != "tuned":
            yield line


class _Step(BaseModel):
    """What metrics and ledger lines have in common."""

    step: int
    phase: str | None = None
