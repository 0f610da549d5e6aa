"""The loop against an oracle: AdamW on plain losses of single records, with nothing of the fast path."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from curator.errors import TrainingError
from curator.training import checkpoint, loop
from curator.training.labels import Example, label_responses, prepare
from curator.training.learner import Learner, add_adapters, make_accelerator, make_learner, place_model
from curator.training.plan import plan, planned_steps
from curator.training.template import Turn
from schemas.record import Origin
from schemas.run import TrainConfig
from schemas.version import FrozenRow, Split
from tests.conftest import make_record

GOLDEN = Path(__file__).with_name("golden_losses.json")


def tiny() -> PreTrainedModel:
    torch.manual_seed(4)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=50,
            hidden_size=24,
            intermediate_size=40,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            tie_word_embeddings=True,
            pad_token_id=0,
        )
    )


def some(count: int, *, prompt_loss_weight: float = 0.0, per_record: bool = False) -> list[Example]:
    """Records of two turns, three with one prompt, one in four twice as heavy."""
    draw = torch.Generator().manual_seed(8)
    made = []
    for n in range(count):
        prompt = [7, 8, 9] if n % 5 < 3 else torch.randint(1, 50, (2 + n % 4,), generator=draw).tolist()
        answer = torch.randint(1, 50, (1 + n % 6,), generator=draw).tolist()
        turns = [Turn(tuple(prompt), is_response=False), Turn(tuple(answer), is_response=True), Turn((3,), False)]
        labelled = label_responses(
            turns,
            max_tokens=99,
            prompt_loss_weight=prompt_loss_weight,
            record_weight=1.0 + (n % 4 == 0),
            per_record=per_record,
        )
        made.append(Example(str(n), *labelled))
    return made


def config(**changes: object) -> TrainConfig:
    values: dict[str, object] = {
        "base": "x", "epochs": 2, "records_per_step": 4, "learning_rate": 1e-2, "precision": "fp32",
        "warmup_share": 0.2, "weight_decay": 0.01, "evaluate_every": 10_000,
    }  # fmt: skip
    return TrainConfig.model_validate(values | changes)


def learner_of(model: PreTrainedModel, settings_: TrainConfig) -> Learner:
    objective, _ = place_model(model, settings_)
    return make_learner(objective, settings_, make_accelerator(settings_), tokens=0)


def oracle(model: PreTrainedModel, examples: list[Example], settings_: TrainConfig, *, fold: bool) -> list[float]:
    """Train `model` in place, one record at a time; the loss of every step."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1, weight_decay=settings_.weight_decay)
    steps = planned_steps(len(examples), settings_)
    losses = []
    for step, _, chosen in plan(examples, settings_, fold=fold):
        total = torch.zeros(())
        weight = sum(float(examples[n].weights.sum()) for n in chosen)
        for n in chosen:
            scores = torch.log_softmax(model(input_ids=examples[n].input_ids[None]).logits[0], dim=-1)
            for place in range(1, len(examples[n].input_ids)):
                total = total - examples[n].weights[place] * scores[place - 1, examples[n].input_ids[place]]
        (total / weight).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings_.clip_norm)
        for group in optimizer.param_groups:
            group["lr"] = loop.learning_rate(step, steps, settings_)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(total.detach()) / weight)
    return losses


@pytest.mark.parametrize(
    ("objective", "machine"),
    [
        ({}, {}),
        ({}, {"tokens_per_batch": 8}),
        ({}, {"tokens_per_batch": 20, "fold_prompts": False}),
        ({}, {"batches": "padded", "tokens_per_batch": 16}),
        ({}, {"checkpoint_activations": True}),
        ({"prompt_loss_weight": 1.0}, {"tokens_per_batch": 12}),
        ({"prompt_loss_weight": 0.3}, {}),
        ({"normalisation": "record"}, {"tokens_per_batch": 16}),
    ],
)
def test_a_training_is_that_of_the_oracle(objective: dict[str, object], machine: dict[str, object]) -> None:
    """Ten records in steps of three and four: no step is full, none is divided evenly, weights differ."""
    settings_ = config(**objective, **machine)
    examples = some(
        10,
        prompt_loss_weight=settings_.prompt_loss_weight,
        per_record=settings_.normalisation == "record",
    )
    model = tiny()
    reference = copy.deepcopy(model)
    fold = loop.folds(examples, settings_)
    assert fold == settings_.fold_prompts
    expected = oracle(reference, examples, settings_, fold=fold)
    learner = learner_of(model, settings_)
    found: list[float] = []
    listener = loop.Listener(on_step=lambda step: found.append(step.loss) if step.loss is not None else None)
    loop.train(learner, examples, config=settings_, pad_id=0, listener=listener)
    assert found == pytest.approx(expected, rel=1e-5)
    ours = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    theirs = torch.cat([parameter.detach().flatten() for parameter in reference.parameters()])
    assert (ours - theirs).norm() / theirs.norm() < 1e-5


