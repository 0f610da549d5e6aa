"""Record -> turns of tokens, through the model's own chat template.

The conversation is rendered as text and cut where loss begins and ends; each piece is tokenised by itself, so no token
spans a border. Everything up to the first response is tokenised as one piece, exactly as generation does it: a model is
trained on the prompt ids that it will be asked with.

It does not decide which tokens carry loss in a batch: `labels` does, from the turns made here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from jinja2.exceptions import TemplateError
from transformers import PreTrainedTokenizerBase

from curator.errors import SpecialTokenError, TrainingError
from schemas import json_text
from schemas.record import Message, Record

_END = "{{ eos_token if message['role'] == 'assistant' else '' }}"
_LOOP, _DONE = "{% for message in messages %}", "{% endfor %}"

TEMPLATES = {
    "plain": (
        _LOOP
        + "{{ message['role'] + ':\\n' + message['content'] }}"
        + _END
        + "{{ '\\n' }}"
        + _DONE
        + "{% if add_generation_prompt %}{{ 'assistant:\\n' }}{% endif %}"
    ),
    "chatml": (
        _LOOP
        + "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
        + _DONE
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
    ),
    "llama": (
        "{{ bos_token or '' }}"
        + _LOOP
        + "{% if message['role'] == 'assistant' %}{{ ' ' + message['content'] + eos_token }}"
        + "{% elif message['role'] == 'system' %}{{ '[INST] <<SYS>>\\n' + message['content'] + '\\n<</SYS>> [/INST]' }}"
        + "{% else %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% endif %}"
        + _DONE
    ),
    "alpaca": (
        _LOOP
        + "{% if message['role'] == 'assistant' %}"
        + "{{ '### Response:\\n' + message['content'] + eos_token + '\\n\\n' }}"
        + "{% elif message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}"
        + "{% else %}{{ '### Instruction:\\n' + message['content'] + '\\n\\n' }}{% endif %}"
        + _DONE
        + "{% if add_generation_prompt %}{{ '### Response:\\n' }}{% endif %}"
    ),
}
"""Ours, by name, for a model without a chat template; all but ChatML need no token but the end of text."""

TemplateName = Literal["auto", "chatml", "llama", "alpaca", "plain"]

Argument = bool | int | float | str
"""Value of a template's argument."""

_NOT_ARGUMENTS = frozenset(("messages", "tools", "add_generation_prompt", "bos_token", "eos_token", "date_string"))
"""What a template is told from the records and the tokenizer, not from settings."""

_TODAY = "26 Jul 2024"
"""The day that templates are told when they ask for it: a prompt must not change from one day to the next."""
_FIXED_CLOCK = "{%- macro strftime_now(format) -%}" + _TODAY + "{%- endmacro -%}"


class Turn(NamedTuple):
    """Consecutive tokens that all carry loss or all carry none."""

    token_ids: tuple[int, ...]
    is_response: bool


def prepare_tokenizer(
    tokenizer: PreTrainedTokenizerBase,
    *,
    template: TemplateName = "auto",
    arguments: Mapping[str, Argument] | None = None,
) -> None:
    """Give a tokenizer what training needs: a chat template and a padding token.

    Args:
        tokenizer: As it was loaded.
        template: Which of ours to use; `auto` keeps the tokenizer's own and is `plain` where it has none.
        arguments: Of the template. They become its defaults, so that training, generation and every later user of the
            saved tokenizer render alike; who renders with another value still gets that one.

    Raises:
        TrainingError: It has no end-of-text token, so no response could be taught to end; it has a template of its own
            and another is asked for; it lacks a token that the template needs; or the template has no such argument.
    """
    if tokenizer.eos_token is None:
        raise TrainingError(
            "The tokenizer of the base model has no end-of-text token.",
            hint="Set eos_token in its tokenizer_config.json.",
        )
    wanted = TEMPLATES.get(template, TEMPLATES["plain"])
    if not tokenizer.chat_template:
        tokenizer.chat_template = wanted
    elif template != "auto" and tokenizer.chat_template != wanted:
        raise TrainingError(
            f"The base model has a chat template of its own; {template} would teach it another one.",
            hint="Choose chat_template auto, or take the template out of a copy of its tokenizer.",
        )
    if template == "chatml" and not {"<|im_start|>", "<|im_end|>"} <= set(_special_tokens(tokenizer)):
        raise TrainingError(
            "The tokenizer has no tokens <|im_start|> and <|im_end|>, which ChatML needs.",
            hint="Choose chat_template plain, llama or alpaca: they only need the end of text.",
        )
    if arguments:
        tokenizer.chat_template = _with_defaults(tokenizer.chat_template, arguments)
    if "strftime_now" in tokenizer.chat_template and _FIXED_CLOCK not in tokenizer.chat_template:
        tokenizer.chat_template = _FIXED_CLOCK + tokenizer.chat_template  # saved with the weights it taught
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token  # labels go by position, so the end token still carries loss


