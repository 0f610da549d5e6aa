"""What a run measures before and after: cheap beside the training, in its arithmetic, shown, and ended by a stop."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerBase

from curator import runs, versions
from curator.runs import measuring, writing
from curator.runs.losses import record_histories
from curator.runs.measuring import token_count, training_cost
from curator.training import checkpoint
from curator.training.evaluate import record_losses, summary
from curator.training.labels import Example, prepare
from curator.training.learner import place_model
from curator.training.precision import round_to_bf16
from schemas.run import Activity, RunState, TrainConfig
from schemas.version import Split
from tests.runs.small import Frozen, config


def examples(name: str, count: int) -> list[Example]:
    """Of 20 tokens each; no two share a prompt."""
    is_response = torch.arange(20) >= 12
    return [Example(f"{name} {n}", torch.arange(20) + n, is_response, is_response.float()) for n in range(count)]


def chosen(**changes: object) -> tuple[measuring.Sample, TrainConfig]:
    settings = TrainConfig.model_validate({"base": "base"} | changes)
    sample = measuring.choose(
        examples("train", 1000), held_out=examples("test", 200), validation=examples("validation", 100), config=settings
    )
    return sample, settings


@pytest.mark.parametrize("changes", [{}, {"epochs": 1}, {"max_steps": 40}, {"method": "lora"}])
def test_measuring_before_and_after_costs_at_most_its_share(changes: dict[str, object]) -> None:
    sample, settings = chosen(**changes)
    spent = 2 * (token_count(sample.held_out) + token_count(sample.training))
    share = spent / training_cost(examples("train", 1000), settings)
    assert 0.12 < share <= measuring.SHARE


def test_three_epochs_measure_all_that_is_held_out_and_some_training_records() -> None:
    sample, _ = chosen()
    assert len(sample.held_out) == 200
    assert len(sample.training) == 475  # .15 * 3 passes * 3 epochs * 1,000 records, halved, less the 200
    assert "475 of 1,000 training" in sample.note


def test_a_very_short_run_still_measures_enough_to_show_something() -> None:
    sample, _ = chosen(max_steps=2)
    assert (len(sample.held_out), len(sample.training), len(sample.validation)) == (32, 0, 32)


def test_a_shorter_run_measures_a_part_of_what_a_longer_one_does() -> None:
    short, long = chosen(epochs=1)[0], chosen(epochs=3)[0]
    for one, other in ((short.held_out, long.held_out), (short.training, long.training)):
        assert {each.row_id for each in one} <= {each.row_id for each in other}


def test_everything_is_measured_on_request() -> None:
    sample, _ = chosen(max_steps=2, measure="all")
    assert (len(sample.held_out), len(sample.training), len(sample.validation)) == (200, 1000, 100)
    assert sample.note == ""


def test_records_that_are_not_measured_have_the_losses_of_their_own_steps(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    run = runs.train(workspace, version.id, config(base_folder, epochs=2), actor="me")
    histories = [each for each in record_histories(workspace, run) if each.split is Split.TRAIN]
    assert len(histories) == version.splits["train"]
    rest = [each for each in histories if each.base is None]
    assert rest, "the budget of two epochs over 24 records does not reach all of them"
    for each in rest:
        assert (each.before, each.after) == each.epochs


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_base_is_measured_in_the_arithmetic_of_the_training(
    frozen: Frozen, base_folder: Path, tokenizer: PreTrainedTokenizerBase, precision: str
) -> None:
    workspace, version = frozen
    run = runs.train(workspace, version.id, config(base_folder, max_steps=1, precision=precision), actor="me")
    held_out = prepare(versions.rows(workspace, version.id, split=Split.TEST), tokenizer, run.config).examples
    objective, _ = place_model(checkpoint.load_base(str(base_folder)), run.config)
    if precision == "bf16":
        round_to_bf16(objective.model)
    losses = record_losses(objective, held_out, split="test", pad_id=0)
    assert run.result.heldout_base.nll == pytest.approx(summary(losses, split="test").nll, rel=1e-6)


@pytest.mark.parametrize("moment", ["base", "tuned model"])
def test_a_stop_while_records_are_measured_ends_the_run_which_can_go_on(
    frozen: Frozen, base_folder: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    workspace, version = frozen
    monkeypatch.setattr(writing, "_SHOWN_EVERY_SECONDS", 0.0)
    shown: list[Activity] = []

    def stop(activity: Activity) -> None:
        shown.append(activity)
        if moment in activity.doing:
            [run] = [each for each in runs.watch(workspace) if each.state is RunState.RUNNING]
            assert runs.activity(workspace, run.id) == activity
            runs.request_stop(workspace, run.id, actor="me")

    stopped = runs.train(workspace, version.id, config(base_folder), actor="me", on_activity=stop)
    assert stopped.state is RunState.STOPPED
    assert moment in shown[-1].doing
    assert 0 < shown[-1].done <= shown[-1].total
    assert runs.activity(workspace, stopped.id) is None
    assert (stopped.result is None) == (moment == "base")
    if stopped.result is not None:
        assert stopped.result.heldout_tuned is None
        checkpoint.load_tuned(runs.checkpoint_of(workspace, stopped))
    assert runs.can_resume(workspace, stopped)
    resumed = runs.resume_here(workspace, stopped.id, actor="me")
    straight = runs.train(workspace, version.id, config(base_folder), actor="me")
    assert resumed.state is RunState.DONE
    assert resumed.result.heldout_tuned == straight.result.heldout_tuned