def test_bf16_over_masters_follows_the_oracle_closely() -> None:
    settings_ = config(precision="bf16", learning_rate=3e-3)
    model = tiny()
    reference = copy.deepcopy(model)
    expected = oracle(reference, some(10), settings_, fold=True)
    learner = learner_of(model, settings_)
    found: list[float] = []
    listener = loop.Listener(on_step=lambda step: found.append(step.loss) if step.loss is not None else None)
    loop.train(learner, some(10), config=settings_, pad_id=0, listener=listener)
    assert found == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_one_step_changes_every_trainable_weight_and_keeps_it_finite(
    base_folder: Path, tokenizer: PreTrainedTokenizerBase, method: str, precision: str
) -> None:
    from curator.training.learner import add_adapters

    settings_ = config(method=method, precision=precision, warmup_share=0, max_steps=2, weight_decay=0)
    rows = [FrozenRow(str(n), "", Split.TRAIN, make_record(f"Say {n}.", "abcdefgh ")) for n in range(8)]
    model = checkpoint.load_base(str(base_folder))
    if method == "lora":
        model = add_adapters(model, settings_)
    learner = learner_of(model, settings_)
    before = {name: value.detach().clone() for name, value in learner.parameters.items()}
    examples = prepare(rows, tokenizer, settings_).examples
    loop.train(learner, examples, config=settings_, pad_id=0, listener=loop.Listener(on_step=lambda _: None))
    for name, value in learner.parameters.items():
        assert value.dtype is torch.float32
        assert bool(torch.isfinite(value).all())
        assert not torch.equal(value, before[name]), name


def test_weights_that_are_not_finite_are_never_saved(
    base_folder: Path, tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    model = checkpoint.load_base(str(base_folder))
    checkpoint.save(model, tokenizer, tmp_path / "checkpoint")
    with torch.no_grad():
        model.model.layers[0].mlp.up_proj.weight[0, 0] = float("inf")
    with pytest.raises(TrainingError, match=r"up_proj.weight are not finite; nothing was saved"):
        checkpoint.save(model, tokenizer, tmp_path / "checkpoint")
    kept = checkpoint.load_base(str(tmp_path / "checkpoint"))
    assert bool(torch.isfinite(kept.model.layers[0].mlp.up_proj.weight).all())
    assert sorted(each.name for each in tmp_path.iterdir()) == ["checkpoint"]


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_saved_model_stops_at_every_token_that_ends_a_response(
    base_folder: Path, tokenizer: PreTrainedTokenizerBase, tmp_path: Path, method: str
) -> None:
    """The template ends a turn with <|im_end|>, the tokenizer a text with <|endoftext|>: `generate` stops at both."""
    other = copy.deepcopy(tokenizer)
    other.eos_token = "<|endoftext|>"
    model = checkpoint.load_base(str(base_folder))
    if method == "lora":
        model = add_adapters(model, config(method="lora"))
    checkpoint.save(model, other, tmp_path / "checkpoint")
    stops = other.convert_tokens_to_ids(["<|endoftext|>", "<|im_end|>"])
    assert GenerationConfig.from_pretrained(tmp_path / "checkpoint").eos_token_id == stops


def test_a_saved_model_with_tied_weights_gives_the_same_logits(
    base_folder: Path, tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    model = checkpoint.load_base(str(base_folder))
    settings_ = config(precision="bf16", warmup_share=0)
    rows = [FrozenRow(str(n), "", Split.TRAIN, make_record(f"Say {n}.", "abc")) for n in range(8)]
    learner = learner_of(model, settings_)
    examples = prepare(rows, tokenizer, settings_).examples
    loop.train(learner, examples, config=settings_, pad_id=0, listener=loop.Listener(on_step=lambda _: None))
    ids = torch.arange(3, 30)[None]
    with learner.in_fp32() as whole:
        checkpoint.save(whole, tokenizer, tmp_path / "checkpoint")
        whole.set_attn_implementation("sdpa")
        with torch.no_grad():
            expected = whole(input_ids=ids).logits
    loaded = checkpoint.load_base(str(tmp_path / "checkpoint"))
    assert loaded.lm_head.weight is loaded.model.embed_tokens.weight
    with torch.no_grad():
        torch.testing.assert_close(loaded(input_ids=ids).logits, expected, rtol=1e-5, atol=1e-6)


def test_the_golden_curve_of_twenty_steps() -> None:
    """Stored losses of a fixed training: a change of a library or of ours that moves the mathematics shows here."""
    settings_ = config(epochs=8, max_steps=20, learning_rate=5e-3)
    found: list[float] = []
    listener = loop.Listener(on_step=lambda step: found.append(step.loss) if step.loss is not None else None)
    loop.train(learner_of(tiny(), settings_), some(10), config=settings_, pad_id=0, listener=listener)
    assert found == pytest.approx(json.loads(GOLDEN.read_text()), abs=1e-4)


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.tuples(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.booleans()), min_size=1, max_size=6),
    st.sampled_from([0.0, 0.25, 1.0]),
    st.floats(0.1, 10),
    st.booleans(),
)
def test_weights_follow_their_definition(
    parts: list[tuple[list[int], bool]], prompt_loss_weight: float, record_weight: float, per_record: bool
) -> None:
    turns = [
        Turn((1,), is_response=False),
        *(Turn(tuple(ids), is_response=flag) for ids, flag in parts),
        Turn((2,), True),
    ]
    made = label_responses(
        turns,
        max_tokens=999,
        prompt_loss_weight=prompt_loss_weight,
        record_weight=record_weight,
        per_record=per_record,
    )
    plain = torch.tensor(
        [1.0 if flag else prompt_loss_weight for turn in turns for flag in [turn.is_response] * len(turn.token_ids)]
    )
    plain[0] = 0.0
    scale = record_weight / float(plain.sum()) if per_record else record_weight
    torch.testing.assert_close(made.weights, plain * scale)
    if per_record:
        assert float(made.weights.sum()) == pytest.approx(record_weight, rel=1e-5)


