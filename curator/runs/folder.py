"""The folder of a run: what stands in it and how others read it while it is written.

`config.json`, `manifest.json`, `metrics.jsonl` (one line per step), `ledger.jsonl` (one line per record and moment),
`train.log`, `state/` to resume from, `checkpoint/` with the best weights, `checkpoints/` with those kept beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ValidationError

from curator import detached, whole
from curator.errors import NotFoundError
from curator.workspace import Workspace
from schemas.assessment import Assessment
from schemas.run import Activity, LedgerRow, MetricRow, Run

CHECKPOINT = "checkpoint"
KEPT = "checkpoints"
STEP = "step-{}"
STATE = "state"
LOG = "train.log"
METRICS = "metrics.jsonl"
LEDGER = "ledger.jsonl"
MANIFEST = "manifest.json"
ASSESSMENT = "assessment.json"
ACTIVITY = "activity.json"


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
        whole.recover(folder)
    if not folder.is_dir():
        raise NotFoundError(f"Run {run.id} has no checkpoint (state {run.state}).", hint="Choose a run that is done.")
    return folder


def kept_checkpoints(workspace: Workspace, run_id: str) -> dict[int, Path]:
    """Folders of the checkpoints that a run keeps beside the best one, by step, in order."""
    folders = (folder_of(workspace, run_id) / KEPT).glob(STEP.format("[0-9]*"))
    return dict(sorted((int(folder.name.rpartition("-")[2]), folder) for folder in folders))


def metrics(workspace: Workspace, run_id: str) -> list[MetricRow]:
    """The stored steps of a run in order."""
    return [MetricRow.model_validate_json(line) for line in whole_lines(folder_of(workspace, run_id) / METRICS)]


def ledger(workspace: Workspace, run_id: str) -> list[LedgerRow]:
    """Every stored loss of a single record, in the order in which they were measured."""
    return [LedgerRow.model_validate_json(line) for line in whole_lines(folder_of(workspace, run_id) / LEDGER)]


def activity(workspace: Workspace, run_id: str) -> Activity | None:
    """What a run is measuring now; None while it trains, and once it has ended."""
    try:
        return Activity.model_validate_json((folder_of(workspace, run_id) / ACTIVITY).read_bytes())
    except (OSError, ValidationError):
        return None


def log_tail(workspace: Workspace, run_id: str) -> str:
    """The end of a run's log."""
    return detached.log_tail(folder_of(workspace, run_id) / LOG)


def assessment_of(workspace: Workspace, run_id: str) -> Assessment | None:
    """The stored assessment of a run; None if there is none that can be read."""
    file = folder_of(workspace, run_id) / ASSESSMENT
    try:
        return Assessment.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def whole_lines(file: Path) -> list[bytes]:
    """The lines of a file that is being appended to; one still being written is left for the next look."""
    if not file.is_file():
        return []
    return file.read_bytes().rpartition(b"\n")[0].splitlines()


def append(file: Path, rows: Iterable[BaseModel]) -> None:
    """Add one line per row in a single write, so that a reader or a crash never meets the middle of many."""
    data = as_lines(rows)
    if data:
        with file.open("ab", buffering=0) as stream:
            stream.write(data)


def as_lines(rows: Iterable[BaseModel]) -> bytes:
    """One line of JSON per row."""
    return b"".join(row.model_dump_json(exclude_none=True).encode() + b"\n" for row in rows)


def cut_after(file: Path, step: int) -> None:
    """Drop the lines of steps after `step`, and a last line that a crash left unfinished; a resumed run writes them
    again."""
    if not file.is_file():
        return
    whole.write(file, b"".join(line + b"\n" for line in _up_to(whole_lines(file), step)))


def _up_to(lines: Iterable[bytes], step: int) -> Iterator[bytes]:
    for line in lines:
        row = _Step.model_validate_json(line)
        if row.step <= step and row.phase != "tuned":
            yield line


class _Step(BaseModel):
    """What metrics and ledger lines have in common."""

    step: int
    phase: str | None = None
