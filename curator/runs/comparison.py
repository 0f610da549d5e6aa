"""Two runs beside each other, and the runs that serve as controls for one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from curator import versions
from curator.quality.units import units_of
from curator.runs.folder import ledger
from curator.stats.paired import ratio_difference
from curator.workspace import Workspace
from schemas.assessment import RunComparison
from schemas.run import LedgerRow, Run, TrainConfig
from schemas.version import Split


def compare(workspace: Workspace, a: Run, b: Run) -> RunComparison:
    """The settings that differ and the losses on held-out records that both runs measured after training."""
    measured = [_tuned(workspace, run) for run in (a, b)]
    common = [row_id for row_id in measured[0] if row_id in measured[1]]
    settings = differing_settings(a, b)
    if not common:
        return RunComparison(a=a.id, b=b.id, settings=settings)
    one, other = ([rows[row_id] for row_id in common] for rows in measured)
    held_out = [row for row in versions.rows(workspace, a.version_id) if row.split is not Split.TRAIN]
    unit = dict(zip((row.row_id for row in held_out), units_of(row.record for row in held_out), strict=True))
    difference = ratio_difference(
        [row.nll for row in one],
        [row.nll for row in other],
        [row.tokens for row in one],
        [unit.get(row_id, row_id) for row_id in common],
    )
    tokens = sum(row.tokens for row in one)
    return RunComparison(
        a=a.id,
        b=b.id,
        settings=settings,
        records=len(common),
        nll_a=sum(row.nll for row in one) / tokens,
        nll_b=sum(row.nll for row in other) / tokens,
        change=difference.change,
        lower=difference.interval.lower if difference.interval else None,
        upper=difference.interval.upper if difference.interval else None,
    )


def differing_settings(a: Run, b: Run) -> dict[str, tuple[str, str]]:
    """Settings, and the version, in which two runs differ."""
    pairs = {name: (str(getattr(a.config, name)), str(getattr(b.config, name))) for name in type(a.config).model_fields}
    pairs = {"version": (a.version_id[:12], b.version_id[:12])} | pairs
    return {name: (one, other) for name, (one, other) in pairs.items() if one != other}


def control_runs(config: TrainConfig, *, seeds: int, shares: Sequence[float]) -> Iterator[tuple[str, TrainConfig]]:
    """Name and settings of each run that an expert asks for beside a training.

    Several seeds show the spread that comes from chance; fewer records, whether more data would help; shuffled
    responses, whether the model learnt the pairing at all: its loss must stay above that of the others.
    """
    for n in range(seeds):
        yield f"seed {config.seed + n}", config.model_copy(update={"seed": config.seed + n})
    for share in shares:
        yield f"{share:.0%} of the records", config.model_copy(update={"train_share": share})
    yield "shuffled responses", config.model_copy(update={"shuffle_responses": True})


def _tuned(workspace: Workspace, run: Run) -> dict[str, LedgerRow]:
    return {
        row.row_id: row for row in ledger(workspace, run.id) if row.phase == "tuned" and row.split is not Split.TRAIN
    }
