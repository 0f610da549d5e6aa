"""Flat batches: records never see one another, whatever their order, company and arithmetic."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    GraniteConfig,
    JambaConfig,
    Lfm2Config,
    Llama4TextConfig,
    LlamaConfig,
    Mamba2Config,
    MambaConfig,
    MistralConfig,
    MixtralConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2MoeConfig,
    Qwen3Config,
)

from curator.training.batch import flat, padded
from curator.training.labels import Example
from curator.training.learner import _checkpoint_activations, add_adapters, place_model
from curator.training.objective import ResponseLoss, Route, choose_route, set_attention
from curator.training.plan import divide, plan, planned_steps, sharing
from curator.training.precision import MasterWeights
from schemas.run import TrainConfig

SMALL = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
LLAMA_LIKE = SMALL | {"intermediate_size": 48, "num_key_value_heads": 2}
_EXPERTS = {"moe_intermediate_size": 16, "shared_expert_intermediate_size": 16, "num_experts": 4}
_STATES = {"attn_layer_period": 2, "attn_layer_offset": 1, "num_experts": 2, "mamba_d_state": 4, "mamba_dt_rank": 4}
SMALL_STATES = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 2}
KINDS: list[tuple[PreTrainedConfig, Route]] = [
    (LlamaConfig(**LLAMA_LIKE), Route.FLAT),
    (Qwen3Config(**LLAMA_LIKE, head_dim=8), Route.FLAT),
    (MistralConfig(**LLAMA_LIKE, sliding_window=64), Route.FLAT),
    (MixtralConfig(**LLAMA_LIKE, num_local_experts=4, num_experts_per_tok=2), Route.FLAT),
    (Gemma3TextConfig(**LLAMA_LIKE, head_dim=8, sliding_window=64), Route.FLAT),
    (GraniteConfig(**LLAMA_LIKE, logits_scaling=4.0), Route.FLAT),
    (GPT2Config(vocab_size=60, n_embd=32, n_layer=2, n_head=4, n_positions=128), Route.FLAT),
    (Gemma2Config(**LLAMA_LIKE, head_dim=8, sliding_window=64), Route.PADDED),  # caps scores inside its attention
    (Qwen2MoeConfig(**LLAMA_LIKE, **_EXPERTS), Route.FLAT),  # its attention window of 0 is none
    (BloomConfig(vocab_size=60, hidden_size=32, n_layer=2, n_head=4), Route.PADDED),  # an attention of its own
    (Lfm2Config(**LLAMA_LIKE, layer_types=["conv", "full_attention"]), Route.PADDED),  # a convolution over the pack
    (JambaConfig(**LLAMA_LIKE, **_STATES), Route.PADDED),  # a state that runs on over the pack
]
EVERY_KIND = pytest.mark.parametrize(("kind", "route"), KINDS, ids=lambda value: getattr(value, "model_type", None))


def record(row_id: str, prompt: list[int], response: list[int]) -> Example:
    ids = torch.tensor(prompt + response)
    is_response = torch.arange(len(ids)) >= len(prompt)
    return Example(row_id, ids, is_response, is_response.float())


def some_records(
    seed: int = 0, lengths: tuple[tuple[int, int], ...] = ((3, 5), (7, 2), (2, 9), (4, 4))
) -> list[Example]:
    draw = torch.Generator().manual_seed(seed)
    tokens = lambda n: torch.randint(1, 60, (n,), generator=draw).tolist()  # noqa: E731
    return [record(str(n), tokens(prompt), tokens(response)) for n, (prompt, response) in enumerate(lengths)]


def make(kind: PreTrainedConfig) -> PreTrainedModel:
    torch.manual_seed(1)
    kind.pad_token_id, kind.bos_token_id, kind.eos_token_id = 0, 1, 2
    return AutoModelForCausalLM.from_config(kind).eval()


def alone(model: PreTrainedModel, examples: list[Example]) -> list[Tensor]:
    """Losses of each record by itself through the plain model."""
    set_attention(model, Route.PADDED)
    found = []
    for example in examples:
        scores = torch.log_softmax(model(input_ids=example.input_ids[None]).logits[0].float(), dim=-1)
        places = example.is_response.nonzero().flatten()
        found.append(-scores[places - 1, example.input_ids[places]])
    return found


@EVERY_KIND
def test_each_architecture_takes_the_fastest_way_that_gives_its_own_loss(kind: PreTrainedConfig, route: Route) -> None:
    model = make(kind)
    chosen, why = choose_route(model)
    assert chosen is route, why
    assert bool(why) == (route is Route.PADDED)
    examples = some_records()
    objective = ResponseLoss(model, route=chosen)
    together = objective(objective.collate(examples, pad_id=0)).nll
    torch.testing.assert_close(together, torch.cat(alone(model, examples)), rtol=1e-4, atol=1e-5)


@EVERY_KIND
def test_a_token_of_one_record_never_reaches_another(kind: PreTrainedConfig, route: Route) -> None:
    """Whatever stands in the other records of the pack, a record's losses stay the same to the bit."""
    if route is Route.PADDED or "num_experts_per_tok" in kind.to_dict():  # experts sort tokens, so sums may round apart
        pytest.skip("not packed, or not computed token by token")
    model = make(kind)
    objective = ResponseLoss(model, route=route)
    first, other = some_records(0), some_records(99)
    for n in range(len(first)):
        changed = [each if n == m else other[m] for m, each in enumerate(first)]
        before = objective(objective.collate(first, pad_id=0))
        after = objective(objective.collate(changed, pad_id=0))
        mine = flat(first).owners == n
        assert torch.equal(before.nll[mine], after.nll[mine])


