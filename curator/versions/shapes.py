"""Shapes: a record as the JSON object that a trainer's format asks for.

Nothing is dropped in silence: what a format cannot say is a `ValueError` whose text completes "Record X ...". Each
shape is read back by the import as the same content.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from schemas import json_text
from schemas.record import Message, Record, ToolCall
from schemas.version import ExportFormat

Shape = Callable[[Record], dict[str, Any]]

ABSENT: dict[str, Any] = {"system": "", "history": []}
"""What stands in a row for a key that only other rows have; `null` for any other key."""


def _trl(record: Record) -> dict[str, Any]:
    """Prompt and completion as text: TRL puts the loss on the completion."""
    _refuse_pair(record)
    if record.tools or [message.role for message in record.messages] != ["user", "assistant"]:
        raise ValueError("is more than one instruction with one response, which prompt and completion cannot hold")
    if any(message.tool_calls or message.name for message in record.messages):
        raise ValueError("calls tools or names its speakers, which text cannot say")
    _refuse_other_training(record)
    return {"prompt": record.instruction, "completion": record.response}


def _trl_chat(record: Record) -> dict[str, Any]:
    """Prompt and completion as messages: TRL applies the chat template and puts the loss on the completion."""
    _refuse_pair(record)
    _refuse_other_training(record)
    messages = _trl_messages(record.messages)
    return {"prompt": messages[:-1], "completion": messages[-1:], **_trl_tools(record)}


def _preference(record: Record) -> dict[str, Any]:
    """Prompt, chosen and rejected as messages, for DPO and its relatives."""
    if record.alternative is not None:
        raise ValueError("is a pair whose better response is not decided yet")
    if not record.rejected:
        raise ValueError("has no rejected response")
    if any(message.role == "user" for message in (*record.chosen, *record.rejected)):
        raise ValueError("parts before its last question, so that it has no prompt that both responses answer")
    _refuse_other_training(record)
    return {
        "prompt": _trl_messages(record.messages[: record.prompt_length]),
        "chosen": _trl_messages(record.chosen),
        "rejected": _trl_messages(record.rejected),
        **_trl_tools(record),
    }


def _kto(record: Record) -> dict[str, Any]:
    """Prompt, completion and whether the completion is desirable."""
    if record.desirable is None or record.alternative is not None:
        raise ValueError("has no verdict whether its response is desirable")
    if record.desirable:
        _refuse_other_training(record)
    messages = _trl_messages(record.messages)
    return {
        "prompt": messages[:-1],
        "completion": messages[-1:],
        "label": record.desirable,
        **_trl_tools(record),
    }


def _openai(record: Record) -> dict[str, Any]:
    """Chat messages; every assistant turn says by its weight whether it carries loss.

    OpenAI trains on all assistant turns where no weight is given, Curator on the last one, so none is left out.
    """
    _refuse_pair(record)
    messages = [
        _openai_message(message) | ({"weight": int(bool(message.train))} if message.role == "assistant" else {})
        for message in record.messages
    ]
    return {"messages": messages} | ({"tools": [_raw(each) for each in record.tools]} if record.tools else {})


def _alpaca(record: Record) -> dict[str, Any]:
    """Instruction, input and output; system and earlier turns in the fields that trainers read beside them.

    The user's text stands in `instruction` as a whole: how a source divided it is not content.
    """
    _refuse_pair(record)
    if record.tools or any(message.tool_calls or message.name for message in record.messages):
        raise ValueError("has tools or named speakers, which Alpaca cannot hold")
    messages = list(record.messages)
    value: dict[str, Any] = {}
    if messages[0].role == "system":
        value["system"] = messages.pop(0).content
    roles = [message.role for message in messages]
    if not messages or roles != ["user", "assistant"] * (len(roles) // 2):
        raise ValueError("is not a sequence of instructions and responses, which Alpaca cannot hold")
    if value.get("system") == "":
        raise ValueError("has an empty system message, which Alpaca cannot tell from none")
    _refuse_other_training(record)
    value |= {"instruction": record.instruction, "input": "", "output": record.response}
    if len(messages) > 2:
        value["history"] = [[messages[n].content, messages[n + 1].content] for n in range(0, len(messages) - 2, 2)]
    return value


_SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}


def _sharegpt(record: Record) -> dict[str, Any]:
    """Turns of `from` and `value`, calls of tools as JSON text, `tools` as the JSON text of a list."""
    _refuse_pair(record)
    _refuse_other_training(record)
    turns = []
    for message in _without_counted_ids(record.messages):
        if message.role not in _SPEAKERS or message.name is not None:
            raise ValueError("has a developer message or named speakers, which ShareGPT cannot hold")
        if message.tool_call_id is not None:
            raise ValueError("answers its tool calls in another order, which ShareGPT cannot say")
        if not message.tool_calls:
            turns.append({"from": _SPEAKERS[message.role], "value": message.content})
        elif message.content:
            raise ValueError("has words beside a tool call, which ShareGPT cannot hold")
        else:
            calls = [_sharegpt_call(call) for call in message.tool_calls]
            value = calls[0] if len(calls) == 1 else f"[{','.join(calls)}]"
            turns.append({"from": "function_call", "value": value})
    return {"conversations": turns} | ({"tools": _list_text(record.tools)} if record.tools else {})


def _sharegpt_call(call: ToolCall) -> str:
    identity = {} if call.id is None else {"id": call.id}
    arguments = _loaded(call.arguments)
    if arguments is None or (isinstance(arguments, str) and arguments != call.arguments):
        raise ValueError("calls a tool with a text or with null in place of arguments, which ShareGPT cannot hold")
    return json_text.dumps({"name": call.name, "arguments": arguments, **identity})


def _without_counted_ids(messages: tuple[Message, ...]) -> list[Message]:
    """Messages without the ids that reading them back would give them again, see `schemas.record`."""
    waiting: list[str | None] = []
    calls = 0
    bare = []
    for message in messages:
        if message.tool_calls:
            kept = []
            for call in message.tool_calls:
                calls += 1
                waiting.append(call.id)
                kept.append(call.model_copy(update={"id": None}) if call.id == f"call_{calls}" else call)
            message = message.model_copy(update={"tool_calls": tuple(kept)})
        elif message.tool_call_id is not None and waiting and message.tool_call_id == waiting[0]:
            waiting.pop(0)
            message = message.model_copy(update={"tool_call_id": None})
        bare.append(message)
    return bare


def _refuse_pair(record: Record) -> None:
    if record.alternative is not None or record.rejected:
        raise ValueError("has two responses, which only preference, parquet, hf, csv and xlsx hold")
    if record.desirable is not None:
        raise ValueError("has a verdict on its response, which only kto, parquet, hf, csv and xlsx hold")


def _refuse_other_training(record: Record) -> None:
    """Check that the last message alone carries loss, which is what a format without switches says."""
    trained = [n for n, message in enumerate(record.messages) if message.train]
    if trained != [len(record.messages) - 1]:
        raise ValueError("trains on other turns than its last one, which this format cannot say")


def _trl_messages(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """Messages as chat templates read them: arguments are an object where they are one."""
    return [_message(message, arguments=_raw_or_text, empty="") for message in messages]


def _trl_tools(record: Record) -> dict[str, str]:
    """`tools` as JSON text, which TRL parses; a column of objects would get the union of all their keys."""
    return {"tools": _list_text(record.tools)} if record.tools else {}


def _openai_message(message: Message) -> dict[str, Any]:
    return _message(message, arguments=str, empty=None)


def _message(message: Message, *, arguments: Callable[[str], Any], empty: str | None) -> dict[str, Any]:
    value: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.name is not None:
        value["name"] = message.name
    if message.tool_calls:
        value["content"] = message.content or empty
        value["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": arguments(call.arguments)},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        value["tool_call_id"] = message.tool_call_id
    return value


def _raw(text: str) -> orjson.Fragment:
    """JSON text to be written as it is, its numbers unchanged."""
    return orjson.Fragment(text)


def _raw_or_text(arguments: str) -> Any:
    return _raw(arguments) if isinstance(_loaded(arguments), dict) else arguments


def _loaded(arguments: str) -> Any:
    try:
        return json_text.loads(arguments)
    except ValueError:
        return arguments


def _list_text(definitions: tuple[str, ...]) -> str:
    return f"[{','.join(definitions)}]"


SHAPES: dict[ExportFormat, Shape] = {
    ExportFormat.TRL: _trl,
    ExportFormat.TRL_CHAT: _trl_chat,
    ExportFormat.PREFERENCE: _preference,
    ExportFormat.KTO: _kto,
    ExportFormat.OPENAI: _openai,
    ExportFormat.ALPACA: _alpaca,
    ExportFormat.SHAREGPT: _sharegpt,
}
"""The formats that are JSON lines."""
TEXT_TOOLS = {ExportFormat.TRL_CHAT, ExportFormat.PREFERENCE, ExportFormat.KTO, ExportFormat.SHAREGPT}
"""Formats whose `tools` are JSON text; the text `null` stands for none, so that the column is text in every row."""