@pytest.mark.parametrize("length", range(1, 8))
def test_at_every_length_a_record_is_whole_or_refused(length: int) -> None:
    """Never cut: the end of a response is neither lost nor made up."""
    turns = [Turn((5, 6, 7), is_response=False), Turn((8, 9), is_response=True), Turn((4,), is_response=False)]
    if length >= 6:
        assert label_responses(turns, max_tokens=length).input_ids.tolist() == [5, 6, 7, 8, 9, 4]
        return
    with pytest.raises(TrainingError, match=f"has 6 tokens, more than {length}"):
        label_responses(turns, max_tokens=length)


def test_a_label_weighs_its_record_and_must_be_a_positive_number(tokenizer: PreTrainedTokenizerBase) -> None:
    def row(row_id: str, **labels: str) -> FrozenRow:
        return FrozenRow(row_id, "", Split.TRAIN, make_record("a", "b").model_copy(update={"labels": labels}))

    rows = [row("plain"), row("half", trust="0.5"), row("words", trust="much"), row("zero", trust="0")]
    found = prepare(rows, tokenizer, TrainConfig(base="x", weight_label="trust"))
    assert [(each.row_id, float(each.weights.max())) for each in found.examples] == [("plain", 1.0), ("half", 0.5)]
    assert [reason.split(":")[0] for reason in found.refused] == ["words", "zero"]
    assert "not a weight" in found.refused[0]


def test_weights_multiply_and_say_what_share_of_the_loss_is_theirs(tokenizer: PreTrainedTokenizerBase) -> None:
    def row(row_id: str, source: str, **labels: str) -> FrozenRow:
        record = make_record("a", "b").model_copy(update={"labels": labels, "origin": Origin(source=source)})
        return FrozenRow(row_id, "", Split.TRAIN, record)

    rows = [row("plain", "a.jsonl"), row("source", "b.jsonl"), row("both", "b.jsonl", kind="sum"), row("x", "c", k="v")]
    weights = ("source=b.jsonl:2", "label:kind=sum:0.25", "source=typo:9")
    found = prepare(rows, tokenizer, TrainConfig(base="x", weights=weights))
    assert [float(each.weights.max()) for each in found.examples] == [1.0, 2.0, 0.5, 1.0]
    assert [(each.records, round(each.share, 6)) for each in found.weighed] == [
        (2, round(2.5 / 4.5, 6)),
        (1, round(0.5 / 4.5, 6)),
        (0, 0.0),
    ]


@pytest.mark.parametrize("rule", ["source=b:0", "source=b:-1", "source=b:nan", "source=b", "person=a:2", "b:2", ""])
def test_a_weight_that_cannot_be_understood_is_refused(tokenizer: PreTrainedTokenizerBase, rule: str) -> None:
    with pytest.raises(TrainingError, match="does not say which records weigh how much"):
        prepare([], tokenizer, TrainConfig(base="x", weights=(rule,)))
