"""Runs: what they learn, how they stop and fail, and what stays when a process dies."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPTNeoXConfig,
    MistralConfig,
    MixtralConfig,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
    Qwen2Config,
)

from curator import runs, versions
from curator.errors import NotFoundError, TrainingError
from curator.review import add_suite
from curator.runs import generation
from curator.store import outputs
from curator.store import runs as stored_runs
from curator.training import checkpoint, loop
from schemas.review import Decoding
from schemas.run import RunState
from tests.runs.small import Frozen, config


def test_a_run_lowers_the_held_out_loss_and_leaves_everything_behind(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    seen: list[int] = []
    run = runs.train(
        workspace, version.id, config(base_folder), actor="me", on_step=lambda step, _: seen.append(step.step)
    )
    assert run.state is RunState.DONE
    assert run.result.heldout_tuned.nll < run.result.heldout_base.nll
    assert run.result.heldout_base.split == "test"
    rows = runs.metrics(workspace, run.id)
    assert [row.step for row in rows] == seen == list(range(run.result.steps + 1))
    assert rows[0].validation_nll is not None
    assert rows[0].loss is None
    folder = runs.folder_of(workspace, run.id)
    assert {"config.json", "manifest.json", "metrics.jsonl", "checkpoint"} <= {file.name for file in folder.iterdir()}
    assert list((folder / "checkpoint").glob("*.safetensors"))
    assert not list(folder.rglob("*.bin"))
    stated = json.loads((folder / "manifest.json").read_text())
    assert stated["version"] == version.id
    assert len(stated["records"]["train"]) == version.splits["train"]


def test_the_response_tokens_of_a_run_are_those_of_the_token_view(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    run = runs.train(workspace, version.id, config(base_folder, max_steps=1), actor="me")
    rows = list(runs.token_rows(workspace, version.id, config(base_folder)))
    counted = sum(label != -100 for row in rows if row.split == "train" for label in row.labels)
    assert run.result.response_tokens == counted
    [one] = runs.token_rows(workspace, version.id, config(base_folder), row_id=rows[3].row_id)
    assert one == rows[3]
    with pytest.raises(NotFoundError, match="has no row"):
        list(runs.token_rows(workspace, version.id, config(base_folder), row_id="nobody"))


def test_the_same_seed_gives_the_same_losses(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    losses = []
    for seed in (1, 1, 2):
        run = runs.train(workspace, version.id, config(base_folder, seed=seed), actor="me")
        losses.append([row.loss for row in runs.metrics(workspace, run.id)])
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_lora_changes_only_the_adapter(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    run = runs.train(workspace, version.id, config(base_folder, method="lora", learning_rate=1e-2), actor="me")
    assert run.result.heldout_tuned.nll < run.result.heldout_base.nll
    folder = runs.checkpoint_of(workspace, run)
    assert (folder / "adapter_model.safetensors").is_file()
    assert not (folder / "model.safetensors").exists()
    tuned = checkpoint.load_tuned(folder)
    base = checkpoint.load_base(str(base_folder))
    kept = {name.replace(".base_layer", ""): value for name, value in tuned.get_base_model().state_dict().items()}
    assert all(torch.equal(kept[name], value) for name, value in base.state_dict().items())


def test_a_stopped_run_keeps_a_checkpoint_that_loads(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen

    def stop_after_two(step: loop.Step, _: int) -> None:
        if step.step == 2:
            [run] = [each for each in runs.watch(workspace) if each.state is RunState.RUNNING]
            assert runs.request_stop(workspace, run.id, actor="me")

    run = runs.train(workspace, version.id, config(base_folder), actor="me", on_step=stop_after_two)
    assert (run.state, run.result.steps, run.reason) == (RunState.STOPPED, 2, "Stopped on request.")
    checkpoint.load_tuned(runs.checkpoint_of(workspace, run))
    assert not runs.request_stop(workspace, run.id, actor="me")


def test_a_run_that_diverges_fails_with_its_step_and_saves_nothing(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    with pytest.raises(TrainingError, match=r"not finite at step \d"):
        runs.train(workspace, version.id, config(base_folder, learning_rate=1e30, warmup_share=0), actor="me")
    [run] = runs.watch(workspace)
    assert run.state is RunState.FAILED
    assert "Lower the learning rate" in run.reason
    with pytest.raises(NotFoundError, match="has no checkpoint"):
        runs.checkpoint_of(workspace, run)


def test_records_that_are_too_long_are_left_out_by_name(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    with pytest.raises(TrainingError, match="No record of the version can be trained on"):
        runs.train(workspace, version.id, config(base_folder, max_tokens=10), actor="me")
    run = runs.train(workspace, version.id, config(base_folder, max_tokens=64, max_steps=1), actor="me")
    assert all("more than 64" in reason for reason in run.result.refused)


def test_a_detached_run_survives_and_a_killed_one_is_marked(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    run = runs.start(workspace, version.id, config(base_folder, epochs=2000), actor="me")
    while not runs.metrics(workspace, run.id):  # the process reports its first step
        [now] = runs.watch(workspace)
        assert now.state in (RunState.QUEUED, RunState.RUNNING), runs.log_tail(workspace, run.id)
    with workspace.read() as connection:
        mark = stored_runs.process_of(connection, run.id)
    os.kill(mark.id, signal.SIGKILL)
    os.waitpid(mark.id, 0)
    [now] = runs.watch(workspace)
    assert now.state is RunState.FAILED
    assert now.reason.startswith(f"Its process {mark.id} ended without a word")


def test_a_terminated_process_saves_its_checkpoint(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    run = runs.start(workspace, version.id, config(base_folder, epochs=2000), actor="me")
    while not runs.metrics(workspace, run.id):
        [now] = runs.watch(workspace)
        assert now.state in (RunState.QUEUED, RunState.RUNNING), runs.log_tail(workspace, run.id)
    with workspace.read() as connection:
        mark = stored_runs.process_of(connection, run.id)
    os.kill(mark.id, signal.SIGTERM)
    os.waitpid(mark.id, 0)
    [now] = runs.watch(workspace)
    assert now.state is RunState.STOPPED
    checkpoint.load_tuned(runs.checkpoint_of(workspace, now))


def test_a_base_that_cannot_be_used_is_refused_before_anything_is_stored(
    frozen: Frozen, base_folder: Path, tmp_path: Path
) -> None:
    workspace, version = frozen
    empty, pickled = tmp_path / "empty", tmp_path / "pickled"
    empty.mkdir()
    shutil.copytree(base_folder, pickled)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    for folder, problem in (
        (tmp_path / "nowhere", "There is no model folder"),
        (empty, "cannot be loaded"),
        (pickled, "stored as pickle"),
    ):
        with pytest.raises(TrainingError, match=problem):
            runs.train(workspace, version.id, config(folder), actor="me")
    assert runs.watch(workspace) == []


def test_a_half_copied_base_fails_with_a_reason(frozen: Frozen, base_folder: Path, tmp_path: Path) -> None:
    workspace, version = frozen
    shutil.copytree(base_folder, tmp_path / "half")
    weights = tmp_path / "half" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(TrainingError, match="cannot be loaded"):
        runs.train(workspace, version.id, config(tmp_path / "half"), actor="me")
    [run] = runs.watch(workspace)
    assert run.state is RunState.FAILED


def test_a_tuned_model_says_what_it_was_taught_and_stops(frozen: Frozen, base_folder: Path, tmp_path: Path) -> None:
    """Records learnt by heart: the tuned model repeats them to the letter and ends by itself, the base does not."""
    workspace, version = frozen
    rows = [f'{{"id": "{n}", "prompt": "Say {n} twice.", "reference": "{n} {n}"}}' for n in range(12)]
    suite = tmp_path / "suite.jsonl"
    suite.write_text("\n".join(rows))
    add_suite(workspace, suite, purpose="explore", actor="me")
    run = runs.train(
        workspace, version.id, config(base_folder, epochs=250, learning_rate=5e-3, evaluate_every=10_000), actor="me"
    )
    trained = set(json.loads((runs.folder_of(workspace, run.id) / "manifest.json").read_text())["records"]["train"])
    report = generation.generate(workspace, run.id, "suite", decoding=Decoding(max_new_tokens=12), actor="me")
    assert (report.outputs, report.new) == (24, 24)
    with workspace.read() as connection:
        stored = outputs.of_system(connection, run.id)
    taught = {row.record.instruction for row in versions.rows(workspace, version.id) if row.row_id in trained}
    known = [output for output in stored if output.prompt.prompt in taught]
    assert len(known) >= 8
    right = {
        name: sum(o.stopped and o.text == o.prompt.reference for o in known if o.model == name)
        for name in ("base", "tuned")
    }
    assert right == {"base": 0, "tuned": len(known) // 2}
    again = generation.generate(workspace, run.id, "suite", decoding=Decoding(max_new_tokens=12), actor="me")
    assert (again.outputs, again.new) == (24, 0)


_DIES = """
import os, signal, sys
from pathlib import Path
from curator import open_workspace
from curator.runs import generation
from schemas.review import Decoding
generation.generate(open_workspace(Path(sys.argv[1])), sys.argv[2], "suite", decoding=Decoding(max_new_tokens=4),
                    actor="me", on_progress=lambda done, total: os.kill(os.getpid(), signal.SIGKILL))
