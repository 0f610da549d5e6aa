"""The data of a run: every split of a version as the model sees it, fewer or others for a control or an ablation.

Held-out splits are never touched: every run of a version is measured on the same rows.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Collection, Iterable, Sequence

from transformers import PreTrainedTokenizerBase

from curator import versions
from curator.errors import TrainingError
from curator.store import annotations as answers
from curator.store import records
from curator.training.labels import Prepared, prepare
from curator.workspace import Workspace
from schemas.run import TrainConfig
from schemas.version import FrozenRow, Split


def data_of(
    workspace: Workspace,
    version_id: str,
    tokenizer: PreTrainedTokenizerBase,
    config: TrainConfig,
    *,
    only: Collection[str] | None = None,
) -> dict[Split, Prepared]:
    """Every split of a version, selected and prepared.

    Args:
        workspace: Where the version is.
        version_id: Of a frozen version.
        tokenizer: Of the base model.
        config: Settings of the run.
        only: Training rows to take, by id, instead of what `leave_out` and `train_share` say: for checking a past run.

    Raises:
        TrainingError: `leave_out` names something unknown, or no training row is left.
    """
    versions.require_intact(workspace, version_id)
    parts = {}
    for split in Split:
        rows: Iterable[FrozenRow] = versions.rows(workspace, version_id, split=split)
        if split is Split.TRAIN:
            if only is not None:
                rows = [row for row in rows if row.row_id in only]
                config_of_rows = config.model_copy(update={"leave_out": (), "train_share": 1.0})
            else:
                config_of_rows = config
            rows = select(workspace, rows, config_of_rows)
        parts[split] = prepare(rows, tokenizer, config)
    return parts


def select(workspace: Workspace, rows: Iterable[FrozenRow], config: TrainConfig) -> list[FrozenRow]:
    """The training rows that a run uses.

    Raises:
        TrainingError: `leave_out` names something unknown, or nothing is left.
    """
    kept = list(rows)
    if config.leave_out:
        dropped = [_test(workspace, rule) for rule in config.leave_out]
        kept = [row for row in kept if not any(test(row) for test in dropped)]
    if config.train_share < 1:
        # by hash, so that a share of .25 is contained in one of .5 whatever else changes
        place = {row.row_id: hashlib.sha256(f"share {row.row_id}".encode()).digest() for row in kept}
        chosen = sorted(kept, key=lambda row: place[row.row_id])[: max(1, round(config.train_share * len(kept)))]
        wanted = {row.row_id for row in chosen}
        kept = [row for row in kept if row.row_id in wanted]
    if not kept:
        raise TrainingError("No training record is left.", hint="Leave out less.")
    return _shuffled(kept, config.seed) if config.shuffle_responses else kept


def _test(workspace: Workspace, rule: str) -> Callable[[FrozenRow], bool]:
    name, sign, value = rule.partition("=")
    if sign and name == "source":
        return lambda row: any(arrival.origin.source == value for arrival in row.record.arrivals)
    if sign and name == "person":
        with workspace.read() as connection:
            theirs = answers.records_of(connection, value)
            contents = records.hashes_of(connection, theirs)
        return lambda row: row.row_id in theirs or not contents.isdisjoint(row.imported_hashes)
    if sign and name.startswith("label:"):
        return lambda row: row.record.labels.get(name.removeprefix("label:")) == value
    raise TrainingError(
        f"{rule} does not say what to leave out.", hint="Write source=FILE, person=NAME or label:KEY=VALUE."
    )


def _shuffled(rows: Sequence[FrozenRow], seed: int) -> list[FrozenRow]:
    """Every record with the final response of the next one of a random circle, so that none keeps its own."""
    order = list(range(len(rows)))
    random.Random(seed).shuffle(order)
    giver = {order[n]: order[n - 1] for n in range(len(order))}
    return [row._replace(record=row.record.with_response(rows[giver[n]].record.response)) for n, row in enumerate(rows)]
