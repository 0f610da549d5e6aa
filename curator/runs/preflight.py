"""The preview of a run: what it would do with a version, checked and estimated before anything is spent.

Time and memory are estimates from the sizes of model and data and the measured rate of matrix products; once a run
works, its own speed is shown instead.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import psutil
import torch
from safetensors import SafetensorError, safe_open
from transformers import AutoConfig, PretrainedConfig, PreTrainedTokenizerBase

from curator import base_models, versions
from curator.errors import TrainingError
from curator.runs import measuring
from curator.runs.measuring import token_count, training_cost
from curator.runs.selection import data_of
from curator.training import checkpoint
from curator.training.labels import Example, Prepared
from curator.training.learner import device_of, tokens_per_batch
from curator.training.loop import evaluations
from curator.training.plan import planned_steps, sharing
from curator.training.precision import uses_bf16
from curator.training.template import end_tokens, prompt_ids, render_turns
from curator.workspace import Workspace
from schemas.preflight import Check, Preflight
from schemas.record import Message, Origin, Record
from schemas.run import TrainConfig
from schemas.version import Split

_REFUSED = 0.3
"""Largest share of training records that may be left out before something must be wrong with settings or data."""
_EFFICIENCY = 0.4
"""Of the rate of large matrix products that a training step reached here on small models."""
_PROBED = 50
"""Records whose prompt is compared with what generation would be given."""


def preflight(workspace: Workspace, version: str, config: TrainConfig) -> Preflight:
    """What a run with these settings would do, and every reason not to start it.

    Raises:
        NotFoundError: There is no such version.
        TrainingError: The base or its tokenizer cannot be used at all.
    """
    base_models.require_known(workspace, config.base)
    frozen = versions.find(workspace, version)
    tokenizer = checkpoint.tokenizer_of(config)
    parts = data_of(workspace, frozen.id, tokenizer, config)
    training = parts[Split.TRAIN].examples
    tokens = sum(len(example.input_ids) for example in training)
    weights = _weights(config)
    trained = weights if config.method == "full" else _adapter_parameters(config)
    memory = _memory(config, weights=weights, trained=trained)
    disk = 4 * trained + 12 * trained + (4 * weights if config.method == "full" else 0)
    disk += config.keep_checkpoints * 4 * trained
    return Preflight(
        version=frozen.id,
        records={split: len(part.examples) for split, part in parts.items()},
        refused=tuple(reason for part in parts.values() for reason in part.refused),
        tokens=tokens,
        response_tokens=sum(example.response_tokens for example in training),
        longest=max((len(example.input_ids) for part in parts.values() for example in part.examples), default=0),
        sharing=sharing(training),
        weighed=tuple(map(str, parts[Split.TRAIN].weighed)),
        steps=planned_steps(len(training), config) if training else 0,
        parameters=weights,
        trained_parameters=trained,
        memory_bytes=memory,
        disk_bytes=disk,
        seconds=_seconds(config, weights=weights, parts=parts),
        checks=tuple(_checks(workspace, frozen.id, tokenizer, config, parts, memory=memory, disk=disk)),
    )


def template_checks(tokenizer: PreTrainedTokenizerBase) -> list[Check]:
    """What a chat template must do, tried with made-up conversations."""
    ask = (Message(role="user", content="Hello"),)
    ids = prompt_ids(ask, tokenizer)
    bos = tokenizer.bos_token_id
    doubled = bos is not None and ids[:2] == [bos, bos]
    checks = [
        Check(
            name="one beginning",
            ok=not doubled,
            explanation="The prompt begins with the beginning-of-text token twice: take it out of the template."
            if doubled
            else "The prompt begins with at most one beginning-of-text token.",
        )
    ]
    talk = Record(
        messages=(*ask, Message(role="assistant", content="Hi", train=True), *ask,
                  Message(role="assistant", content="Hi again", train=True)),
        origin=Origin(source="probe"),
    )  # fmt: skip
    try:
        turns = render_turns(talk, tokenizer)
        ends = set(end_tokens(tokenizer))
        stops = all(turn.token_ids[-1] in ends for turn in turns if turn.is_response)
        said = "Every response ends with a token at which generation stops."
        checks.append(Check(name="responses end", ok=stops, explanation=said if stops else "A response has no end."))
        checks.append(Check(name="several turns", ok=True, explanation="Earlier turns stay as they are."))
    except TrainingError as error:
        checks.append(Check(name="several turns", ok=True, explanation=f"Only single responses train: {error.problem}"))
    return checks


def _checks(
    workspace: Workspace,
    version_id: str,
    tokenizer: PreTrainedTokenizerBase,
    config: TrainConfig,
    parts: dict[Split, Prepared],
    *,
    memory: int,
    disk: int,
) -> list[Check]:
    part = parts[Split.TRAIN]
    everything = len(part.examples) + len(part.refused)
    share = len(part.refused) / everything if everything else 1.0
    free = shutil.disk_usage(workspace.folder).free
    total = psutil.virtual_memory().total
    if device_of(config) == "cuda":
        total = torch.cuda.get_device_properties(0).total_memory
    held_out = sum(len(parts[split].examples) for split in (Split.TEST, Split.VALIDATION))
    idle = [weighed.rule for weighed in part.weighed if not weighed.records]
    weights = Check(
        name="weights apply",
        ok=not idle,
        explanation=f"No training record is meant by {', '.join(idle)}." if idle else "Every weight means a record.",
    )
    differing = _differing_prompts(workspace, version_id, tokenizer, part.examples)
    return [
        Check(name="something to learn", ok=bool(part.examples), explanation=f"{len(part.examples):,} records train."),
        Check(
            name="few left out",
            ok=share <= _REFUSED,
            explanation=f"{len(part.refused):,} of {everything:,} training records are left out ({share:.0%}); "
            f"more than {_REFUSED:.0%} point to a wrong setting, such as max_tokens.",
        ),
        Check(
            name="something held out",
            ok=held_out > 0,
            explanation=f"{held_out:,} records are held out; without any, nothing shows what was learnt.",
        ),
        Check(
            name="asked as trained",
            ok=differing == 0,
            explanation=f"{differing} of {min(_PROBED, len(part.examples))} prompts are not those of generation.",
        ),
        *template_checks(tokenizer),
        *([weights] if part.weighed else []),
        Check(
            name="memory",
            ok=memory < total,
            explanation=f"About {memory / 2**30:.1f} GiB of {total / 2**30:.0f} GiB.",
        ),
        Check(
            name="disk",
            ok=2 * disk < free,
            explanation=f"{disk / 2**30:.1f} GiB, twice that while it is written; {free / 2**30:.0f} GiB are free.",
        ),
    ]


def _differing_prompts(
    workspace: Workspace, version_id: str, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example]
) -> int:
    probed = {example.row_id: example for example in examples[:_PROBED]}
    differing = 0
    for row in versions.rows(workspace, version_id, split=Split.TRAIN):
        example = probed.get(row.row_id)
        if example is None:
            continue
        first = next(n for n, message in enumerate(row.record.messages) if message.train)
        asked = prompt_ids(row.record.messages[:first], tokenizer, tools=row.record.tools)
        differing += example.input_ids[: example.prompt_tokens].tolist() != asked
    return differing


def _weights(config: TrainConfig) -> int:
    """Parameters of the base, read from the headers of its files; 0 for one that is still to be downloaded."""
    total = 0
    for file in sorted(Path(config.base).glob("*.safetensors")):
        try:
            with safe_open(file, framework="pt") as stored:
                for name in stored.keys():  # noqa: SIM118  it is not a dictionary
                    size = 1
                    for length in stored.get_slice(name).get_shape():
                        size *= length
                    total += size
        except (SafetensorError, OSError) as error:
            raise TrainingError(
                f"{file.name} of the base is damaged: {error}.", hint="Copy the model again."
            ) from error
    return total


def _config(config: TrainConfig) -> PretrainedConfig | None:
    if not Path(config.base).is_dir():
        return None
    whole = AutoConfig.from_pretrained(config.base, local_files_only=True, trust_remote_code=False)
    return cast(PretrainedConfig, whole.get_text_config())


def _adapter_parameters(config: TrainConfig) -> int:
    """Of rank r on the seven linear layers of a usual block, each r x (inputs + outputs)."""
    shape = _config(config)
    if shape is None:
        return 0
    hidden, layers = shape.hidden_size, shape.num_hidden_layers
    inner = getattr(shape, "intermediate_size", None) or 4 * hidden
    return int(config.lora_rank * layers * (4 * 2 * hidden + 3 * (hidden + inner)))


def _memory(config: TrainConfig, *, weights: int, trained: int) -> int:
    """Bytes: weights that compute, masters, gradients and two moments in fp32, activations, one chunk of logits."""
    computing = (0.6 if config.method == "qlora" else 2 if uses_bf16(config) else 4) * weights
    learning = (16 if uses_bf16(config) else 12) * trained
    shape = _config(config)
    activations = 0
    if shape is not None:
        inner = getattr(shape, "intermediate_size", None) or 4 * shape.hidden_size
        kept = 10 * shape.hidden_size + 4 * inner  # numbers a block keeps per token for its backward pass
        kept = 2 * shape.hidden_size if config.checkpoint_activations else kept
        width = 2 if uses_bf16(config) else 4
        activations = tokens_per_batch(config) * shape.num_hidden_layers * kept * width
    return int(computing + learning + activations) + 2**29


def _seconds(config: TrainConfig, *, weights: int, parts: Mapping[Split, Prepared]) -> float | None:
    """Of the training with all that is measured; None where the size of the model is not known."""
    training = parts[Split.TRAIN].examples
    if not weights or not training:
        return None
    validation = parts[Split.VALIDATION].examples
    held_out = parts[Split.TEST].examples or validation
    measured = measuring.choose(training, held_out=held_out, validation=validation, config=config)
    tokens = training_cost(training, config)
    tokens += 2 * (token_count(measured.held_out) + token_count(measured.training))
    per_evaluation = token_count(measured.validation) + measuring.asking_cost(measured.asked, config)
    tokens += evaluations(planned_steps(len(training), config), config) * per_evaluation
    return 2 * weights * tokens / (_matmul_rate(config) * _EFFICIENCY)


def _matmul_rate(config: TrainConfig) -> float:
    """Floating-point operations per second of a large matrix product here, in the arithmetic of the run."""
    device = device_of(config)
    dtype = torch.bfloat16 if uses_bf16(config) else torch.float32
    size = 4096 if device == "cuda" else 768
    one, other = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    best = float("inf")
    for _ in range(4):
        began = time.perf_counter()
        product = one @ other
        float(product[0, 0])  # waits for a GPU
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best
