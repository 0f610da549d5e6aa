"""What a run keeps and says while it learns: checkpoints beside the best one, and answers to validation prompts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import PreTrainedTokenizerBase

from curator import runs
from curator.errors import NotFoundError, TrainingError
from curator.runs import manifest, measuring
from curator.runs.answers import question_of
from curator.runs.export import CARD, export_model
from curator.runs.measuring import asking_cost, training_cost
from curator.training import checkpoint
from curator.training.labels import Example, label_responses
from curator.training.loop import evaluations
from curator.training.template import render_turns
from schemas.record import Message, Origin, Record
from schemas.run import RunState, TrainConfig
from tests.runs.small import Frozen, config


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(load_file(folder / "model.safetensors"))


def test_the_newest_checkpoints_stay_beside_the_best_also_when_a_run_is_resumed(
    frozen: Frozen, base_folder: Path, tmp_path: Path
) -> None:
    """Six steps, each evaluated; stopped after the fourth."""
    workspace, version = frozen
    settings = config(base_folder, epochs=2, max_steps=6, evaluate_every=1, keep_checkpoints=2)

    def stop(step: object, _: int) -> None:
        if step.step == 4:  # type: ignore[attr-defined]
            [alive] = [run for run in runs.watch(workspace) if run.is_alive]
            runs.request_stop(workspace, alive.id, actor="me")

    stopped = runs.train(workspace, version.id, settings, actor="me", on_step=stop)
    assert stopped.state is RunState.STOPPED
    assert list(runs.kept_checkpoints(workspace, stopped.id)) == [3, 4]
    done = runs.resume_here(workspace, stopped.id, actor="me")
    kept = runs.kept_checkpoints(workspace, done.id)
    assert list(kept) == [5, 6]
    assert manifest.verify(workspace, done).ok
    best = runs.checkpoint_of(workspace, done)
    differs = {step: not torch.equal(weights(kept[step])["model.norm.weight"], weights(best)["model.norm.weight"])
               for step in kept}  # fmt: skip
    assert differs == {step: step != done.result.best_step for step in kept}
    for folder in kept.values():
        checkpoint.load_tuned(folder)

    with pytest.raises(NotFoundError, match="keeps no checkpoint of step 4"):
        export_model(workspace, done.id, tmp_path / "x", merged=True, actor="me", undecided=True, step=4)
    with pytest.raises(TrainingError, match="not the checkpoint that was measured"):
        export_model(workspace, done.id, tmp_path / "x", merged=True, actor="me", step=5)
    out = export_model(workspace, done.id, tmp_path / "out", merged=True, actor="me", undecided=True, step=5)
    torch.testing.assert_close(weights(out), weights(kept[5]))
    assert "weights of step 5" in (out / CARD).read_text()

    shutil.copy(kept[5] / "model.safetensors", kept[6] / "model.safetensors.new")
    (kept[6] / "model.safetensors.new").replace(kept[6] / "model.safetensors")
    assert manifest.verify(workspace, done).problems == ("Kept checkpoint: step-6/model.safetensors has changed.",)


def test_a_run_tells_how_its_model_answers_and_learns_the_same(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    settings = config(base_folder, evaluate_every=3, measure="all")
    silent = runs.train(workspace, version.id, settings, actor="me")
    asked = settings.model_copy(update={"answers_per_evaluation": 3, "answer_tokens": 4})
    telling = runs.train(workspace, version.id, asked, actor="me")
    before, after = (runs.metrics(workspace, run.id) for run in (silent, telling))
    assert [row.loss for row in after] == [row.loss for row in before]
    assert [row.validation_nll for row in after] == [row.validation_nll for row in before]
    assert [row.step for row in after if row.task] == [row.step for row in before if row.validation_nll is not None]
    for row in after:
        if row.task is not None:
            assert row.task.answers == 3
            assert 0 <= row.task.exact_match <= row.task.token_f1 <= 1


def test_a_stop_ends_the_answers_too(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    settings = config(base_folder, evaluate_every=1, answers_per_evaluation=2, measure="all")

    def stop(step: object, _: int) -> None:
        if step.step == 0:  # type: ignore[attr-defined]
            [alive] = [run for run in runs.watch(workspace) if run.is_alive]
            runs.request_stop(workspace, alive.id, actor="me")

    stopped = runs.train(workspace, version.id, settings, actor="me", on_step=stop)
    rows = runs.metrics(workspace, stopped.id)
    assert (stopped.state, [row.task is not None for row in rows]) == (RunState.STOPPED, [True, False])


def test_a_question_is_the_prompt_and_the_first_response(tokenizer: PreTrainedTokenizerBase) -> None:
    said = [("user", "One?"), ("assistant", "Uno"), ("user", "Two?"), ("assistant", "Dos")]
    record = Record(
        messages=tuple(Message(role=role, content=text, train=role == "assistant") for role, text in said),
        origin=Origin(source="x"),
    )
    question = question_of(Example("r", *label_responses(render_turns(record, tokenizer), max_tokens=99)), tokenizer)
    assert tokenizer.decode(question.prompt_ids).endswith("One?<|im_end|>\n<|im_start|>assistant\n")
    assert question.reference == "Uno"


def test_answers_cost_at_most_their_share() -> None:
    is_response = torch.arange(20) >= 12
    examples = [Example(str(n), torch.arange(20) + n, is_response, is_response.float()) for n in range(1000)]
    settings = TrainConfig(base="base", answers_per_evaluation=64)
    chosen = measuring.choose(examples, held_out=examples[:200], validation=examples[:100], config=settings)
    spent = evaluations(189, settings) * asking_cost(chosen.asked, settings)
    assert 1 < len(chosen.asked) < 64
    assert 0.12 < spent / training_cost(examples, settings) <= measuring.SHARE
    assert f"{len(chosen.asked)} of 64 asked" in chosen.note
