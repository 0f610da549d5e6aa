"""What goes wrong before and while training: an error that names the problem, and nothing half written."""

from __future__ import annotations

import errno
import importlib.util
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from curator import Workspace, runs, versions
from curator.cli.train import config_of
from curator.errors import TrainingError
from curator.runs import preflight as preview
from curator.runs import work
from curator.runs.preflight import preflight
from curator.store import projects, records
from curator.training import checkpoint
from schemas.record import Message, Origin, Record
from schemas.run import RunState, TrainConfig
from schemas.version import SplitPlan
from tests.conftest import make_record
from tests.runs.small import Frozen, config, freeze


def test_an_unknown_setting_is_named_with_the_known_ones() -> None:
    with pytest.raises(TrainingError, match="no setting learning_rat") as caught:
        config_of(["learning_rat=3"], base="x")
    assert "learning_rate" in caught.value.hint
    with pytest.raises(ValueError, match="epochs"):
        config_of(["epochs=-1"], base="x")
    assert config_of(["early_stopping=none", "leave_out=a=b", "leave_out=c=d"], base="x").leave_out == ("a=b", "c=d")
    with pytest.raises(ValueError, match="Extra inputs"):
        TrainConfig.model_validate({"base": "x", "nonsense": 1})


def test_a_version_without_a_trainable_row_fails_by_name(workspace: Workspace, base_folder: Path) -> None:
    silent = [
        Record(
            messages=(Message(role="user", content=f"{n}"), Message(role="assistant", content="x", train=False)),
            origin=Origin(source="x"),
        )
        for n in range(20)
    ]
    version = freeze(workspace, silent)
    found = preflight(workspace, version.id, config(base_folder))
    assert not found.ok
    assert {check.name for check in found.checks if not check.ok} >= {"something to learn", "few left out"}
    with pytest.raises(TrainingError, match=r"No record of the version can be trained on.*No token"):
        runs.train(workspace, version.id, config(base_folder), actor="me")


def test_one_enormous_row_is_left_out_by_name_and_the_rest_trains(workspace: Workspace, base_folder: Path) -> None:
    many = [make_record(f"Say {n}.", f"{n}") for n in range(40)]
    version = freeze(workspace, [*many, make_record("Tell everything.", "word " * 20_000)])
    run = runs.train(workspace, version.id, config(base_folder, max_steps=1), actor="me")
    [reason] = run.result.refused
    assert "tokens, more than 1024" in reason


