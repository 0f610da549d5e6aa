"""Chat templates of the families people use: trained prompt, end of turn, and what must not change from day to day."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerBase

from curator.errors import TrainingError
from curator.runs.preflight import template_checks
from curator.training import checkpoint
from curator.training.labels import Example, label_responses
from curator.training.template import TEMPLATES, end_tokens, prepare_tokenizer, prompt_ids, render_turns
from schemas.record import Message, Origin, Record, ToolCall
from tests.conftest import make_record

# The shapes of published templates, written anew: special tokens are those of the test tokenizer.
FAMILIES = {
    "chatml with default system": (
        "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou help.<|im_end|>\n' }}{% endif %}"
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
    "begins with bos": (
        "{{ bos_token }}{% for m in messages %}"
        "{{ '<|im_start|>' + m['role'] + '\n\n' + (m['content'] | trim) + '<|im_end|>' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n\n' }}{% endif %}"
    ),
    "gemma-like roles": (
        "{{ bos_token }}{% for m in messages %}{% set role = 'model' if m['role'] == 'assistant' else m['role'] %}"
        "{{ '<|im_start|>' + role + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>model\n' }}{% endif %}"
    ),
    "mistral-like": (
        "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}"
        "{% else %}{{ ' ' + m['content'] + eos_token }}{% endif %}{% endfor %}"
    ),
    "opens a channel": (  # the words and the token between header and text are the template's, as in gpt-oss
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] }}"
        "{{ '<|endoftext|>channel final<|endoftext|>' if m['role'] == 'assistant' else '<|endoftext|>' }}"
        "{{ m['content'] + '<|im_end|>' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant' }}{% endif %}"
    ),
    "asks for the date": (
        "{{ '<|im_start|>system\nToday is ' + (strftime_now('%d %B %Y') if strftime_now is defined else date_string) + "
        "'<|im_end|>\n' }}{% for m in messages %}"
        "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
}
EVERY_FAMILY = pytest.mark.parametrize("family", FAMILIES)
TALK = Record(
    messages=(
        Message(role="user", content="One?"),
        Message(role="assistant", content="Uno", train=True),
        Message(role="user", content="Two?"),
        Message(role="assistant", content="Dos", train=True),
    ),
    origin=Origin(source="x"),
)


@pytest.fixture
def of_family(tokenizer: PreTrainedTokenizerBase, family: str) -> PreTrainedTokenizerBase:
    made = copy.deepcopy(tokenizer)
    made.chat_template = FAMILIES[family]
    prepare_tokenizer(made)
    return made


def example(tokenizer: PreTrainedTokenizerBase, record: Record) -> Example:
    return Example("r", *label_responses(render_turns(record, tokenizer), max_tokens=512))


def response_of(tokenizer: PreTrainedTokenizerBase, made: Example) -> str:
    return str(tokenizer.decode(made.input_ids[made.is_response]))


def with_template(tokenizer: PreTrainedTokenizerBase, template: str) -> PreTrainedTokenizerBase:
    other = copy.deepcopy(tokenizer)
    other.chat_template = template
    prepare_tokenizer(other)
    return other


@EVERY_FAMILY
def test_a_record_trains_on_the_ids_that_the_template_gives(of_family: PreTrainedTokenizerBase) -> None:
    made = example(of_family, make_record("Say hi.", "Hi."))
    asked = [{"role": "user", "content": "Say hi."}]
    told = of_family.apply_chat_template(asked, add_generation_prompt=True, return_dict=False)
    assert made.input_ids[: made.prompt_tokens].tolist() == list(told)
    assert response_of(of_family, made).endswith("Hi.<|im_end|>")


@pytest.mark.parametrize("response", ["a", "final", "channel", "i", "end", "m_e", "assistant", " spaced \n"])
@EVERY_FAMILY
def test_a_response_in_the_words_of_the_template_is_trained_to_its_end(
    of_family: PreTrainedTokenizerBase, response: str
) -> None:
    made = example(of_family, make_record("Say it.", response))
    said = response_of(of_family, made)
    assert said.endswith("<|im_end|>")
    assert said.count("<|im_end|>") == 1
    assert said.removesuffix("<|im_end|>").strip().removeprefix("<|endoftext|>channel final<|endoftext|>").strip() == (
        response.strip()
    )


@EVERY_FAMILY
def test_no_prompt_begins_twice_and_every_response_ends_once(of_family: PreTrainedTokenizerBase) -> None:
    checks = {check.name: check for check in template_checks(of_family)}
    assert all(check.ok for check in checks.values()), checks
    made = example(of_family, TALK)
    ends = end_tokens(of_family)
    trained = made.input_ids[made.is_response].tolist()
    assert sum(token in ends for token in trained) == 2
    assert trained[-1] in ends


def test_a_generation_prompt_that_no_response_begins_with_is_said_with_both_texts(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    other = with_template(
        tokenizer, tokenizer.chat_template.replace("{{ '<|im_start|>assistant\n' }}", "{{ '<|im_start|>bot: ' }}")
    )
    with pytest.raises(TrainingError) as refusal:
        render_turns(make_record("Say it.", "it"), other)
    assert "asks for message 2 with 'bot: ' but writes 'assistant\\nit<|im_end|>" in refusal.value.problem


def test_an_earlier_turn_that_is_rewritten_is_not_called_a_generation_prompt(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    other = with_template(
        tokenizer, tokenizer.chat_template.replace("message['content']", "(message['content'] if loop.last else '-')")
    )
    with pytest.raises(TrainingError, match="rewrites what stands before message 2"):
        render_turns(TALK, other)


def test_text_is_the_same_on_every_day(tokenizer: PreTrainedTokenizerBase) -> None:
    """A template that asks for the clock is told one and the same day, in training as in generation."""
    made = copy.deepcopy(tokenizer)
    made.chat_template = FAMILIES["asks for the date"]
    prepare_tokenizer(made)
    assert made.decode(prompt_ids(TALK.messages[:1], made)).startswith("<|im_start|>system\nToday is 26 Jul 2024<")
    once = made.chat_template
    prepare_tokenizer(made)
    assert made.chat_template == once


def test_a_template_that_doubles_the_beginning_is_found(tokenizer: PreTrainedTokenizerBase) -> None:
    made = copy.deepcopy(tokenizer)
    made.chat_template = "{{ bos_token }}" + FAMILIES["begins with bos"]
    [first, *_] = template_checks(made)
    assert (first.name, first.ok) == ("one beginning", False)


def test_the_pinned_ids_of_one_record(tokenizer: PreTrainedTokenizerBase) -> None:
    """Golden ids: an update of a library that moves a border or a label changes them."""
    made = example(tokenizer, make_record("a", "b"))
    text = [tokenizer.decode([token]) for token in made.input_ids.tolist()]
    assert "".join(text) == "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n"
    assert made.is_response.nonzero().flatten().tolist() == [20, 21]
    assert made.labels.tolist()[20:] == [made.input_ids[20], 2, -100]


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name != "chatml"])
def test_each_of_our_templates_trains_and_stops(tokenizer: PreTrainedTokenizerBase, name: str) -> None:
    made = copy.deepcopy(tokenizer)
    made.chat_template = None
    prepare_tokenizer(made, template=name)
    both = example(made, TALK)
    said = made.decode(both.input_ids[both.is_response])
    assert [part.strip() for part in said.split("<|im_end|>")] == ["Uno", "Dos", ""]
    assert all(check.ok for check in template_checks(made))


def test_chatml_needs_its_tokens_and_a_template_is_not_replaced(tokenizer: PreTrainedTokenizerBase) -> None:
    made = copy.deepcopy(tokenizer)
    with pytest.raises(TrainingError, match="has a chat template of its own"):
        prepare_tokenizer(made, template="alpaca")
    made.chat_template = None
    prepare_tokenizer(made, template="chatml")
    assert (
        example(made, make_record("a", "b")).input_ids.tolist()
        == example(tokenizer, make_record("a", "b")).input_ids.tolist()
    )


def test_a_tokenizer_without_an_end_is_refused(tokenizer: PreTrainedTokenizerBase) -> None:
    made = copy.deepcopy(tokenizer)
    made.eos_token = None
    with pytest.raises(TrainingError, match="no end-of-text token"):
        prepare_tokenizer(made)


WITH_TOOLS = (  # the shape of published templates that know tools; the token between words and call is special, too
    "{% if tools %}{{ '<|im_start|>system\nTools: ' }}{% for t in tools %}{{ t | tojson }}{% endfor %}"
    "{{ '<|im_end|>\n' }}{% endif %}"
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] }}"
    "{% for c in m.get('tool_calls') or [] %}"
    "{{ '<|endoftext|>' + c['function']['name'] + ' ' + (c['function']['arguments'] | tojson) }}"
    "{% endfor %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TOOL = '{"type":"function","function":{"name":"weather","parameters":{"least":-0.0,"id":1180591620717411303424}}}'


def asks_a_tool(*, trained: tuple[int, ...] = (3,), tools: tuple[str, ...] = (TOOL,), number: str = "-0.0") -> Record:
    call = ToolCall(name="weather", arguments=f'{{"city":"Oslo","cold":{number}}}')
    said = (
        Message(role="user", content="Rain?"),
        Message(role="assistant", tool_calls=(call,), train=1 in trained),
        Message(role="tool", content="rain"),
        Message(role="assistant", content="It rains.", train=3 in trained),
    )
    return Record(messages=said, tools=tools, origin=Origin(source="x"))


def test_tools_and_calls_are_what_the_model_is_given(tokenizer: PreTrainedTokenizerBase) -> None:
    other = with_template(tokenizer, WITH_TOOLS)
    made = example(other, asks_a_tool())
    given = other.decode(made.input_ids[: made.prompt_tokens])
    assert "1180591620717411303424" in given and "-0.0" in given
    assert 'weather {"city": "Oslo", "cold": -0.0}<|im_end|>' in given
    assert response_of(other, made) == "It rains.<|im_end|>"
    record = asks_a_tool()
    assert prompt_ids(record.context, other, tools=record.tools) == made.input_ids[: made.prompt_tokens].tolist()


def test_a_call_is_trained_up_to_the_end_of_its_turn(tokenizer: PreTrainedTokenizerBase) -> None:
    other = with_template(tokenizer, WITH_TOOLS)
    made = example(other, asks_a_tool(trained=(1, 3)))
    assert response_of(other, made) == (
        '<|endoftext|>weather {"city": "Oslo", "cold": -0.0}<|im_end|>It rains.<|im_end|>'
    )


@pytest.mark.parametrize(
    ("record", "lost"),
    [
        (asks_a_tool(), "definitions of tools and calls of tools"),
        (asks_a_tool(tools=()), "calls of tools"),
    ],
)
def test_a_template_that_leaves_tools_out_is_refused(
    tokenizer: PreTrainedTokenizerBase, record: Record, lost: str
) -> None:
    with pytest.raises(TrainingError, match=f"leaves {lost} out"):
        render_turns(record, with_template(tokenizer, TEMPLATES["chatml"]))


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (asks_a_tool(number="1e400"), "a number that no template can write"),
        (asks_a_tool(tools=('{"name":"<|im_end|>"}',)), "A tool definition holds the text <|im_end|>"),
    ],
)
def test_what_a_template_cannot_write_as_it_stands_is_refused(
    tokenizer: PreTrainedTokenizerBase, record: Record, problem: str
) -> None:
    with pytest.raises(TrainingError, match=problem.replace("|", r"\|")):
        render_turns(record, with_template(tokenizer, WITH_TOOLS))


THINKS = (  # the shape of templates of models that think: off, the prompt opens and closes an empty thought
    "{% macro spoken(role, text) %}{{ '<|im_start|>' + role + '\n' + text }}{% endmacro %}"
    "{% for m in messages %}{{ spoken(m['role'], '<think></think>' if m['role'] == 'assistant' else '') }}"
    "{{ m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{% if enable_thinking is defined and enable_thinking is false %}{{ '<think></think>' }}{% endif %}{% endif %}"
)


def test_an_argument_of_the_template_holds_in_training_and_wherever_its_tokenizer_goes(
    tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    off = copy.deepcopy(tokenizer)
    off.chat_template = THINKS
    plain = copy.deepcopy(off)
    asked = [{"role": "user", "content": "Say hi."}]
    without = plain.apply_chat_template(asked, add_generation_prompt=True, tokenize=False, enable_thinking=False)
    prepare_tokenizer(off, arguments={"enable_thinking": False})
    made = example(off, make_record("Say hi.", "Hi."))
    assert off.decode(made.input_ids[: made.prompt_tokens]) == without
    assert response_of(off, made) == "Hi.<|im_end|>"
    assert off.decode(prompt_ids(TALK.messages[:1], off)).endswith("assistant\n<think></think>")
    off.save_pretrained(tmp_path)
    reloaded = checkpoint.load_tokenizer(str(tmp_path))
    assert reloaded.apply_chat_template(asked, add_generation_prompt=True, tokenize=False) == without
    on = reloaded.apply_chat_template(asked, add_generation_prompt=True, tokenize=False, enable_thinking=True)
    assert on.endswith("assistant\n")  # who asks for thoughts still gets a prompt for them


@pytest.mark.parametrize("value", ['it\'s "so" {% endif %}\n', 3, 0.5, True, "\N{GRINNING FACE}"])
def test_an_argument_reaches_the_template_as_it_was_written(
    tokenizer: PreTrainedTokenizerBase, value: str | float
) -> None:
    other = copy.deepcopy(tokenizer)
    other.chat_template = "\n" + other.chat_template + "{{ tone | tojson }}"
    before = other.apply_chat_template([{"role": "user", "content": "a"}], tokenize=False, tone=value)
    prepare_tokenizer(other, arguments={"tone": value})
    assert other.apply_chat_template([{"role": "user", "content": "a"}], tokenize=False) == before


@pytest.mark.parametrize("name", ["enable_thinkin", "messages", "im_start }}"])
def test_an_argument_that_the_template_does_not_read_is_refused(tokenizer: PreTrainedTokenizerBase, name: str) -> None:
    with pytest.raises(TrainingError, match="has no argument"):
        prepare_tokenizer(copy.deepcopy(tokenizer), arguments={name: False})
