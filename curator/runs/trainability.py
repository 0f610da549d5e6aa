"""Trainability: which records a run would train on, as the template and tokenizer of its base see them.

Records are rendered and labelled by the functions that the trainer itself calls, so what is said here is what happens
there. It needs a base and takes any records: those of a version, or those of a project before one is frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from curator import base_models, versions
from curator.errors import EmptyResponseError, OverlongRecordError, SpecialTokenError, TrainingError
from curator.store import projects, records
from curator.store import topics as text_store
from curator.training import checkpoint
from curator.training.labels import label_responses
from curator.training.template import render_turns
from curator.workspace import Workspace
from schemas.annotation import RecordState
from schemas.record import Record
from schemas.run import TrainConfig
from schemas.trainability import Fit, Hindered, Obstacle, ObstacleCount, TokenLengths, Trainability

_OBSTACLES: tuple[tuple[type[TrainingError], Obstacle], ...] = (
    (OverlongRecordError, Obstacle.TOO_LONG),
    (EmptyResponseError, Obstacle.NOTHING_TRAINS),
    (SpecialTokenError, Obstacle.SPECIAL_TOKEN),
    (TrainingError, Obstacle.TEMPLATE),
)
_LENGTHS = (256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
_EXCERPT = 100


class _Looked(NamedTuple):
    """A record to look at."""

    id: str
    record: Record
    imported_hashes: frozenset[str]


def of_version(
    workspace: Workspace,
    version: str,
    config: TrainConfig,
    *,
    most: int | None = None,
    examples: int = 20,
    progress: Callable[[int, int], None] | None = None,
) -> Trainability:
    """What a run with these settings would make of the rows of a version.

    Args:
        workspace: Where it is.
        version: Name, id or the beginning of an id.
        config: Settings of the run; its base, chat template and `max_tokens` count.
        most: Rows to look at: those with the lowest ids, which are hashes, so a sample drawn at random; by default all.
        examples: Records to name for each obstacle.
        progress: Told how many of how many rows are done.

    Raises:
        NotFoundError: There is no such version.
        TrainingError: The base or its tokenizer cannot be used at all.
    """
    frozen = versions.find(workspace, version)
    rows = versions.rows(workspace, frozen.id) if most is None else versions.lowest(workspace, frozen.id, most)
    looked = (_Looked(row.row_id, row.record, row.imported_hashes) for row in rows)
    total = min(frozen.rows, most or frozen.rows)
    tally = _tally(workspace, looked, config, examples=examples, progress=progress, total=total)
    with workspace.read() as connection:
        hashes = {each for some in tally.hindered.values() for looked in some for each in looked.imported_hashes}
        ids = records.of_hash(connection, frozen.project_id, hashes)
    return tally.report(
        frozen.title,
        frozen.rows,
        lambda looked: tuple(sorted(ids[each] for each in looked.imported_hashes if each in ids)),
    )


def of_project(
    workspace: Workspace,
    config: TrainConfig,
    *,
    project: str | None = None,
    most: int | None = None,
    examples: int = 20,
    progress: Callable[[int, int], None] | None = None,
) -> Trainability:
    """What a run with these settings would make of a project's records, as they stand now; rejected ones are left out.

    Args:
        workspace: Where they are.
        config: Settings of the run; its base, chat template and `max_tokens` count.
        project: Name; by default the first one.
        most: Records to look at: those with the lowest hashes, a sample drawn at random; by default all.
        examples: Records to name for each obstacle.
        progress: Told how many of how many records are done.

    Raises:
        TrainingError: The base or its tokenizer cannot be used at all.
    """
    with workspace.read() as connection:
        meant = projects.by_name(connection, project)
        now = text_store.text_hashes(connection, meant.id, without=RecordState.REJECTED)
        if most is None:
            stream = records.every(connection, meant.id)
        else:
            chosen = now.ids[np.argsort(now.hashes, kind="stable")[:most]].tolist()
            stream = records.in_file_order(connection, [str(id) for id in chosen])
        standing = (each for each in stream if each.state is not RecordState.REJECTED)
        looked = (_Looked(each.id, each.now, frozenset()) for each in standing)
        total = min(len(now.ids), most or len(now.ids))
        tally = _tally(workspace, looked, config, examples=examples, progress=progress, total=total)
    return tally.report(meant.name, len(now.ids), lambda looked: (looked.id,))


def _tally(
    workspace: Workspace,
    looked: Iterator[_Looked],
    config: TrainConfig,
    *,
    examples: int,
    progress: Callable[[int, int], None] | None,
    total: int,
) -> _Tally:
    base_models.require_known(workspace, config.base)
    tokenizer = checkpoint.tokenizer_of(config)
    tally = _Tally(config, examples)
    while some := list(islice(looked, 200)):
        for each in some:
            try:
                turns = render_turns(each.record, tokenizer)
                tally.count(sum(len(turn.token_ids) for turn in turns))
                labelled = label_responses(turns, max_tokens=config.max_tokens)
            except TrainingError as error:
                tally.refuse(each, error)
            else:
                tally.accept(int(labelled.is_response.sum()))
        if progress is not None:
            progress(tally.looked_at, total)
    return tally


class _Tally:
    """Counts so far."""

    def __init__(self, config: TrainConfig, examples: int) -> None:
        self._config, self._examples = config, examples
        self.looked_at = self._trains = self._response = 0
        self._lengths: list[int] = []
        self._refused: dict[Obstacle, int] = {}
        self._reasons: dict[str, str] = {}
        self.hindered: dict[Obstacle, list[_Looked]] = {}

    def count(self, tokens: int) -> None:
        """Note the length of a record that could be rendered."""
        self._lengths.append(tokens)

    def accept(self, response_tokens: int) -> None:
        """Count a record that trains."""
        self.looked_at += 1
        self._trains += 1
        self._response += response_tokens

    def refuse(self, looked: _Looked, error: TrainingError) -> None:
        """Count a record that would be left out."""
        self.looked_at += 1
        obstacle = next(obstacle for kind, obstacle in _OBSTACLES if isinstance(error, kind))
        self._refused[obstacle] = self._refused.get(obstacle, 0) + 1
        kept = self.hindered.setdefault(obstacle, [])
        if len(kept) < self._examples:
            kept.append(looked)
            self._reasons[looked.id] = error.problem

    def report(self, subject: str, total: int, records_of: Callable[[_Looked], tuple[str, ...]]) -> Trainability:
        """Everything that was counted."""
        lengths = np.array(self._lengths)
        return Trainability(
            subject=subject,
            base=self._config.base,
            max_tokens=self._config.max_tokens,
            records=total,
            looked_at=self.looked_at,
            trains=self._trains,
            obstacles=tuple(
                self._obstacle(obstacle, count, records_of)
                for obstacle, count in sorted(self._refused.items(), key=lambda item: (-item[1], item[0]))
            ),
            lengths=self._spread(),
            fits=tuple(Fit(max_tokens=n, records=int((lengths <= n).sum())) for n in _LENGTHS) if len(lengths) else (),
        )

    def _obstacle(
        self, obstacle: Obstacle, count: int, records_of: Callable[[_Looked], tuple[str, ...]]
    ) -> ObstacleCount:
        hindered = tuple(
            Hindered(
                id=each.id,
                record_ids=records_of(each),
                excerpt=" ".join(each.record.instruction[: 4 * _EXCERPT].split())[:_EXCERPT],
                reason=self._reasons[each.id],
            )
            for each in self.hindered[obstacle]
        )
        behind = dict.fromkeys(id for each in hindered for id in each.record_ids)
        query = f"id:{','.join(behind)}" if behind else ""
        return ObstacleCount(obstacle=obstacle, records=count, examples=hindered, query=query)

    def _spread(self) -> TokenLengths | None:
        if not self._lengths:
            return None
        ordered = sorted(self._lengths)

        def at(share: float) -> int:
            return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

        return TokenLengths(
            median=at(0.5), p95=at(0.95), p99=at(0.99), most=ordered[-1], total=sum(ordered), response=self._response
        )
