"""Generation: base and tuned model answer the prompts of a frozen suite; text, seed and decoding are stored.

A prompt is given as the very ids that training would put before a response. What is stored is not generated again.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence

import psutil
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from curator.errors import GenerationError
from curator.store import events, outputs, runs, suites
from curator.store.runs import ProcessMark
from curator.training import checkpoint, checkpoint_of, folder_of, is_alive
from curator.training.template import end_tokens, prompt_ids
from curator.workspace import Workspace
from schemas.review import Decoding, GenerationReport, ModelName, Output, Suite

_BATCH = 16
"""Prompts that are answered at once."""

_Job = tuple[int, int]
"""Position of a prompt in its suite, and number of the sample."""


def generate(
    workspace: Workspace,
    run_id: str,
    suite: str,
    *,
    actor: str,
    decoding: Decoding | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> GenerationReport:
    """Answers of the base and the tuned model of a run to every prompt of a suite.

    Args:
        workspace: Where the run and the suite are.
        run_id: A run with a checkpoint.
        suite: Name or id of a suite.
        actor: Who asked.
        decoding: By default greedy, at most 128 new tokens.
        on_progress: Is told how many of how many outputs are stored.

    Raises:
        NotFoundError: There is no such run, suite or checkpoint.
        TrainingError: A model cannot be loaded.
        GenerationError: The suite was answered with other decoding before, or a prompt does not fit the model.
    """
    decoding = decoding or Decoding()
    with workspace.read() as connection:
        run = runs.get(connection, run_id)
        frozen = suites.get(connection, suite)
        stored = outputs.of_run(connection, run.id, suite_id=frozen.id)
        done = outputs.done(connection, run.id, frozen.id)
    if any(output.decoding != decoding for output in stored):
        raise GenerationError(
            f"Run {run.id} has answered {frozen.name} with other decoding settings.",
            hint=f"Use the same settings to go on: {stored[0].decoding.model_dump_json()}",
        )
    folder = checkpoint_of(workspace, run)
    tokenizer = checkpoint.load_tokenizer(str(folder))
    total = 2 * len(frozen.prompts) * decoding.samples
    finished = len(done)
    for name in ("base", "tuned"):
        jobs = [
            (position, sample)
            for position in range(len(frozen.prompts))
            for sample in range(decoding.samples)
            if (position, name, sample) not in done
        ]
        if not jobs:
            continue
        model = checkpoint.load_base(run.config.base) if name == "base" else checkpoint.load_tuned(folder)
        for new in _answers(model, tokenizer, frozen, jobs=jobs, name=name, decoding=decoding):
            with workspace.write() as connection:
                outputs.add_many(connection, new, run_id=run.id, suite_id=frozen.id, at=workspace.clock())
            finished += len(new)
            if on_progress is not None:
                on_progress(finished, total)
    with workspace.write() as connection:
        detail = {"suite": frozen.id, "outputs": finished, "decoding": decoding.model_dump(mode="json")}
        events.append(connection, "generate", run.id, actor=actor, at=workspace.clock(), detail=detail)
    return GenerationReport(run=run.id, suite=frozen.id, outputs=finished, new=finished - len(done))


@torch.inference_mode()
def _answers(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    suite: Suite,
    *,
    jobs: Sequence[_Job],
    name: ModelName,
    decoding: Decoding,
) -> Iterator[list[outputs.NewOutput]]:
    """Outputs batch by batch. Sampling goes prompt by prompt, so that a seed gives the same text in any company."""
    model.eval()
    ends = end_tokens(tokenizer)
    pad = int(tokenizer.pad_token_id)
    size = _BATCH if decoding.temperature == 0 else 1
    prompts = {position: prompt_ids(suite.prompts[position].messages, tokenizer) for position, _ in jobs}
    room = getattr(model.config, "max_position_embeddings", None)
    for position, ids in prompts.items():
        if room is not None and len(ids) + decoding.max_new_tokens > room:
            raise GenerationError(
                f"Prompt {suite.prompts[position].id} has {len(ids)} tokens; with {decoding.max_new_tokens} new ones "
                f"that is more than the {room} that the model can hold.",
                hint="Shorten the prompt or lower max_new_tokens.",
            )
    by_length = sorted(jobs, key=lambda job: len(prompts[job[0]]))
    for start in range(0, len(by_length), size):
        part = by_length[start : start + size]
        longest = max(len(prompts[position]) for position, _ in part)
        padded = [[pad] * (longest - len(prompts[position])) + prompts[position] for position, _ in part]
        mask = [[0] * (longest - len(prompts[position])) + [1] * len(prompts[position]) for position, _ in part]
        if decoding.temperature > 0:
            torch.manual_seed(decoding.seed + part[0][1])
        sampling = {"temperature": decoding.temperature, "top_p": decoding.top_p} if decoding.temperature > 0 else {}
        answered = model.generate(  # type: ignore[operator]
            input_ids=torch.tensor(padded, device=model.device),
            attention_mask=torch.tensor(mask, device=model.device),
            max_new_tokens=decoding.max_new_tokens,
            do_sample=decoding.temperature > 0,
            eos_token_id=ends,
            pad_token_id=pad,
            **sampling,
        )
        yield [
            _output(row[longest:].tolist(), tokenizer, ends=ends, job=job, name=name, decoding=decoding)
            for job, row in zip(part, answered, strict=True)
        ]


def _output(
    ids: list[int],
    tokenizer: PreTrainedTokenizerBase,
    *,
    ends: list[int],
    job: _Job,
    name: ModelName,
    decoding: Decoding,
) -> outputs.NewOutput:
    """An output up to its end token; what follows is padding of the batch."""
    end = next((n for n, token in enumerate(ids) if token in ends), None)
    kept = ids if end is None else ids[:end]
    return outputs.NewOutput(
        position=job[0],
        model=name,
        sample=job[1],
        text=str(tokenizer.decode(kept, skip_special_tokens=True)),
        tokens=len(kept) + (end is not None),
        stopped=end is not None,
        decoding=decoding,
    )


def start(workspace: Workspace, run_id: str, suite: str) -> None:
    """Begin a generation in a detached process, which outlives this one; its log lies in the folder of the run.

    Raises:
        GenerationError: One is going on for this run already.
    """
    if is_working(workspace, run_id):
        raise GenerationError(f"Outputs of run {run_id} are being generated already.", hint="Wait until that ends.")
    folder = folder_of(workspace, run_id)
    with (folder / _LOG).open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "curator",
                "generate",
                run_id,
                "--suite",
                suite,
                "--workspace",
                str(workspace.folder),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (folder / _PROCESS).write_text(f"{process.pid} {psutil.Process(process.pid).create_time()}")


def is_working(workspace: Workspace, run_id: str) -> bool:
    """Whether a process that `start` began is still generating outputs of a run."""
    file = folder_of(workspace, run_id) / _PROCESS
    if not file.is_file():
        return False
    number, started = file.read_text().split()
    return is_alive(ProcessMark(int(number), float(started)))


def count(workspace: Workspace, run_id: str, suite_id: str) -> int:
    """Outputs of a run that are stored for a suite."""
    with workspace.read() as connection:
        return len(outputs.done(connection, run_id, suite_id))


def outputs_of(workspace: Workspace, run_id: str, suite_id: str) -> list[Output]:
    """Outputs of a run for a suite, ordered by prompt, model and sample."""
    with workspace.read() as connection:
        return outputs.of_run(connection, run_id, suite_id=suite_id)


def log_tail(workspace: Workspace, run_id: str) -> str:
    """What the last detached generation printed."""
    file = folder_of(workspace, run_id) / _LOG
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


_LOG = "generate.log"
_PROCESS = "generate.pid"
