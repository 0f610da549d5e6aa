"""Assessment: what a fine-tune learnt and what it lost, base and tuned model side by side.

Both models see identical held-out records. The result is stored in the folder of the run as `assessment.json`.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import orjson
import torch
from torch.nn.functional import kl_div
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from curator import detached, versions, whole
from curator.access import require
from curator.errors import NotFoundError, TrainingError
from curator.quality.units import units_of
from curator.runs.folder import ASSESSMENT, checkpoint_of, folder_of, ledger
from curator.runs.promotion import promotion_gates
from curator.stats.intervals import wilson
from curator.stats.paired import ratio_difference
from curator.store import events
from curator.store import runs as stored_runs
from curator.training import checkpoint
from curator.training.completion import Completion, complete
from curator.training.evaluate import looked_at, record_losses, summary
from curator.training.labels import Example, prepare
from curator.training.learner import place_model
from curator.training.objective import ResponseLoss, Route, set_attention
from curator.training.template import prompt_ids
from curator.workspace import Workspace
from schemas.account import Right
from schemas.assessment import Assessment, HeldOutExample, Rate
from schemas.event import Kind
from schemas.record import Message, Origin, Record
from schemas.review import Decoding
from schemas.run import RecordLoss, Run, TrainConfig
from schemas.version import FrozenRow, Split

_LOG = "assess.log"
_SHOTS = 2
_SHOWN = 12
"""Answers that are kept word for word, to be read side by side."""

OnProgress = Callable[[str], None]


def assess(
    workspace: Workspace,
    run_id: str,
    *,
    actor: str,
    retention: Path | None = None,
    prompts: int = 48,
    max_new_tokens: int = 96,
    on_progress: OnProgress | None = None,
) -> Assessment:
    """Compare base and tuned model of a run and store the result. Returns it.

    Args:
        workspace: Where the run is.
        run_id: A run with a checkpoint.
        actor: Who asked.
        retention: JSON lines with `prompt` and `reference`, on which nothing should be forgotten.
        prompts: Most held-out prompts that both models answer.
        max_new_tokens: Longest answer.
        on_progress: Is told what is done now.

    Raises:
        NotFoundError: There is no such run or checkpoint.
        TrainingError: Nothing is held out, or the retention set cannot be read.
    """
    require(workspace, actor, Right.TRAIN)
    say = on_progress or (lambda _: None)
    with workspace.read() as connection:
        run = stored_runs.get(connection, run_id)
    place = checkpoint_of(workspace, run)
    material = _gather(workspace, run, checkpoint.load_tokenizer(str(place)), retention=retention, prompts=prompts)
    decoding = Decoding(max_new_tokens=max_new_tokens)

    base_model = checkpoint.load_base(run.config.base, cached=True)
    base = _look(base_model, material, run.config, decoding=decoding, name="base", say=say)
    tuned_model = checkpoint.load_tuned(place)
    tuned = _look(tuned_model, material, run.config, decoding=decoding, name="tuned", say=say)
    say("divergence")
    kl = _divergence(tuned_model, base_model, material.prompt_ids, [answer.ids for answer in tuned.answers])

    assessment = _compare(workspace, run, material, base, tuned, kl=kl)
    _store(workspace, assessment, actor=actor)
    return assessment


def start(workspace: Workspace, run_id: str, *, actor: str) -> None:
    """Begin an assessment in a detached process; its log lies in the folder of the run."""
    require(workspace, actor, Right.TRAIN)
    log = folder_of(workspace, run_id) / _LOG
    log.unlink(missing_ok=True)
    detached.start([sys.executable, "-m", "curator", "assess", run_id, "--workspace", str(workspace.folder)], log=log)


def log_tail(workspace: Workspace, run_id: str) -> str:
    """The end of what the last detached assessment printed."""
    return detached.log_tail(folder_of(workspace, run_id) / _LOG)


class _Material(NamedTuple):
    """What both models are shown."""

    tokenizer: PreTrainedTokenizerBase
    split: Split
    rows: dict[str, FrozenRow]
    """Of the split, by id."""
    examples: list[Example]
    """Of the split: what the losses are measured on."""
    retention: list[Example]
    """General prompts, on which nothing should be forgotten; may be empty."""
    shots: list[Example]
    """The examples with training records before each; only the base sees them."""
    asked: list[FrozenRow]
    """Rows whose prompt both models answer."""
    prompt_ids: list[list[int]]
    """Of these."""


class _Look(NamedTuple):
    """Everything measured on one of the two models."""

    losses: list[RecordLoss]
    end_probability: float
    retention: float | None
    few_shot: float | None
    answers: list[Completion]


def _gather(
    workspace: Workspace, run: Run, tokenizer: PreTrainedTokenizerBase, *, retention: Path | None, prompts: int
) -> _Material:
    split, rows, examples = _held_out(workspace, run, tokenizer)
    asked = [rows[example.row_id] for example in looked_at(examples, prompts)]
    return _Material(
        tokenizer=tokenizer,
        split=split,
        rows=rows,
        examples=examples,
        retention=_read_retention(retention, tokenizer, run.config) if retention is not None else [],
        shots=_few_shot(workspace, run, rows, tokenizer),
        asked=asked,
        prompt_ids=[prompt_ids(_prompt(row.record), tokenizer, tools=row.record.tools) for row in asked],
    )


def _look(
    model: PreTrainedModel,
    material: _Material,
    config: TrainConfig,
    *,
    decoding: Decoding,
    name: Literal["base", "tuned"],
    say: OnProgress,
) -> _Look:
    """Measure one model in fp32 and let it answer. Returns what was measured."""
    say(f"{name}: losses")
    objective, _ = place_model(model, config)
    pad_id = int(material.tokenizer.pad_token_id)

    def mean(examples: list[Example]) -> float | None:
        losses = record_losses(objective, examples, split=material.split.value, pad_id=pad_id)
        return summary(losses, split=material.split.value).nll if losses else None

    losses = record_losses(objective, material.examples, split=material.split.value, pad_id=pad_id)
    end_probability = _end_probability(objective, material.examples, pad_id=pad_id)
    retention = mean(material.retention)
    few_shot = mean(material.shots) if name == "base" else None
    say(f"{name}: answers")
    set_attention(model, Route.PADDED)  # what follows goes through the plain model
    completions = sorted(complete(model, material.tokenizer, material.prompt_ids, decoding=decoding))
    return _Look(losses, end_probability, retention, few_shot, [completion for _, completion in completions])


def _compare(
    workspace: Workspace, run: Run, material: _Material, base: _Look, tuned: _Look, *, kl: float
) -> Assessment:
    """What the two looks say beside each other, with the gates of a promotion."""
    records = [material.rows[example.row_id].record for example in material.examples]
    difference = ratio_difference(
        [loss.nll for loss in base.losses],
        [loss.nll for loss in tuned.losses],
        [loss.tokens for loss in base.losses],
        units_of(records),
    )
    bits = math.log(2) * sum(_response_bytes(record) for record in records)
    taught = {row.record.response.strip() for row in versions.rows(workspace, run.version_id, split=Split.TRAIN)}
    reference_tokens = sum(
        len(material.tokenizer.encode(row.record.response, add_special_tokens=False)) for row in material.asked
    )
    learnt = [row for row in ledger(workspace, run.id) if row.phase == "tuned" and row.split is Split.TRAIN]
    side_by_side = list(zip(material.asked, base.answers, tuned.answers, strict=True))
    assessment = Assessment(
        run=run.id,
        split=material.split.value,
        records=len(records),
        groups=difference.groups,
        nll_base=summary(base.losses, split=material.split.value).nll,
        nll_tuned=summary(tuned.losses, split=material.split.value).nll,
        change=difference.change,
        lower=difference.interval.lower if difference.interval else None,
        upper=difference.interval.upper if difference.interval else None,
        improved=difference.improved,
        bits_per_byte_base=math.fsum(loss.nll for loss in base.losses) / bits,
        bits_per_byte_tuned=math.fsum(loss.nll for loss in tuned.losses) / bits,
        end_probability_base=base.end_probability,
        end_probability_tuned=tuned.end_probability,
        few_shot_nll=base.few_shot,
        train_nll_tuned=sum(r.nll for r in learnt) / sum(r.tokens for r in learnt) if learnt else None,
        asked=len(material.asked),
        stop_rate_base=_stop_rate(base.answers),
        stop_rate_tuned=_stop_rate(tuned.answers),
        length_ratio_tuned=sum(len(answer.ids) for answer in tuned.answers) / max(1, reference_tokens),
        copies=statistics.mean(answer.text.strip() in taught for answer in tuned.answers),
        kl=kl,
        retention_nll_base=base.retention,
        retention_nll_tuned=tuned.retention,
        gates=(),
        examples=tuple(
            HeldOutExample(
                row_id=row.row_id,
                prompt=row.record.instruction,
                reference=row.record.response,
                base=before.text,
                tuned=after.text,
            )
            for row, before, after in side_by_side[:_SHOWN]
        ),
    )
    return assessment.model_copy(update={"gates": promotion_gates(assessment)})


def _store(workspace: Workspace, assessment: Assessment, *, actor: str) -> None:
    whole.write(folder_of(workspace, assessment.run) / ASSESSMENT, assessment.model_dump_json().encode())
    detail = assessment.model_dump(include={"change", "lower", "upper", "passed"}) | {"passed": assessment.passed}
    with workspace.write() as connection:
        events.append(connection, Kind.RUN_ASSESSED, assessment.run, actor=actor, at=workspace.clock(), detail=detail)


def _held_out(
    workspace: Workspace, run: Run, tokenizer: PreTrainedTokenizerBase
) -> tuple[Split, dict[str, FrozenRow], list[Example]]:
    for split in (Split.TEST, Split.VALIDATION):
        rows = {row.row_id: row for row in versions.rows(workspace, run.version_id, split=split)}
        examples = prepare(rows.values(), tokenizer, run.config).examples
        if examples:
            return split, rows, looked_at(examples, run.config.evaluation_records)
    raise TrainingError(
        f"Version {run.version_id[:12]} holds nothing out, so nothing shows what was learnt.",
        hint="Freeze a version with a test or validation split and train on it.",
    )


def _prompt(record: Record) -> tuple[Message, ...]:
    """Everything before the first response that trains."""
    first = next(n for n, message in enumerate(record.messages) if message.train)
    return record.messages[:first]


def _response_bytes(record: Record) -> int:
    return sum(len(message.content.encode()) for message in record.messages if message.train)


def _few_shot(
    workspace: Workspace, run: Run, rows: dict[str, FrozenRow], tokenizer: PreTrainedTokenizerBase
) -> list[Example]:
    """The held-out records with the same two training records before each: what prompting alone would reach."""
    shots = [
        row.record
        for row, _ in zip(versions.rows(workspace, run.version_id, split=Split.TRAIN), range(_SHOTS), strict=False)
        if all(one.role != other.role for one, other in pairwise(row.record.messages))
    ]
    before = [message.trains(False) for shot in shots for message in shot.messages if message.role != "system"]
    longer = []
    for row in rows.values():
        system = [message for message in row.record.messages if message.role == "system"]
        rest = [message for message in row.record.messages if message.role != "system"]
        record = row.record.model_copy(update={"messages": (*system, *before, *rest)})
        longer.append(row._replace(record=record))
    return looked_at(prepare(longer, tokenizer, run.config).examples, run.config.evaluation_records)


def _read_retention(file: Path, tokenizer: PreTrainedTokenizerBase, config: TrainConfig) -> list[Example]:
    rows = []
    try:
        for n, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            if line.strip():
                rows.append(_retention_row(n, line))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"The retention set {file} cannot be read: {error}.", hint="Write JSON lines with prompt and reference."
        ) from error
    examples = prepare(rows, tokenizer, config).examples
    if not examples:
        raise TrainingError(f"The retention set {file} holds nothing to measure.", hint="Write more lines.")
    return examples


def _retention_row(n: int, line: str) -> FrozenRow:
    pair = orjson.loads(line)
    messages = (
        Message(role="user", content=pair["prompt"]),
        Message(role="assistant", content=pair["reference"], train=True),
    )
    record = Record(messages=messages, origin=Origin(source="retention", line=n))
    return FrozenRow(f"retention {n}", "", Split.TEST, record)


@torch.inference_mode()
def _end_probability(objective: ResponseLoss, examples: Sequence[Example], *, pad_id: int) -> float:
    objective.eval()
    probabilities = []
    for example in examples:
        nll = objective(objective.collate([example], pad_id=pad_id)).nll
        probabilities.append(math.exp(-float(nll[-1])))
    return statistics.mean(probabilities)


@torch.inference_mode()
def _divergence(
    tuned: PreTrainedModel, base: PreTrainedModel, prompts: Sequence[list[int]], answers: Sequence[list[int]]
) -> float:
    """Mean over tokens of KL(tuned || base) along the tuned model's own answers, in nats."""
    total, tokens = 0.0, 0
    for prompt, answer in zip(prompts, answers, strict=True):
        if not answer:
            continue
        ids = torch.tensor([prompt + answer], device=tuned.device)
        places = slice(len(prompt) - 1, len(prompt) + len(answer) - 1)
        ours, theirs = (
            torch.log_softmax(model(input_ids=ids.to(model.device)).logits[0, places].float(), dim=-1)
            for model in (tuned, base)
        )
        total += float(kl_div(theirs.to(ours.device), ours, log_target=True, reduction="sum"))
        tokens += len(answer)
    return total / max(1, tokens)


def _stop_rate(answers: Sequence[Completion]) -> Rate:
    if not answers:
        raise NotFoundError("No held-out prompt could be asked.", hint="Hold more records out.")
    stopped = sum(answer.stopped for answer in answers)
    interval = wilson(stopped, len(answers))
    return Rate(found=stopped, n=len(answers), lower=interval.lower, upper=interval.upper)