def test_a_diverging_run_stops_with_its_last_good_checkpoint(
    frozen: Frozen, base_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, version = frozen
    rate = work.loop.learning_rate
    monkeypatch.setattr(work.loop, "learning_rate", lambda step, *rest: 1e30 if step == 5 else rate(step, *rest))
    with pytest.raises(TrainingError, match="not finite at step 6"):
        runs.train(workspace, version.id, config(base_folder, epochs=4), actor="me")
    [run] = runs.watch(workspace)
    assert run.state is RunState.FAILED
    kept = checkpoint.load_tuned(runs.checkpoint_of(workspace, run))
    assert all(bool(torch.isfinite(parameter).all()) for parameter in kept.parameters())
    assert runs.can_resume(workspace, run)


def test_a_full_disk_leaves_the_earlier_checkpoint_whole(
    frozen: Frozen, base_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up while the second checkpoint is written: the first stays, nothing else lies around."""
    workspace, version = frozen
    save = checkpoint.PreTrainedModel.save_pretrained
    written: list[str] = []

    def fails_the_second_time(self: object, folder: str, **options: object) -> None:
        written.append(folder)
        save(self, folder, **options)
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint.PreTrainedModel, "save_pretrained", fails_the_second_time)
    with pytest.raises(TrainingError, match=r"cannot be written.*No space left"):
        runs.train(workspace, version.id, config(base_folder, epochs=4), actor="me")
    [run] = runs.watch(workspace)
    folder = runs.folder_of(workspace, run.id)
    assert {each.name for each in folder.iterdir() if each.is_dir()} == {"checkpoint", "state"}
    monkeypatch.undo()
    checkpoint.load_tuned(folder / "checkpoint")
    assert runs.resume_here(workspace, run.id, actor="me").state is RunState.DONE


def test_memory_that_runs_out_names_the_setting_to_lower(
    frozen: Frozen, base_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, version = frozen

    def greedy(*_: object, **__: object) -> None:
        torch.empty(2**60)  # PyTorch's own refusal

    monkeypatch.setattr(work.loop, "train", greedy)
    with pytest.raises(TrainingError, match="Memory ran out") as caught:
        runs.train(workspace, version.id, config(base_folder), actor="me")
    assert "tokens_per_batch" in caught.value.hint
    [run] = runs.watch(workspace)
    assert "tokens_per_batch" in run.reason


def test_weights_that_are_not_finite_are_refused_before_training(
    frozen: Frozen, base_folder: Path, tmp_path: Path
) -> None:
    workspace, version = frozen
    shutil.copytree(base_folder, tmp_path / "broken")
    file = tmp_path / "broken" / "model.safetensors"
    tensors = load_file(file)
    tensors["model.norm.weight"].fill_(float("nan"))
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(TrainingError, match="is not finite"):
        runs.train(workspace, version.id, config(tmp_path / "broken"), actor="me")
    [run] = runs.watch(workspace)
    assert run.state is RunState.FAILED


def test_code_that_lies_in_a_model_folder_is_never_run(frozen: Frozen, base_folder: Path, tmp_path: Path) -> None:
    workspace, version = frozen
    shutil.copytree(base_folder, tmp_path / "trap")
    stated = json.loads((tmp_path / "trap" / "config.json").read_text())
    stated["auto_map"] = {"AutoModelForCausalLM": "trap.Model", "AutoConfig": "trap.Config"}
    stated["model_type"] = "trap"
    (tmp_path / "trap" / "config.json").write_text(json.dumps(stated))
    (tmp_path / "trap" / "trap.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w').write('x')")
    with pytest.raises(TrainingError, match="cannot be loaded"):
        runs.train(workspace, version.id, config(tmp_path / "trap"), actor="me")
    assert not (tmp_path / "sprung").exists()


def test_four_bits_and_a_gpu_are_refused_where_there_is_none(frozen: Frozen, base_folder: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    workspace, version = frozen
    with pytest.raises(TrainingError, match="needs a GPU"):
        runs.train(workspace, version.id, config(base_folder, method="qlora"), actor="me")
    with pytest.raises(TrainingError, match="finds no GPU"):
        runs.train(workspace, version.id, config(base_folder, device="cuda"), actor="me")


def test_a_preflight_counts_and_estimates(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    found = preflight(workspace, version.id, config(base_folder))
    assert found.ok, found.checks
    rows = list(runs.token_rows(workspace, version.id, config(base_folder)))
    assert found.records == version.splits
    assert found.tokens == sum(len(row.input_ids) for row in rows if row.split == "train")
    assert found.parameters == checkpoint.load_base(str(base_folder)).num_parameters()
    assert found.seconds is not None and found.seconds > 0
    adapters = preflight(workspace, version.id, config(base_folder, method="lora"))
    assert adapters.trained_parameters < found.trained_parameters
    assert adapters.memory_bytes < found.memory_bytes


def test_an_estimate_of_time_honours_the_number_of_steps(
    frozen: Frozen, base_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it: the training, and what is measured before, after and on the way."""
    monkeypatch.setattr(preview, "_matmul_rate", lambda _: 1e9)  # a machine that is always as fast
    workspace, version = frozen
    seconds = [
        preflight(workspace, version.id, config(base_folder, epochs=200, max_steps=steps)).seconds
        for steps in (200, 100, None)
    ]
    assert seconds[1] == pytest.approx(seconds[0] / 2, rel=0.1)
    assert seconds[2] == pytest.approx(3 * seconds[0], rel=0.1)


def test_a_weight_that_means_no_record_speaks_against_a_start(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    found = preflight(workspace, version.id, config(base_folder, weights=("source=typo.jsonl:2",)))
    assert not found.ok
    assert [check.explanation for check in found.checks if not check.ok] == [
        "No training record is meant by source=typo.jsonl:2."
    ]
    assert found.weighed == ("source=typo.jsonl:2 applies to 0 records, 0% of the loss",)


@pytest.mark.parametrize(
    ("rule", "kept"),
    [("source=x", 0), ("label:kind=a", 20), ("label:kind=c", 40), ("person=nobody", 40)],
)
def test_an_ablation_leaves_out_what_it_names(workspace: Workspace, base_folder: Path, rule: str, kept: int) -> None:
    many = [
        make_record(f"Say {n}.", f"{n}").model_copy(
            update={"labels": {"kind": "ab"[n % 2]}, "origin": Origin(source="x")}
        )
        for n in range(40)
    ]
    with workspace.write() as connection:
        project = projects.by_name(connection)
        records.add_many(connection, many, project=project, at=workspace.clock(), accept=True)
    version = versions.freeze(workspace, actor="me", plan=SplitPlan(train=1, validation=0, test=0))
    settings = config(base_folder, leave_out=(rule,), max_steps=1)
    if kept == 0:
        with pytest.raises(TrainingError, match="No training record is left"):
            preflight(workspace, version.id, settings)
        return
    assert preflight(workspace, version.id, settings).records["train"] == kept
    with pytest.raises(TrainingError, match="does not say what to leave out"):
        preflight(workspace, version.id, config(base_folder, leave_out=("colour",)))


def test_a_tracker_that_is_missing_is_named(frozen: Frozen, base_folder: Path) -> None:
    if importlib.util.find_spec("wandb") is not None:
        pytest.skip("it is installed here")
    with pytest.raises(TrainingError, match="wandb is not installed"):
        runs.train(frozen[0], frozen[1].id, config(base_folder, trackers=("wandb",)), actor="me")
