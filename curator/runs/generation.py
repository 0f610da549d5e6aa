"""Generation: base and tuned model answer the prompts of a frozen suite; text, seed and decoding are stored.

A prompt is given as the very ids that training would put before a response. What is stored is not generated again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from curator import detached, whole
from curator.access import require
from curator.errors import GenerationError
from curator.runs.folder import checkpoint_of, folder_of
from curator.store import events, outputs, runs, suites, systems
from curator.training import checkpoint
from curator.training.completion import complete
from curator.training.template import prompt_ids
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind
from schemas.process import ProcessMark
from schemas.record import Message
from schemas.review import Decoding, GenerationReport, ModelName, Output, Suite

_STORED_AT_ONCE = 16

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
    require(workspace, actor, Right.REVIEW)
    decoding = decoding or Decoding()
    with workspace.read() as connection:
        run = runs.get(connection, run_id)
        frozen = suites.get(connection, suite)
        stored = outputs.of_system(connection, run.id, suite_id=frozen.id)
        done = outputs.done(connection, run.id, frozen.id)
    if any(output.decoding != decoding for output in stored):
        raise GenerationError(
            f"Run {run.id} has answered {frozen.name} with other decoding settings.",
            hint=f"Use the same settings to go on: {stored[0].decoding and stored[0].decoding.model_dump_json()}",
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
        model = checkpoint.load_base(run.config.base, cached=True) if name == "base" else checkpoint.load_tuned(folder)
        for new in _answers(model, tokenizer, frozen, jobs=jobs, name=name, decoding=decoding):
            with workspace.write() as connection:
                systems.ensure_run(connection, run.id, actor=actor, at=workspace.clock())
                outputs.add_many(connection, new, system_id=run.id, suite_id=frozen.id, at=workspace.clock())
            finished += len(new)
            if on_progress is not None:
                on_progress(finished, total)
    with workspace.write() as connection:
        detail = {"suite": frozen.id, "outputs": finished, "decoding": decoding.model_dump(mode="json")}
        events.append(connection, Kind.GENERATE, run.id, actor=actor, at=workspace.clock(), detail=detail)
    return GenerationReport(run=run.id, suite=frozen.id, outputs=finished, new=finished - len(done))


def _answers(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    suite: Suite,
    *,
    jobs: Sequence[_Job],
    name: ModelName,
    decoding: Decoding,
) -> Iterator[list[outputs.NewOutput]]:
    """Outputs a few at a time, so that little is lost when the process ends."""
    prompts = {position: prompt_ids(suite.prompts[position].messages, tokenizer) for position, _ in jobs}
    room = getattr(model.config, "max_position_embeddings", None)
    for position, ids in prompts.items():
        if room is not None and len(ids) + decoding.max_new_tokens > room:
            raise GenerationError(
                f"Prompt {suite.prompts[position].id} has {len(ids)} tokens; with {decoding.max_new_tokens} new ones "
                f"that is more than the {room} that the model can hold.",
                hint="Shorten the prompt or lower max_new_tokens.",
            )
    new_outputs: list[outputs.NewOutput] = []
    seeds = [decoding.seed + sample for _, sample in jobs]
    asked = [prompts[position] for position, _ in jobs]
    for n, said in complete(model, tokenizer, asked, decoding=decoding, seeds=seeds):
        position, sample = jobs[n]
        new_outputs.append(
            outputs.NewOutput(
                position=position,
                model=name,
                sample=sample,
                text=said.text,
                tokens=said.tokens,
                stopped=said.stopped,
                decoding=decoding,
            )
        )
        if len(new_outputs) == _STORED_AT_ONCE:
            yield new_outputs
            new_outputs = []
    if new_outputs:
        yield new_outputs


class Pair(NamedTuple):
    """Base and tuned model of a run, ready to be asked."""

    base: PreTrainedModel
    tuned: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    def answer_one(self, name: ModelName, messages: Sequence[Message], *, decoding: Decoding) -> str:
        """What one of the two says next.

        Raises:
            TrainingError: The template refuses the messages, or a text holds a special token.
            GenerationError: The conversation is longer than the model can hold.
        """
        model = self.base if name == "base" else self.tuned
        ids = prompt_ids(messages, self.tokenizer)
        room = getattr(model.config, "max_position_embeddings", None)
        if room is not None and len(ids) + decoding.max_new_tokens > room:
            raise GenerationError(
                f"The conversation has {len(ids)} tokens; with {decoding.max_new_tokens} new ones that is more than "
                f"the {room} that the model can hold.",
                hint="Start over, or ask for a shorter answer.",
            )
        [(_, completion)] = complete(model, self.tokenizer, [ids], decoding=decoding)
        return completion.text


def load_pair(workspace: Workspace, run_id: str) -> Pair:
    """Both models of a run.

    Raises:
        NotFoundError: There is no such run or checkpoint.
        TrainingError: A model cannot be loaded.
    """
    with workspace.read() as connection:
        run = runs.get(connection, run_id)
    place = checkpoint_of(workspace, run)
    base = checkpoint.load_base(run.config.base, cached=True)
    return Pair(base, checkpoint.load_tuned(place), checkpoint.load_tokenizer(str(place)))


def start(workspace: Workspace, run_id: str, suite: str, *, actor: str) -> None:
    """Begin a generation in a detached process, which outlives this one; its log lies in the folder of the run.

    Raises:
        GenerationError: One is going on for this run already.
    """
    require(workspace, actor, Right.REVIEW)
    if is_working(workspace, run_id):
        raise GenerationError(f"Outputs of run {run_id} are being generated already.", hint="Wait until that ends.")
    folder = folder_of(workspace, run_id)
    (folder / _LOG).unlink(missing_ok=True)
    command = [sys.executable, "-m", "curator", "generate", run_id]
    command += ["--suite", suite, "--workspace", str(workspace.folder)]
    mark = detached.start(command, log=folder / _LOG)
    whole.write(folder / _PROCESS, f"{mark.id} {mark.started}".encode())


def is_working(workspace: Workspace, run_id: str) -> bool:
    """Whether a process that `start` began is still generating outputs of a run."""
    file = folder_of(workspace, run_id) / _PROCESS
    if not file.is_file():
        return False
    number, started = file.read_text().split()
    return detached.is_alive(ProcessMark(int(number), float(started)))


def count(workspace: Workspace, run_id: str, suite_id: str) -> int:
    """Outputs of a run that are stored for a suite."""
    with workspace.read() as connection:
        return len(outputs.done(connection, run_id, suite_id))


def outputs_of(workspace: Workspace, run_id: str, suite_id: str) -> list[Output]:
    """Outputs of a run for a suite, ordered by prompt, model and sample."""
    with workspace.read() as connection:
        return outputs.of_system(connection, run_id, suite_id=suite_id)


def log_tail(workspace: Workspace, run_id: str) -> str:
    """What the last detached generation printed."""
    return detached.log_tail(folder_of(workspace, run_id) / _LOG)


_LOG = "generate.log"
_PROCESS = "generate.pid"