def _with_defaults(template: str, arguments: Mapping[str, Argument]) -> str:
    """A template whose arguments have these values unless others are given.

    Raises:
        TrainingError: The template does not mention an argument, or what it is given under that name are the records.
    """
    defaults = ""
    for name, value in arguments.items():
        if name in _NOT_ARGUMENTS or not name.isidentifier() or not re.search(rf"\b{name}\b", template):
            raise TrainingError(
                f"The chat template of the model has no argument {name}.",
                hint="Read the template in the model's tokenizer_config.json or chat_template.jinja for its arguments.",
            )
        literal = json.dumps(value, ensure_ascii=False)  # JSON's true, false, numbers and texts are those of Jinja
        defaults += f"{{%- if {name} is not defined %}}{{%- set {name} = {literal} %}}{{%- endif %}}"
    return f"{defaults}\n{template}"  # the line break goes with the block before it, as templates are rendered


def prompt_ids(
    messages: Sequence[Message], tokenizer: PreTrainedTokenizerBase, *, tools: Sequence[str] = ()
) -> list[int]:
    """Token ids that a model is given to answer `messages`, with the definitions of the tools that it may call.

    Raises:
        TrainingError: The template refuses the messages, leaves tools out, or a text holds a special token.
    """
    _refuse_special_tokens(messages, tools, tokenizer)
    _refuse_lost_tools(messages, tools, tokenizer)
    return _encode(_render(messages, tokenizer, tools=tools, ask=True), tokenizer)


def render_turns(record: Record, tokenizer: PreTrainedTokenizerBase) -> list[Turn]:
    """The turns of a record, in order; a response ends with the template's end-of-turn token.

    Raises:
        TrainingError: The template refuses the conversation, rewrites earlier turns, leaves tools or their calls out,
            does not close a response with a special token, or a text holds a special token.
    """
    messages, tools = record.messages, record.tools
    _refuse_special_tokens(messages, tools, tokenizer)
    _refuse_lost_tools(messages, tools, tokenizer)
    turns: list[Turn] = []
    done = ""
    for n, message in enumerate(messages):
        if not message.train:
            continue
        start = _render(messages[:n], tokenizer, tools=tools, ask=True)
        closed = _render(messages[: n + 1], tokenizer, tools=tools, ask=False)
        if not start.startswith(done):
            raise _rewritten(n)
        if not closed.startswith(start):
            before = _render(messages[:n], tokenizer, tools=tools, ask=False)
            raise _unasked(n, start=start, closed=closed) if closed.startswith(before) else _rewritten(n)
        if message.tool_calls:
            end = _end_of_call(start, closed, tokenizer)
        else:
            end = _end_of_response(messages[: n + 1], closed, tokenizer, tools=tools)
        turns.append(Turn(tuple(_encode(start[len(done) :], tokenizer)), is_response=False))
        turns.append(Turn(tuple(_encode(closed[len(start) : end], tokenizer)), is_response=True))
        done = closed[:end]
    whole = _render(messages, tokenizer, tools=tools, ask=False)
    if not whole.startswith(done):
        raise TrainingError(
            "The chat template writes a response differently once a later message follows.",
            hint="Train on the last response only, or use a model whose template keeps earlier turns as they are.",
        )
    if whole[len(done) :]:
        turns.append(Turn(tuple(_encode(whole[len(done) :], tokenizer)), is_response=False))
    return turns