@EVERY_KIND
def test_the_order_in_a_pack_does_not_matter(kind: PreTrainedConfig, route: Route) -> None:
    model = make(kind)
    objective = ResponseLoss(model, route=route)
    examples = some_records()
    there = objective(objective.collate(examples, pad_id=0)).nll.split([5, 2, 9, 4])
    back = objective(objective.collate(examples[::-1], pad_id=0)).nll.split([4, 9, 2, 5])
    for one, other in zip(there, reversed(back), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_folded_prompt_gives_every_response_its_own_loss_and_gradient() -> None:
    """The end of the shared prompt predicts the first token of each response."""
    prompt = [5, 6, 7, 8, 9]
    examples = [record("a", prompt, [10, 11]), record("b", prompt, [12, 13, 14]), record("c", [4, 3], [15, 16, 17])]
    made = flat(examples, fold=True)
    assert made.input_ids.numel() == 5 + 2 + 3 + 5
    assert made.predicts.tolist().count(int(made.predicts[0])) == 2
    model = make(LlamaConfig(**LLAMA_LIKE))

    def gradient(fold: bool) -> tuple[Tensor, Tensor]:
        model.zero_grad()
        objective = ResponseLoss(model, route=Route.FLAT)
        loss = objective(objective.collate(examples, pad_id=0, fold=fold), 0.1)
        loss.total.backward()
        return loss.nll, torch.cat([p.grad.flatten() for p in model.parameters()])

    plain, folded = gradient(False), gradient(True)
    torch.testing.assert_close(folded[0], plain[0], rtol=1e-5, atol=1e-6)
    assert (folded[1] - plain[1]).norm() / plain[1].norm() < 1e-5


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(st.integers(2, 12), st.integers(1, 12)), min_size=1, max_size=7),
    st.booleans(),
    st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_any_mix_of_lengths_gives_the_losses_of_the_records_alone(
    lengths: list[tuple[int, int]], shared: bool, dtype: torch.dtype
) -> None:
    model = make(LlamaConfig(**LLAMA_LIKE)).to(dtype)
    examples = some_records(3, tuple(lengths))
    if shared:
        examples += [
            record(f"{each.row_id}'", each.input_ids[: each.prompt_tokens].tolist(), [7, 8]) for each in examples
        ]
    objective = ResponseLoss(model, route=Route.FLAT)
    with torch.no_grad():
        together = objective(objective.collate(examples, pad_id=0, fold=shared)).nll
        expected = torch.cat(alone(model, examples))
    tolerance = 1e-5 if dtype is torch.float32 else 0.08
    torch.testing.assert_close(together, expected.float(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("count", [1, 63, 64, 65, 200])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_head_in_chunks_is_the_head_at_once(
    monkeypatch: pytest.MonkeyPatch, count: int, tied: bool, smoothing: float
) -> None:
    """Loss and gradients equal those of dense cross entropy, at chunk borders and beside them."""
    from curator.training import objective as module

    monkeypatch.setattr(module, "_CHUNK_BYTES", {"cpu": 1})  # chunks of 64 rows, the smallest
    model = make(LlamaConfig(**LLAMA_LIKE, tie_word_embeddings=tied))
    examples = some_records(5, ((2, count),))
    found = {}
    for route in (Route.FLAT, Route.FLAT_OWN_HEAD):
        model.zero_grad()
        loss = ResponseLoss(model, route=route, label_smoothing=smoothing)
        made = loss(loss.collate(examples, pad_id=0), 1 / count)
        made.total.backward()
        found[route] = (made.total.detach(), torch.cat([p.grad.flatten() for p in model.parameters()]))
    torch.testing.assert_close(found[Route.FLAT][0], found[Route.FLAT_OWN_HEAD][0])
    difference = (found[Route.FLAT][1] - found[Route.FLAT_OWN_HEAD][1]).norm() / found[Route.FLAT_OWN_HEAD][1].norm()
    assert difference < 1e-5


def test_a_frozen_head_takes_many_chunks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """With adapters the head has no gradient of its own; only the hidden states do."""
    from curator.training import objective as module

    monkeypatch.setattr(module, "_CHUNK_BYTES", {"cpu": 1})
    model = make(LlamaConfig(**LLAMA_LIKE, tie_word_embeddings=True))
    model.lm_head.weight.requires_grad_(False)
    found = []
    for route in (Route.FLAT, Route.FLAT_OWN_HEAD):
        model.zero_grad()
        loss = ResponseLoss(model, route=route)
        loss(loss.collate(some_records(5, ((2, 200),)), pad_id=0), 1 / 200).total.backward()
        found.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    assert (found[0] - found[1]).norm() / found[1].norm() < 1e-5


def test_the_loss_reaches_exactly_the_positions_before_response_tokens() -> None:
    """The gradient of the embeddings' successor, the logits, is non-zero from the last prompt token on; the first
    response token is among the predicted."""
    made = flat([record("a", [5, 6, 7], [8, 9])])
    assert made.predicts.tolist() == [2, 3]
    assert made.targets.tolist() == [8, 9]
    both = padded([record("a", [5, 6, 7], [8, 9]), record("b", [4], [3])], pad_id=0)
    assert both.predicts.tolist() == [2, 3, 5]
    assert both.targets.tolist() == [8, 9, 3]


def test_padding_that_is_the_end_token_still_leaves_the_end_in_the_loss() -> None:
    made = padded([record("a", [5, 6], [7, 2]), record("b", [5, 6, 7, 8], [9, 2])], pad_id=2)
    assert made.targets.tolist() == [7, 2, 9, 2]


def test_bf16_weights_change_through_fp32_masters_and_lose_no_small_update() -> None:
    """An update of a thousandth of a weight is below bf16's resolution; ten of them must add up."""
    layer = torch.nn.Linear(4, 4, bias=False)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    masters = MasterWeights(layer)
    assert layer.weight.dtype is torch.bfloat16
    for _ in range(10):
        with torch.no_grad():
            masters.masters[0] += 0.001
        masters.round()
    assert torch.allclose(masters.masters[0], torch.tensor(1.01), atol=1e-6)
    assert layer.weight[0, 0].item() == pytest.approx(1.01, abs=0.004)
    layer(torch.ones(1, 4, dtype=torch.bfloat16)).sum().backward()
    assert layer.weight.grad is None
    assert masters.masters[0].grad.dtype is torch.float32
    masters.restore()
    assert layer.weight.dtype is torch.float32


def test_noise_on_the_embeddings_is_there_in_training_only() -> None:
    model = make(LlamaConfig(**LLAMA_LIKE))
    objective = ResponseLoss(model, route=Route.FLAT, noise_alpha=5.0)
    batch = objective.collate(some_records(), pad_id=0)
    objective.eval()
    assert torch.equal(objective(batch).nll, objective(batch).nll)
    objective.train()
    assert not torch.equal(objective(batch).nll, objective(batch).nll)


def test_one_record_over_the_attention_window_sends_only_its_own_batch_the_padded_way() -> None:
    model = make(MistralConfig(**LLAMA_LIKE, sliding_window=10))
    route, _ = choose_route(model)
    assert route is Route.FLAT
    objective = ResponseLoss(model, route=route)
    short, long = some_records(lengths=((3, 5), (2, 6))), some_records(lengths=((3, 5), (9, 8)))
    assert objective.collate(short, pad_id=0).attention_mask is None
    assert objective.collate(long, pad_id=0).attention_mask is not None
    for examples in (long, short, long):  # there and back again
        together = objective(objective.collate(examples, pad_id=0)).nll
        torch.testing.assert_close(together, torch.cat(alone(model, examples)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bf16", [False, True])
def test_the_probe_goes_through_the_kernel_that_trains(bf16: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """bf16 has a kernel of its own; one that leaks there is not taken, however right fp32 is."""
    from curator.training import attention

    plain = attention._explicit

    def leaks(*tensors: Tensor, **options: float) -> Tensor:
        out = plain(*tensors, **options)
        return out + out.mean()

    monkeypatch.setattr(attention, "_explicit", leaks)
    route, why = choose_route(make(LlamaConfig(**LLAMA_LIKE)), bf16=bf16)
    assert route is (Route.PADDED if bf16 else Route.FLAT), why


def test_activation_checkpointing_gives_the_same_gradient() -> None:
    model = make(LlamaConfig(**LLAMA_LIKE))
    examples = some_records()

    def gradient() -> Tensor:
        model.train()
        model.zero_grad()
        objective = ResponseLoss(model, route=Route.FLAT)
        objective(objective.collate(examples, pad_id=0), 0.05).total.backward()
        return torch.cat([p.grad.flatten() for p in model.parameters()])

    plain = gradient()
    _checkpoint_activations(model)
    torch.testing.assert_close(gradient(), plain)


def config(**changes: object) -> TrainConfig:
    return TrainConfig.model_validate({"base": "x", "records_per_step": 4, "epochs": 2} | changes)


def test_every_epoch_trains_on_every_record_once_in_an_order_of_its_own() -> None:
    examples = some_records(0, tuple((2, n % 5 + 1) for n in range(10)))
    steps = list(plan(examples, config(), fold=False))
    assert [step.step for step in steps] == [1, 2, 3, 4, 5, 6]
    assert planned_steps(10, config()) == 6
    epochs = [[n for step in steps if step.epoch == epoch for n in step.records] for epoch in (1, 2)]
    assert [sorted(order) for order in epochs] == [list(range(10))] * 2
    assert epochs[0] != epochs[1]
    assert steps == list(plan(examples, config(), fold=False))


def test_folding_keeps_records_with_one_prompt_in_one_step() -> None:
    examples = [record(f"{n}{m}", [5, 6, 7 + n], [8 + m]) for n in range(6) for m in range(2)]
    assert sharing(examples) == pytest.approx(8 / 5)
    for step in plan(examples, config(), fold=True):
        prompts = [examples[n].row_id[0] for n in step.records]
        assert all(prompts.count(prompt) == 2 for prompt in prompts)


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_a_step_is_divided_without_losing_or_doubling_a_record(processes: int) -> None:
    examples = some_records(0, tuple((2, n + 1) for n in range(9)))
    parts = divide(tuple(range(9)), examples, tokens_per_batch=12, processes=processes)
    assert len({len(own) for own in parts}) == 1
    counted = sorted(n for own in parts for part in own if part.counts for n in part.records)
    assert counted == list(range(9))
    for own in parts:
        for part in own:
            assert len(part.records) == 1 or sum(len(examples[n].input_ids) for n in part.records) <= 12


@pytest.mark.parametrize(
    "kind",
    [
        MambaConfig(**SMALL_STATES, state_size=4, time_step_rank=2),
        Mamba2Config(**SMALL_STATES, state_size=8, num_heads=4, head_dim=16, n_groups=1),
        Llama4TextConfig(**LLAMA_LIKE, head_dim=8, intermediate_size_mlp=48, num_local_experts=2),
        JambaConfig(**LLAMA_LIKE, **_STATES),
        GPT2Config(vocab_size=60, n_embd=32, n_layer=2, n_head=4, n_positions=128),
    ],
    ids=lambda kind: kind.model_type,
)
def test_adapters_train_in_every_architecture(kind: PreTrainedConfig) -> None:
    """No architecture breaks under them, and none of them is left without a gradient."""
    settings_ = config(method="lora", precision="fp32")
    objective, _ = place_model(add_adapters(make(kind), settings_), settings_)
    objective.train()(objective.collate(some_records(), pad_id=0)).total.backward()
    trained = {name: each.grad for name, each in objective.named_parameters() if each.requires_grad}
    assert trained
    assert [name for name, gradient in trained.items() if gradient is None] == []
