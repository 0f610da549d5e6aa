"""Assessment, promotion and handing on: both models on the same records, and words that match the numbers."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from peft import LoraModel, PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

from curator import Workspace, runs, versions
from curator.annotate import answers, ask_again, queue
from curator.errors import AnnotationError, TrainingError
from curator.runs import assessment, export
from curator.runs.comparison import compare, control_runs
from curator.runs.folder import assessment_of
from curator.runs.losses import record_histories
from curator.runs.promotion import promote, promotion_gates
from curator.store import projects, records
from curator.training import checkpoint
from curator.training.labels import prepare
from curator.training.template import prompt_ids
from schemas.annotation import Answer
from schemas.assessment import Assessment, Rate
from schemas.record import Message
from schemas.run import Run
from schemas.version import Split
from tests.conftest import make_record
from tests.runs.small import Frozen, config, freeze


@pytest.fixture
def retention(tmp_path: Path) -> Path:
    file = tmp_path / "retention.jsonl"
    file.write_text("\n".join(json.dumps({"prompt": f"What is {n}?", "reference": f"A number {n}."}) for n in range(4)))
    return file


@pytest.fixture
def wide(workspace: Workspace) -> Frozen:
    """A version with 12 records to test on: an interval wants ten groups."""
    return workspace, freeze(workspace, [make_record(f"Say {n} twice.", f"{n} {n}") for n in range(60)])


def learnt(frozen: Frozen, base: Path, **changes: object) -> Run:
    settings = config(base, epochs=60, learning_rate=5e-3, evaluate_every=10_000, **changes)
    return runs.train(frozen[0], frozen[1].id, settings, actor="me")


def test_both_models_are_measured_on_the_same_records(wide: Frozen, base_folder: Path, retention: Path) -> None:
    workspace, version = wide
    run = learnt(wide, base_folder)
    found = assessment.assess(workspace, run.id, actor="me", retention=retention, max_new_tokens=12)
    assert assessment_of(workspace, run.id) == found
    assert found.nll_base == pytest.approx(run.result.heldout_base.nll)
    assert found.nll_tuned == pytest.approx(run.result.heldout_tuned.nll)
    assert found.change == pytest.approx(found.nll_tuned - found.nll_base)
    assert found.lower < found.change < found.upper
    assert (found.records, found.groups) == (version.splits["test"], version.splits["test"])
    assert found.stop_rate_base.value < found.stop_rate_tuned.value
    assert found.end_probability_tuned > found.end_probability_base
    assert found.retention_nll_base is not None
    assert found.kl > 0
    assert len(found.examples) == min(12, version.splits["test"])


def test_bits_per_byte_and_the_end_are_those_of_the_plain_model(
    frozen: Frozen, base_folder: Path, retention: Path
) -> None:
    """Recomputed record by record from the logits of the model, with nothing of the fast path."""
    workspace, version = frozen
    run = runs.train(workspace, version.id, config(base_folder, max_steps=1), actor="me")
    found = assessment.assess(workspace, run.id, actor="me", retention=retention, max_new_tokens=4)
    model, tokens = checkpoint.load_base(str(base_folder)), checkpoint.load_tokenizer(str(base_folder))
    rows = list(versions.rows(workspace, version.id, split=Split.TEST))
    total, ends = 0.0, []
    for example in prepare(rows, tokens, run.config).examples:
        scores = torch.log_softmax(model(input_ids=example.input_ids[None]).logits[0], dim=-1)
        places = example.is_response.nonzero().flatten()
        nll = -scores[places - 1, example.input_ids[places]]
        total += nll.sum().item()
        ends.append(math.exp(-nll[-1].item()))
    size = sum(len(row.record.response.encode()) for row in rows)
    assert found.bits_per_byte_base == pytest.approx(total / math.log(2) / size, rel=1e-5)
    assert found.end_probability_base == pytest.approx(sum(ends) / len(ends), rel=1e-4)


def stated(**changes: object) -> Assessment:
    rate = Rate(found=48, n=48, lower=0.9, upper=1.0)
    values: dict[str, object] = {
        "run": "r", "split": "test", "records": 9, "groups": 9, "nll_base": 2.0, "nll_tuned": 1.0, "change": -1.0,
        "lower": -1.2, "upper": -0.8, "improved": 1.0, "bits_per_byte_base": 1.0, "bits_per_byte_tuned": 0.5,
        "end_probability_base": 0.1, "end_probability_tuned": 0.9, "few_shot_nll": None, "train_nll_tuned": 0.9,
        "asked": 48, "stop_rate_base": rate, "stop_rate_tuned": rate, "length_ratio_tuned": 1.0, "copies": 0.0,
        "kl": 0.1, "retention_nll_base": 3.0, "retention_nll_tuned": 3.05, "gates": (), "examples": (),
    }  # fmt: skip
    return Assessment.model_validate(values | changes)


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({}, []),
        ({"upper": 0.01}, ["it learnt"]),
        ({"lower": None, "upper": None}, ["it learnt"]),
        ({"stop_rate_tuned": Rate(found=45, n=48, lower=0.8, upper=0.98)}, ["it stops"]),
        ({"retention_nll_tuned": 3.11}, ["it remembers"]),
        ({"retention_nll_base": None, "retention_nll_tuned": None}, ["it remembers"]),
    ],
)
def test_a_promotion_needs_every_gate(changes: dict[str, object], failing: list[str]) -> None:
    gates = promotion_gates(stated(**changes))
    assert [gate.name for gate in gates if not gate.ok] == failing


def test_a_run_is_promoted_only_with_the_evidence(frozen: Frozen, base_folder: Path, retention: Path) -> None:
    workspace, version = frozen
    run = runs.train(workspace, version.id, config(base_folder, max_steps=1), actor="me")
    with pytest.raises(TrainingError, match="was not assessed"):
        promote(workspace, run.id, actor="me")
    assessment.assess(workspace, run.id, actor="me", retention=retention, max_new_tokens=4)
    with pytest.raises(TrainingError, match="cannot be promoted"):
        promote(workspace, run.id, actor="me")
    assert "**Not promoted.**" in export.card(workspace, run)
    assert "FAILS: it stops" in export.card(workspace, run)


def test_a_merged_model_is_the_adapted_one(frozen: Frozen, base_folder: Path, tmp_path: Path) -> None:
    workspace, _ = frozen
    run = learnt(frozen, base_folder, method="lora")
    with pytest.raises(TrainingError, match="No decision was made about it"):
        export.export_model(workspace, run.id, tmp_path / "merged", merged=True, actor="me")
    merged = export.export_model(workspace, run.id, tmp_path / "merged", merged=True, actor="me", undecided=True)
    adapter = export.export_model(workspace, run.id, tmp_path / "adapter", merged=False, actor="me", undecided=True)
    assert isinstance(checkpoint.load_tuned(adapter), PeftModel)
    ids = torch.arange(3, 40)[None]
    with torch.no_grad():
        one, other = (checkpoint.load_tuned(folder)(input_ids=ids).logits for folder in (merged, adapter))
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    for folder in (merged, adapter):
        assert (folder / "manifest.json").is_file()
        assert "**Not released.** No decision was made about it." in (folder / "README.md").read_text()
        assert run.id in (folder / "README.md").read_text()
    with pytest.raises(TrainingError, match="is not empty"):
        export.export_model(workspace, run.id, tmp_path / "merged", merged=True, actor="me", undecided=True)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_an_export_keeps_the_arithmetic_of_the_base(
    frozen: Frozen, base_folder: Path, tmp_path: Path, method: str
) -> None:
    """A base in bfloat16 comes back in bfloat16, half the size of what was trained, with nearly the same logits."""
    workspace, version = frozen
    base = tmp_path / "base"
    shutil.copytree(base_folder, base)
    LlamaForCausalLM.from_pretrained(base_folder, dtype=torch.bfloat16).save_pretrained(base)
    run = runs.train(workspace, version.id, config(base, method=method), actor="me")
    out = export.export_model(workspace, run.id, tmp_path / "out", merged=True, actor="me", undecided=True)
    assert {value.dtype for value in load_file(out / "model.safetensors").values()} == {torch.bfloat16}
    assert json.loads((out / "config.json").read_text())["dtype"] == "bfloat16"
    assert "in bfloat16, as those of the base" in (out / "README.md").read_text()
    ids = torch.arange(3, 40)[None]
    with torch.no_grad():
        kept = checkpoint.load_tuned(runs.checkpoint_of(workspace, run))(input_ids=ids).logits
        exported = checkpoint.load_base(str(out))(input_ids=ids).logits
    torch.testing.assert_close(exported, kept, rtol=0.05, atol=0.05)


def test_an_exported_folder_answers_alone_as_a_server_would_load_it(
    frozen: Frozen, base_folder: Path, tmp_path: Path
) -> None:
    """With nothing but transformers, in the way of vLLM and of converters: weights, tokenizer, template, stop tokens.

    The tokenizer's end of text is not the end of a turn, which is the trap: a server that knew the first one only would
    never stop.
    """
    workspace, version = frozen
    base = tmp_path / "base"
    shutil.copytree(base_folder, base)
    settings = json.loads((base / "tokenizer_config.json").read_text()) | {"eos_token": "<|endoftext|>"}
    (base / "tokenizer_config.json").write_text(json.dumps(settings))
    run = runs.train(workspace, version.id, config(base, method="lora", epochs=1), actor="me")
    out = export.export_model(workspace, run.id, tmp_path / "out", merged=True, actor="me", undecided=True)
    shutil.rmtree(base)  # what is handed out needs no base any more
    model = AutoModelForCausalLM.from_pretrained(out)
    tokenizer = AutoTokenizer.from_pretrained(out)
    stops = tokenizer.convert_tokens_to_ids(["<|endoftext|>", "<|im_end|>"])
    assert model.generation_config.eos_token_id == stops
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Say 1."}], add_generation_prompt=True, return_tensors="pt"
    )
    assert asked["input_ids"].tolist() == [prompt_ids((Message(role="user", content="Say 1."),), tokenizer)]
    length = asked["input_ids"].shape[1]

    def end_the_turn(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if ids.shape[1] == length + 3:
            scores[:, stops[1]] = 1e9
        return scores

    said = model.generate(**asked, max_new_tokens=32, do_sample=False, logits_processor=[end_the_turn])
    assert said.shape[1] == length + 4


def test_a_merge_that_changes_the_model_is_refused(
    frozen: Frozen, base_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, _ = frozen
    run = learnt(frozen, base_folder, method="lora")
    merge = LoraModel.merge_and_unload

    def spoil(self: LoraModel) -> torch.nn.Module:
        made = merge(self)
        with torch.no_grad():
            made.model.norm.weight += 0.5
        return made

    monkeypatch.setattr(LoraModel, "merge_and_unload", spoil)
    with pytest.raises(TrainingError, match="is not the adapted one"):
        export.export_model(workspace, run.id, tmp_path / "merged", merged=True, actor="me", undecided=True)
    assert list(tmp_path.glob("merged*")) == []


def test_two_runs_are_compared_on_what_both_measured(wide: Frozen, base_folder: Path) -> None:
    workspace, version = wide
    short = runs.train(workspace, version.id, config(base_folder, max_steps=1), actor="me")
    long = learnt(wide, base_folder)
    found = compare(workspace, short, long)
    assert found.records == version.splits["test"]
    assert found.nll_a == pytest.approx(short.result.heldout_tuned.nll)
    assert found.nll_b == pytest.approx(long.result.heldout_tuned.nll)
    assert found.upper < 0
    assert found.settings["max_steps"] == ("1", "None")
    assert "seed" not in found.settings


@torch.inference_mode()
def nll_on_training_rows(frozen: Frozen, run: Run) -> float:
    """Nats per response token of the right responses, from the logits of the trained model."""
    workspace, version = frozen
    folder = workspace.runs_folder / run.id / "checkpoint"
    model, tokens = checkpoint.load_tuned(folder), checkpoint.load_tokenizer(str(folder))
    total = places = 0.0
    for example in prepare(versions.rows(workspace, version.id, split=Split.TRAIN), tokens, run.config).examples:
        scores = torch.log_softmax(model(input_ids=example.input_ids[None]).logits[0], dim=-1)
        answered = example.is_response.nonzero().flatten()
        total -= scores[answered - 1, example.input_ids[answered]].sum().item()
        places += len(answered)
    return total / places


def test_a_model_of_shuffled_responses_does_not_know_the_right_ones(frozen: Frozen, base_folder: Path) -> None:
    """The control: prompts with the responses of others teach the form, and not what belongs to what."""
    right = learnt(frozen, base_folder)
    shuffled = learnt(frozen, base_folder, shuffle_responses=True)
    assert nll_on_training_rows(frozen, shuffled) > nll_on_training_rows(frozen, right) + 0.2
    names = [name for name, _ in control_runs(right.config, seeds=2, shares=[0.5])]
    assert names == ["seed 0", "seed 1", "50% of the records", "shuffled responses"]


def test_records_with_a_doubt_come_first(workspace: Workspace, base_folder: Path) -> None:
    """Two records give one prompt different responses: both are contradicted, and listed before all others."""
    many = [make_record(f"Say {n} twice.", f"{n} {n}") for n in range(40)]
    version = freeze(workspace, [*many, make_record("Say 3 twice.", "Never.")])
    run = runs.train(workspace, version.id, config(base_folder, epochs=3, measure="all"), actor="me")
    histories = record_histories(workspace, run)
    assert {each.row_id for each in histories} == {
        row.row_id for row in versions.rows(workspace, version.id) if row.split is not Split.VALIDATION
    }
    for each in histories:
        assert each.base is not None and each.tuned is not None
        assert len(each.epochs) == (3 if each.split is Split.TRAIN else 0)
    contradicted = [each for each in histories if "contradicted" in each.doubts]
    assert {each.response for each in contradicted} in ({"3 3", "Never."}, set())  # both, or both in validation
    assert any(row.record.response == "Never." for row in versions.rows(workspace, version.id))
    doubtful = [each for each in histories if each.doubts]
    assert histories[: len(doubtful)] == doubtful


def test_a_doubtful_record_goes_back_to_the_annotators(workspace: Workspace) -> None:
    with workspace.write() as connection:
        project = projects.by_name(connection)
        [record_id] = records.add_many(
            connection, [make_record("a", "b")], project=project, at=workspace.clock(), accept=True
        )
    ask_again.send_back(workspace, record_id, reason="worse", actor="lead")
    task = queue.next_task(workspace, "Ada", project_id=project.id)
    assert task.claim.record_id == record_id
    with pytest.raises(AnnotationError, match="nothing to answer anew"):
        ask_again.send_back(workspace, record_id, reason="worse", actor="lead")
    answers.submit(workspace, task.claim, Answer(response="c", rating=5), annotator="Ada")
    ask_again.send_back(workspace, record_id, reason="again", actor="lead")
    again = queue.next_task(workspace, "Ada", project_id=project.id)
    assert again.claim.record_id == record_id  # who answered before may answer again
    answers.submit(workspace, again.claim, Answer(response="d", rating=5), annotator="Ada")
    with workspace.read() as connection:
        assert records.get(connection, record_id).final.response == "d"
