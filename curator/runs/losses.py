"""Losses traced back to records: what each one cost before, while and after a run, and which deserve a second look.

A run measures only some training records before and after; the others have the losses of their training steps. Read
from the ledger of the run and joined with the version and the people behind it. A large loss is a hint and no proof:
the record may be wrong, rare or simply long-winded. So the list asks for a look and decides nothing.

The pattern of losses over epochs follows Swayamdipta et al. (2020), "Dataset Cartography".
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from curator import versions
from curator.runs.folder import ledger
from curator.store import annotations as answers
from curator.workspace import Workspace
from schemas.losses import LossDoubt, RecordHistory
from schemas.run import LedgerRow, Run
from schemas.version import FrozenRow, Split

_WORSE = 0.05
"""Nats per token by which a record must rise to count as worse: smaller changes are noise of the arithmetic."""
_HARD = 0.95
"""Share of the records that a doubtful one must exceed in loss after training."""
_LEARNT = 0.5
"""Share of the base's loss that must be left for a record to count as not learnt."""


def record_histories(workspace: Workspace, run: Run) -> list[RecordHistory]:
    """Every record that a run measured, the doubtful ones first, then by what is left of the loss."""
    measured: dict[str, list[LedgerRow]] = {}
    for line in ledger(workspace, run.id):
        measured.setdefault(line.row_id, []).append(line)
    rows = {row.row_id: row for row in versions.rows(workspace, run.version_id) if row.row_id in measured}
    records = versions.live_records(workspace, run.version_id, rows.values())
    with workspace.read() as connection:
        people = answers.people_of(connection, [each for some in records.values() for each in some])
    known = [row_id for row_id in measured if row_id in rows]
    histories = []
    for row_id in known:
        theirs = records.get(row_id, [])
        who = [person for each in theirs for person in people.get(each, [])]
        histories.append(_history(rows[row_id], measured[row_id], record_ids=theirs, people=who))
    left = [each.after for each in histories if each.split is Split.TRAIN and each.after is not None]
    limit = _quantile(left, _HARD)
    contradicted = _contradicted([rows[row_id] for row_id in known])
    judged = [each.model_copy(update={"doubts": _doubts(each, limit, contradicted)}) for each in histories]
    return sorted(judged, key=lambda each: (-len(each.doubts), -(each.after or each.last or 0.0)))


def _history(
    row: FrozenRow, measured: Sequence[LedgerRow], *, record_ids: Sequence[str], people: Sequence[str]
) -> RecordHistory:
    def at(phase: str) -> float | None:
        losses = [line.nll / line.tokens for line in measured if line.phase == phase]
        return losses[-1] if losses else None

    epochs = {line.epoch: line.nll / line.tokens for line in measured if line.phase == "train"}
    return RecordHistory(
        row_id=row.row_id,
        split=row.split,
        tokens=measured[0].tokens,
        base=at("base"),
        epochs=tuple(epochs[epoch] for epoch in sorted(epochs)),
        tuned=at("tuned"),
        source=row.record.origin.source,
        record_ids=tuple(record_ids),
        people=tuple(people),
        labels=row.record.labels,
        instruction=row.record.instruction,
        response=row.record.response,
    )


def _doubts(each: RecordHistory, limit: float, contradicted: set[str]) -> tuple[LossDoubt, ...]:
    doubts: list[LossDoubt] = []
    if each.before is not None and each.after is not None:
        if each.after > each.before + _WORSE:
            doubts.append("worse")
        if each.split is Split.TRAIN and each.after >= limit and each.after > _LEARNT * each.before:
            doubts.append("not learnt")
    rises = sum(later > earlier + _WORSE for earlier, later in zip(each.epochs, each.epochs[1:], strict=False))
    if rises >= 2:
        doubts.append("forgotten again")
    if each.row_id in contradicted:
        doubts.append("contradicted")
    return tuple(doubts)


def _contradicted(rows: Sequence[FrozenRow]) -> set[str]:
    """Rows whose very prompt stands in another row with another response."""
    answers: dict[tuple[str, ...], dict[str, set[str]]] = {}
    for row in rows:
        prompt = tuple(f"{message.role} {message.content}" for message in row.record.context)
        answers.setdefault(prompt, {}).setdefault(row.record.response, set()).add(row.row_id)
    return {row_id for said in answers.values() if len(said) > 1 for ids in said.values() for row_id in ids}


def _quantile(values: Sequence[float], share: float) -> float:
    if len(values) < 2:
        return float("inf")
    return statistics.quantiles(values, n=100, method="inclusive")[round(share * 100) - 1]
