"""Stopping, dying and going on: a resumed run is the run that was never interrupted."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from curator import Workspace, runs, whole
from curator.errors import NotFoundError, TrainingError
from curator.runs import manifest
from curator.runs.folder import append, cut_after, whole_lines
from curator.store import runs as stored_runs
from curator.training import checkpoint, loop
from schemas.run import MetricRow, RunState
from tests.runs.small import Frozen, config, ended


def losses(workspace: Workspace, run_id: str) -> list[tuple[int, float | None, float | None]]:
    return [(row.step, row.loss, row.validation_nll) for row in runs.metrics(workspace, run_id)]


def weights(workspace: Workspace, run_id: str) -> dict[str, list[float]]:
    [file] = (runs.folder_of(workspace, run_id) / "checkpoint").glob("*model.safetensors")
    return {name: tensor.flatten().tolist() for name, tensor in load_file(file).items()}


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_resumed_run_ends_bit_for_bit_like_one_that_was_never_stopped(
    frozen: Frozen, base_folder: Path, method: str, precision: str
) -> None:
    workspace, version = frozen
    settings = config(base_folder, epochs=3, method=method, precision=precision, noise_alpha=2.0, early_stopping=5)
    whole = runs.train(workspace, version.id, settings, actor="me")

    def stop_in_the_second_epoch(step: loop.Step, _: int) -> None:
        if step.step == 5:
            [run] = [each for each in runs.watch(workspace) if each.state is RunState.RUNNING]
            runs.request_stop(workspace, run.id, actor="me")

    stopped = runs.train(workspace, version.id, settings, actor="me", on_step=stop_in_the_second_epoch)
    assert (stopped.state, stopped.result.steps) == (RunState.STOPPED, 5)
    assert runs.can_resume(workspace, stopped)
    resumed = runs.resume_here(workspace, stopped.id, actor="me")
    assert (resumed.state, resumed.result.steps) == (RunState.DONE, whole.result.steps)
    assert losses(workspace, resumed.id) == losses(workspace, whole.id)
    assert weights(workspace, resumed.id) == weights(workspace, whole.id)
    assert resumed.result.heldout_tuned == whole.result.heldout_tuned
    trained = [[(row.row_id, row.step, row.nll) for row in runs.ledger(workspace, run.id)] for run in (resumed, whole)]
    assert sorted(trained[0]) == sorted(trained[1])


def test_a_killed_run_goes_on_from_its_last_saved_state(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    settings = config(base_folder, epochs=120, evaluate_every=4)
    run = runs.start(workspace, version.id, settings, actor="me")
    place = runs.folder_of(workspace, run.id)
    while not (place / "state").is_dir():
        [now] = runs.watch(workspace)
        assert now.is_alive, runs.log_tail(workspace, run.id)
    with workspace.read() as connection:
        mark = stored_runs.process_of(connection, run.id)
    os.kill(mark.id, signal.SIGKILL)
    os.waitpid(mark.id, 0)
    [dead] = runs.watch(workspace)
    assert (dead.state, runs.can_resume(workspace, dead)) == (RunState.FAILED, True)
    resumed = runs.resume_here(workspace, run.id, actor="me")
    assert resumed.state is RunState.DONE
    steps = [row.step for row in runs.metrics(workspace, run.id)]
    assert steps == list(range(resumed.result.steps + 1))
    again = runs.train(workspace, version.id, settings, actor="me")
    assert losses(workspace, again.id) == losses(workspace, run.id)


def test_only_a_run_that_stopped_or_failed_can_be_resumed(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    run = runs.train(workspace, version.id, config(base_folder, max_steps=1), actor="me")
    with pytest.raises(TrainingError, match="is done"):
        runs.resume(workspace, run.id, actor="me")
    assert not (runs.folder_of(workspace, run.id) / "state").exists()


def test_runs_wait_for_their_turn_and_begin_by_themselves(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    first = runs.start(workspace, version.id, config(base_folder, epochs=2000), actor="me")
    second = runs.start(workspace, version.id, config(base_folder, max_steps=2), actor="me")
    third = runs.start(workspace, version.id, config(base_folder, max_steps=1), actor="me")
    while not runs.metrics(workspace, first.id):
        states = {run.id: run.state for run in runs.watch(workspace)}
        assert states[second.id] is states[third.id] is RunState.QUEUED
    assert runs.request_stop(workspace, third.id, actor="me")
    assert runs.request_stop(workspace, first.id, actor="me")
    states = {run.id: ended(workspace, run.id) for run in (first, second, third)}
    assert states[first.id].state is RunState.STOPPED
    assert states[second.id].state is RunState.DONE
    assert (states[third.id].state, states[third.id].reason) == (RunState.STOPPED, "Stopped before it began.")
    assert states[second.id].started_at >= states[first.id].ended_at


def test_a_deleted_run_leaves_the_list_and_the_disk(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    run = runs.train(workspace, version.id, config(base_folder, max_steps=1), actor="me")
    runs.delete(workspace, run.id, actor="me")
    assert runs.watch(workspace) == []
    assert not runs.folder_of(workspace, run.id).exists()
    with pytest.raises(NotFoundError):
        runs.delete(workspace, run.id, actor="me")


def test_a_run_ends_early_with_its_best_weights(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    settings = config(base_folder, epochs=60, learning_rate=2e-2, evaluate_every=3, early_stopping=2)
    run = runs.train(workspace, version.id, settings, actor="me")
    evaluated = {row.step: row.validation_nll for row in runs.metrics(workspace, run.id) if row.validation_nll}
    evaluated.pop(0)
    best = min(evaluated, key=lambda step: evaluated[step])
    assert run.result.best_step == best
    assert run.result.steps == best + 6 < run.steps_planned
    assert f"step {best} kept" in run.result.stopped_early
    assert len([step for step in evaluated if step > best]) == 2


def test_a_manifest_proves_what_the_run_was_made_of(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    run = runs.train(workspace, version.id, config(base_folder, max_steps=2), actor="me")
    assert manifest.verify(workspace, run) == (manifest.RunVerification(run=run.id, ok=True, problems=()))
    file = runs.folder_of(workspace, run.id) / "manifest.json"
    stated = json.loads(file.read_text())
    stated["order"] = "0" * 64
    file.write_text(json.dumps(stated))
    assert "order of the records" in manifest.verify(workspace, run).problems[0]
    weights_file = runs.folder_of(workspace, run.id) / "checkpoint" / "model.safetensors"
    weights_file.write_bytes(weights_file.read_bytes()[:-1] + b"\xff")
    assert manifest.verify(workspace, run).problems == ("Checkpoint: model.safetensors has changed.",)


def test_the_ledger_holds_every_record_at_every_moment(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    run = runs.train(workspace, version.id, config(base_folder, epochs=2, measure="all"), actor="me")
    rows = runs.ledger(workspace, run.id)
    count = version.splits["train"]
    by_phase = {phase: [row for row in rows if row.phase == phase] for phase in ("base", "train", "tuned")}
    assert [len([row for row in by_phase["train"] if row.epoch == epoch]) for epoch in (1, 2)] == [count, count]
    assert len({row.row_id for row in by_phase["base"] if row.split == "train"}) == count
    held_out = [row for row in by_phase["tuned"] if row.split == "test"]
    assert sum(row.nll for row in held_out) / sum(row.tokens for row in held_out) == pytest.approx(
        run.result.heldout_tuned.nll
    )
    for metric in runs.metrics(workspace, run.id)[1:]:
        step = [row for row in by_phase["train"] if row.step == metric.step]
        assert sum(row.nll for row in step) / sum(row.tokens for row in step) == pytest.approx(metric.loss, rel=1e-5)
        assert sum(row.tokens for row in step) == metric.response_tokens


def test_lines_after_a_step_and_a_torn_last_line_are_cut(tmp_path: Path, frozen: Frozen) -> None:
    file = tmp_path / "metrics.jsonl"
    append(file, [MetricRow(step=n, at=frozen[0].clock()) for n in range(5)])
    with file.open("ab") as stream:
        stream.write(b'{"step": 5, "lo')
    assert len(whole_lines(file)) == 5
    cut_after(file, 2)
    assert [MetricRow.model_validate_json(line).step for line in whole_lines(file)] == [0, 1, 2]
    assert file.read_bytes().endswith(b"\n")


def test_two_processes_train_what_one_does(frozen: Frozen, base_folder: Path) -> None:
    """Losses of steps and evaluations, and the weights, do not depend on how many processes share a step."""
    workspace, version = frozen
    settings = config(base_folder, epochs=2)
    one = runs.train(workspace, version.id, settings, actor="me")
    two = runs.train(workspace, version.id, settings.model_copy(update={"processes": 2}), actor="me")
    assert two.state is RunState.DONE, runs.log_tail(workspace, two.id)
    for (_, loss, validation), (_, other, other_validation) in zip(
        losses(workspace, one.id), losses(workspace, two.id), strict=True
    ):
        assert other == (None if loss is None else pytest.approx(loss, rel=1e-4))
        assert other_validation == (None if validation is None else pytest.approx(validation, rel=1e-4))
    assert two.result.heldout_tuned.nll == pytest.approx(one.result.heldout_tuned.nll, rel=1e-4)
    assert two.result.heldout_base == one.result.heldout_base
    counts = [
        sorted((row.row_id, row.step, row.tokens) for row in runs.ledger(workspace, run.id)) for run in (one, two)
    ]
    assert counts[0] == counts[1]


def test_a_checkpoint_is_whole_or_absent_wherever_its_writer_is_killed(base_folder: Path, tmp_path: Path) -> None:
    """A process that saves over and over is killed at many moments; what it leaves always loads."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom curator.training import checkpoint\n"
        "model, tokens = checkpoint.load_base(sys.argv[1]), checkpoint.load_tokenizer(sys.argv[1])\n"
        "for n in range(10**6):\n"
        "    checkpoint.save(model, tokens, Path(sys.argv[2]))\n"
        "    print(n, flush=True)\n"
    )
    place = tmp_path / "checkpoint"
    for wait in range(6):
        command = [sys.executable, "-c", script, str(base_folder), str(place)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for _ in range(wait + 1):
                process.stdout.readline()
            os.kill(process.pid, signal.SIGKILL)  # in the midst of the next one
        whole.recover(place)
        assert sorted(each.name for each in tmp_path.iterdir() if ".earlier" not in each.name) == ["checkpoint"]
        checkpoint.load_base(str(place))


def test_a_second_run_takes_the_losses_of_the_base_over(frozen: Frozen, base_folder: Path, tmp_path: Path) -> None:
    workspace, version = frozen
    first = runs.train(workspace, version.id, config(base_folder, max_steps=1), actor="me")
    stored = sorted((workspace.runs_folder / "base_losses").iterdir())
    written = [file.stat().st_mtime_ns for file in stored]
    second = runs.train(workspace, version.id, config(base_folder, max_steps=2, seed=5), actor="me")
    assert [file.stat().st_mtime_ns for file in sorted((workspace.runs_folder / "base_losses").iterdir())] == written
    assert second.result.heldout_base == first.result.heldout_base
    other = tmp_path / "other"
    shutil.copytree(base_folder, other)
    tensors = load_file(other / "model.safetensors")
    save_file({name: value * 1.5 for name, value in tensors.items()}, other / "model.safetensors", {"format": "pt"})
    third = runs.train(workspace, version.id, config(other, max_steps=1), actor="me")
    assert third.result.heldout_base != first.result.heldout_base