"""


def test_a_generation_that_was_killed_goes_on_behind_what_it_stored(
    frozen: Frozen, base_folder: Path, tmp_path: Path
) -> None:
    workspace, version = frozen
    run = runs.train(workspace, version.id, config(base_folder, max_steps=2), actor="me")
    (tmp_path / "suite.jsonl").write_text("\n".join(f'{{"id": "{n}", "prompt": "Say {n}."}}' for n in range(40)))
    add_suite(workspace, tmp_path / "suite.jsonl", purpose="explore", actor="me")
    ended = subprocess.run([sys.executable, "-c", _DIES, str(workspace.folder), run.id], check=False)
    assert ended.returncode == -signal.SIGKILL
    with workspace.read() as connection:
        before = len(outputs.of_system(connection, run.id))
    assert 0 < before < 80
    report = generation.generate(workspace, run.id, "suite", decoding=Decoding(max_new_tokens=4), actor="me")
    assert (report.outputs, report.new) == (80, 80 - before)


def test_greedy_outputs_do_not_depend_on_their_company(
    frozen: Frozen, base_folder: Path, tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    workspace, version = frozen
    run = runs.train(workspace, version.id, config(base_folder, max_steps=2), actor="me")
    prompts = ["Hi", "Say something rather long about nothing at all.", "7?"]
    lines = [json.dumps({"id": str(n), "prompt": prompt}) for n, prompt in enumerate(prompts)]
    texts = []
    for name, kept in (("together", lines), ("alone", lines[:1])):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(kept))
        suite = add_suite(workspace, tmp_path / f"{name}.jsonl", actor="me")
        generation.generate(workspace, run.id, name, decoding=Decoding(max_new_tokens=16), actor="me")
        answered = generation.outputs_of(workspace, run.id, suite.id)
        texts.append({output.model: output.text for output in answered if output.prompt.id == "0"})
    assert texts[0] == texts[1]


def test_the_command_prints_one_object_with_the_promised_keys(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    command = [sys.executable, "-m", "curator", "train", version.id, "--base", str(base_folder), "--max-steps", "1"]
    done = subprocess.run(
        [*command, "--workspace", str(workspace.folder), "--json"], capture_output=True, text=True, check=True
    )
    printed = json.loads(done.stdout)
    assert {"run", "checkpoint", "heldout_nll_base", "heldout_nll_tuned", "response_tokens"} <= printed.keys()
    assert printed["steps"] == 1


@pytest.mark.parametrize(
    "kind",
    [
        GPT2Config(n_embd=32, n_layer=2, n_head=2, n_positions=256),
        Qwen2Config(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1
        ),
        MistralConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1
        ),
        GPTNeoXConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2),
        Gemma3TextConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=16,
        ),
        MixtralConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            num_local_experts=4,
        ),
    ],
    ids=lambda kind: kind.model_type,
)
@pytest.mark.parametrize("method", ["full", "lora"])
def test_other_architectures_learn_too(
    frozen: Frozen, tokenizer: PreTrainedTokenizerBase, tmp_path: Path, kind: PreTrainedConfig, method: str
) -> None:
    workspace, version = frozen
    kind.vocab_size, kind.pad_token_id, kind.eos_token_id, kind.bos_token_id = len(tokenizer), 0, 2, 0
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(kind).save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    run = runs.train(
        workspace, version.id, config(tmp_path / "base", epochs=4, method=method, learning_rate=1e-2), actor="me"
    )
    assert run.result.heldout_tuned.nll < run.result.heldout_base.nll
    checkpoint.load_tuned(runs.checkpoint_of(workspace, run))


def test_adapters_on_a_base_from_a_hub_load_after_the_training(
    frozen: Frozen, base_folder: Path, tmp_path: Path
) -> None:
    """The base lies in the cache of transformers; it is looked up there again, and nothing is fetched."""
    workspace, version = frozen
    cached = tmp_path / "home" / "hub" / "models--them--tiny"
    shutil.copytree(base_folder, cached / "snapshots" / "0123")
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("0123")
    environment = os.environ | {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "curator", "train", version.id, "--base", "them/tiny", "--lora"]
    command += ["--allow-download", "--max-steps", "1", "--workspace", str(workspace.folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["heldout_nll_tuned"] is not None
    code = "import sys, pathlib; from curator.training import checkpoint as c; c.load_tuned(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, said["checkpoint"]], env=environment, check=True)