def end_tokens(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Ids of the tokens that end a response: the template's own and the tokenizer's end of text."""
    messages = [Message(role="user", content="Hello"), Message(role="assistant", content="Hello", train=True)]
    closed = _render(messages, tokenizer, ask=False)
    closing = _encode(closed[: _end_of_response(messages, closed, tokenizer)], tokenizer)[-1]
    return sorted({closing, int(tokenizer.eos_token_id)})


def _render(
    messages: Sequence[Message], tokenizer: PreTrainedTokenizerBase, *, tools: Sequence[str] = (), ask: bool
) -> str:
    try:
        return str(
            tokenizer.apply_chat_template(
                [_plain(message) for message in messages],
                tools=[_parsed(definition) for definition in tools] or None,
                tokenize=False,
                add_generation_prompt=ask,
                date_string=_TODAY,
            )
        )
    except (TemplateError, ValueError, TypeError) as error:
        raise TrainingError(
            f"The chat template refuses the conversation: {error}.", hint="Change its roles or order."
        ) from error


def _plain(message: Message) -> dict[str, Any]:
    """A message as chat templates read it: arguments are an object where they are one."""
    plain: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.name is not None:
        plain["name"] = message.name
    if message.tool_calls:
        plain["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": _parsed(call.arguments)}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        plain["tool_call_id"] = message.tool_call_id
    return plain


def _parsed(text: str) -> Any:
    """The value of a JSON text, or the text itself where it is not JSON.

    Raises:
        TrainingError: It holds a number that a template would write as another one.
    """
    try:
        value = json_text.loads(text)
    except ValueError:
        return text
    try:
        json.dumps(value, allow_nan=False)
    except ValueError as error:
        raise TrainingError(
            f"The JSON {text[:_SHOWN]} holds a number that no template can write.", hint="Write a smaller number."
        ) from error
    return value


def _refuse_lost_tools(messages: Sequence[Message], tools: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> None:
    """A template that knows nothing of tools would leave them out in silence."""
    silent = [message.model_copy(update={"tool_calls": ()}) for message in messages]
    lost = []
    if tools and _render(messages, tokenizer, tools=tools, ask=False) == _render(messages, tokenizer, ask=False):
        lost.append("definitions of tools")
    if any(message.tool_calls for message in messages):
        rendered = [_render(some, tokenizer, tools=tools, ask=False) for some in (messages, silent)]
        lost += ["calls of tools"] if rendered[0] == rendered[1] else []
    if lost:
        raise TrainingError(
            f"The chat template of the model leaves {' and '.join(lost)} out.",
            hint="Use a model whose template writes them, or take the tools out of the records.",
        )


def _end_of_call(start: str, closed: str, tokenizer: PreTrainedTokenizerBase) -> int:
    """Where a turn that calls tools ends in `closed`: its last special token, since others may stand inside it."""
    ends = [place + len(token) for token in _special_tokens(tokenizer) if (place := closed.rfind(token)) >= len(start)]
    if not ends:
        raise TrainingError(
            "The chat template does not close a tool call with a special token, so the model could not learn to stop.",
            hint="Add the end-of-text token after assistant messages in the template.",
        )
    return max(ends)


def _encode(text: str, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Ids of a piece of rendered text; the template wrote every special token, so none is added."""
    return list(tokenizer.encode(text, add_special_tokens=False))


def _end_of_response(
    messages: Sequence[Message], closed: str, tokenizer: PreTrainedTokenizerBase, *, tools: Sequence[str] = ()
) -> int:
    """Where the end-of-turn token of the last message ends in `closed`, the rendered messages.

    The text of a response may stand in the template, too ("final", "a"), so it is not searched for. A text that no
    template holds is rendered in its place: what follows that text is what the template writes after any response.
    """
    probed_messages = (*messages[:-1], messages[-1].model_copy(update={"content": _PROBE}))
    probe = _render(probed_messages, tokenizer, tools=tools, ask=False)
    _, probed, tail = probe.rpartition(_PROBE)
    if not probed or not closed.endswith(tail):
        raise TrainingError(
            "The chat template does not write a response as it stands, followed by an end that is always the same.",
            hint="Use a model whose template writes the text of a response and closes it.",
        )
    ends = [tail.find(token) + len(token) for token in _special_tokens(tokenizer) if token in tail]
    if not ends:
        raise TrainingError(
            "The chat template does not close a response with a special token, so the model could not learn to stop.",
            hint="Add the end-of-text token after assistant messages in the template.",
        )
    return len(closed) - len(tail) + min(ends)  # what follows, often a line break, is the template's


_PROBE = "\N{ASTERISM}response\N{ASTERISM}"


def _rewritten(n: int) -> TrainingError:
    return TrainingError(
        f"The chat template rewrites what stands before message {n + 1} once that message follows.",
        hint="Train on the last response only, or use a model whose template keeps earlier turns as they are.",
    )


def _unasked(n: int, *, start: str, closed: str) -> TrainingError:
    same = next((n for n, (one, other) in enumerate(zip(start, closed, strict=False)) if one != other), len(closed))
    asked, written = start[same : same + _SHOWN], closed[same : same + _SHOWN]
    return TrainingError(
        f"The chat template asks for message {n + 1} with {asked!r} but writes {written!r} there.",
        hint="Give the template a generation prompt with which its own assistant messages begin.",
    )


_SHOWN = 40
"""Characters of a rendered text that a message quotes."""


def _special_tokens(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    added = (token.content for token in tokenizer.added_tokens_decoder.values() if token.special)
    return [token for token in {*added, *tokenizer.all_special_tokens} if token]


def _refuse_special_tokens(
    messages: Sequence[Message], tools: Sequence[str], tokenizer: PreTrainedTokenizerBase
) -> None:
    """Text that spells a special token would become that token and could close a turn early."""
    special = _special_tokens(tokenizer)
    for n, message in enumerate(messages):
        calls = (text for call in message.tool_calls for text in (call.name, call.arguments, call.id or ""))
        for text in (message.content, message.name or "", message.tool_call_id or "", *calls):
            _refuse_special_token(text, special, place=f"Message {n + 1}")
    for definition in tools:
        _refuse_special_token(definition, special, place="A tool definition")


def _refuse_special_token(text: str, special: Sequence[str], *, place: str) -> None:
    for token in special:
        if token in text:
            raise SpecialTokenError(
                f"{place} holds the text {token}, which the model reads as a control token.",
                hint="Take it out of the text, or write it differently.",
            )
