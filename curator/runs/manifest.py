"""The manifest of a run: what its checkpoint was made of, written beside it, and the check that it still holds.

It answers "was this record used?" without the database, and proves that data, base and weights are those of the run.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

import accelerate
import orjson
import peft
import torch
import transformers
from pydantic import ValidationError
from transformers import PreTrainedTokenizerBase

from curator import __version__, versions, whole
from curator.errors import CuratorError, TrainingError
from curator.runs.folder import CHECKPOINT, KEPT, MANIFEST, folder_of
from curator.runs.selection import data_of
from curator.training import checkpoint
from curator.training.labels import Example, Prepared
from curator.training.loop import folds
from curator.training.plan import order_hash
from curator.workspace import Workspace
from schemas.run import Run, RunManifest, RunVerification
from schemas.version import FileHash, Split


def write(
    workspace: Workspace,
    run: Run,
    parts: Mapping[Split, Prepared],
    *,
    tokenizer: PreTrainedTokenizerBase,
    notes: Sequence[str],
) -> None:
    """State everything that is known before the training; `seal` adds the weights."""
    stated = RunManifest(
        run=run.id,
        version=run.version_id,
        config=run.config,
        chat_template=str(tokenizer.chat_template),
        tokenizer=_tokenizer_hash(tokenizer),
        base=tuple(_hashes(Path(run.config.base))) if Path(run.config.base).is_dir() else (),
        records={split: tuple(example.row_id for example in part.examples) for split, part in parts.items()},
        refused={split: tuple(part.refused) for split, part in parts.items()},
        response_tokens={split: _response_tokens(part.examples) for split, part in parts.items()},
        tokens={split: sum(len(example.input_ids) for example in part.examples) for split, part in parts.items()},
        labels=_labels_hash(parts),
        order=_order(parts, run),
        notes=tuple(notes),
        environment={
            "curator": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "accelerate": accelerate.__version__,
            "peft": peft.__version__,
        },
    )
    _store(folder_of(workspace, run.id) / MANIFEST, stated)


def seal(workspace: Workspace, run: Run) -> None:
    """Add the hashes of the files of all checkpoints."""
    folder = folder_of(workspace, run.id)
    hashes = {"checkpoint": tuple(_hashes(folder / CHECKPOINT)), "kept": tuple(_hashes(folder / KEPT))}
    _store(folder / MANIFEST, read(workspace, run.id).model_copy(update=hashes))


def read(workspace: Workspace, run_id: str) -> RunManifest:
    """The manifest of a run.

    Raises:
        TrainingError: There is none yet, or it is damaged.
    """
    file = folder_of(workspace, run_id) / MANIFEST
    try:
        return RunManifest.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise TrainingError(
            f"The manifest of run {run_id} cannot be read: {type(error).__name__}.",
            hint="A run writes it once its data are prepared; one of an older Curator has another form.",
        ) from error


def changed_weights(workspace: Workspace, run: Run) -> list[str]:
    """What shows that the checkpoint is not the one that the run wrote, in words."""
    stated = read(workspace, run.id).checkpoint
    return _changed("Checkpoint", stated, folder_of(workspace, run.id) / CHECKPOINT)


def verify(workspace: Workspace, run: Run) -> RunVerification:
    """Whether version, base, labels, order and weights are still those that the manifest states."""
    try:
        stated = read(workspace, run.id)
    except TrainingError as error:
        return RunVerification(run=run.id, ok=False, problems=(error.problem,))
    problems: list[str] = []
    try:
        problems += versions.verify(workspace, stated.version).problems
    except CuratorError as error:
        problems.append(error.problem)
    folder = folder_of(workspace, run.id)
    problems += _changed("Checkpoint", stated.checkpoint, folder / CHECKPOINT)
    problems += _changed("Kept checkpoint", stated.kept, folder / KEPT)
    problems += _changed("Base", stated.base, Path(stated.config.base)) if stated.base else []
    if stated.checkpoint and not problems:
        tokenizer = checkpoint.load_tokenizer(str(folder / CHECKPOINT))
        used = {*stated.records[Split.TRAIN], *(reason.split(":")[0] for reason in stated.refused[Split.TRAIN])}
        parts = data_of(workspace, stated.version, tokenizer, stated.config, only=used)
        if _tokenizer_hash(tokenizer) != stated.tokenizer:
            problems.append("The tokenizer of the checkpoint is not the one that the run used.")
        if _labels_hash(parts) != stated.labels:
            problems.append("The tokens that carry loss are not those that the run was trained on.")
        if _order(parts, run) != stated.order:
            problems.append("The order of the records is not the one that the run was trained in.")
    return RunVerification(run=run.id, ok=not problems, problems=tuple(problems))


def _store(file: Path, stated: RunManifest) -> None:
    whole.write(file, orjson.dumps(stated.model_dump(mode="json"), option=orjson.OPT_INDENT_2))


def _hashes(folder: Path) -> list[FileHash]:
    hashes = []
    for file in sorted(folder.rglob("*")):
        if not file.is_file():
            continue
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        hashes.append(FileHash(path=file.relative_to(folder).as_posix(), bytes=file.stat().st_size, sha256=digest))
    return hashes


def _changed(what: str, stated: Sequence[FileHash], folder: Path) -> list[str]:
    present = {file.path: file for file in _hashes(folder)} if folder.is_dir() else {}
    return [
        f"{what}: {file.path} is missing." if file.path not in present else f"{what}: {file.path} has changed."
        for file in stated
        if present.get(file.path) != file
    ]


def _response_tokens(examples: Sequence[Example]) -> int:
    return sum(example.response_tokens for example in examples)


def _tokenizer_hash(tokenizer: PreTrainedTokenizerBase) -> str:
    """sha256 over the vocabulary, the special tokens and the template."""
    stated = [sorted(tokenizer.get_vocab().items()), sorted(tokenizer.all_special_tokens), str(tokenizer.chat_template)]
    return hashlib.sha256(orjson.dumps(stated)).hexdigest()


def _labels_hash(parts: Mapping[Split, Prepared]) -> str:
    """sha256 over ids and loss weights of every token of every record."""
    digest = hashlib.sha256()
    for split in Split:
        for example in parts[split].examples:
            digest.update(example.row_id.encode() + b"\x1f")
            digest.update(example.input_ids.numpy().tobytes() + example.weights.numpy().tobytes())
    return digest.hexdigest()


def _order(parts: Mapping[Split, Prepared], run: Run) -> str:
    examples = parts[Split.TRAIN].examples
    return order_hash(examples, run.config, fold=folds(examples, run.config))
