"""Preference pairs: two responses to one prompt, the first of them the better.

    prompt + chosen + rejected           each a text or a list of messages (TRL)
    chosen + rejected                    whole conversations that begin alike: messages, or dialogue text (hh-rlhf)
    conversations + chosen + rejected    one turn each (ShareGPT of LLaMA-Factory); so with messages
    instruction + chosen + rejected      Alpaca's fields

What both sides begin with is the prompt.
"""

from __future__ import annotations

import re

from curator.ingest.shapes.base import Content, Fields, RowError, Shape, message, shown, text_of, tools_of, with_system
from curator.ingest.shapes.chat import messages_of, refuse_media
from curator.ingest.shapes.instruction import alpaca_prompt, details_field
from curator.ingest.shapes.sharegpt import turn_of, turns_of
from schemas.record import Message

_SPEAKER = re.compile(r"\n\n(Human|Assistant): ?")
_DIALOGUE = "\n\nHuman:"


def _read(fields: Fields) -> Content:
    refuse_media(fields)
    prompt = _prompt(fields)
    chosen, rejected = (with_system(fields, _side(fields, name, prompt)) for name in ("chosen", "rejected"))
    shared = 0
    while shared < min(len(chosen), len(rejected)) and chosen[shared] == rejected[shared]:
        shared += 1
    if shared == len(chosen) == len(rejected):
        raise RowError(fields.column("rejected"), "no-difference", "The chosen and the rejected response are the same.")
    if shared == 0:
        raise RowError(fields.column("chosen"), "no-prompt", "Chosen and rejected do not begin with the same prompt.")
    if shared in (len(chosen), len(rejected)):
        raise RowError(fields.column("chosen"), "no-difference", "One side is only the beginning of the other.")
    if "prompt_length" in fields.values and isinstance(fields.values["prompt_length"], int):
        shared = min(shared, max(1, fields.values["prompt_length"]))
    return Content(chosen, tools_of(fields), rejected[shared:], shared)


def _prompt(fields: Fields) -> list[Message]:
    """What both responses answer to; empty where it stands inside chosen and rejected."""
    if fields.is_mapped("instruction"):
        return _instruction(fields)
    if fields.has("conversations"):
        return turns_of(fields.get("conversations"), fields.column("conversations"), fields.tags)
    if fields.has("messages"):
        return messages_of(fields.get("messages"), fields.column("messages"))
    if fields.has("prompt"):
        return _prompt_of(fields, "prompt")
    return _instruction(fields) if fields.has("instruction") else []


def _prompt_of(fields: Fields, field: str) -> list[Message]:
    value, column = fields.required(field), fields.column(field)
    if isinstance(value, list):
        return messages_of(value, column)
    text = text_of(value, column)
    if text.startswith(_DIALOGUE):
        return _dialogue(text, column, is_prompt=True)
    return [message(column, role="user", content=text)]


def _instruction(fields: Fields) -> list[Message]:
    """The prompt in Alpaca's fields, or in the column that the mapping names."""
    has_more = fields.has(details_field(fields)) or fields.has("history")
    is_alpaca = has_more and not isinstance(fields.get("instruction"), list)
    return alpaca_prompt(fields) if is_alpaca else _prompt_of(fields, "instruction")


def _side(fields: Fields, name: str, prompt: list[Message]) -> list[Message]:
    """The prompt with one of the two responses; a side that holds the prompt itself is taken as it is."""
    value, column = fields.required(name), fields.column(name)
    if isinstance(value, dict):
        return [*prompt, turn_of(value, column, fields.tags)]
    if isinstance(value, list):
        messages = messages_of(value, column)
        if not any(each.role == "user" for each in messages):
            return [*prompt, *messages]
        _refuse_other_prompt(column, prompt, messages)
        return messages
    text = text_of(value, column)
    if text.startswith(_DIALOGUE):
        turns = _dialogue(text, column)
        _refuse_other_prompt(column, prompt, turns)
        return turns
    if not prompt:
        problem = f"Field {column} holds {shown(value)} and there is not a prompt that it would answer."
        raise RowError(column, "no-prompt", problem)
    return [*prompt, message(column, role="assistant", content=text)]


def _refuse_other_prompt(column: str, prompt: list[Message], side: list[Message]) -> None:
    """Check that a side which holds its own prompt holds the one beside it, but for white space."""
    asked = {"".join(each.content.split()) for each in side if each.role == "user"}
    for each in prompt:
        if each.role == "user" and "".join(each.content.split()) not in asked:
            problem = f"The prompt of the row, {shown(each.content)}, is not the one that {column} answers."
            raise RowError(column, "other-prompt", problem)


def _dialogue(text: str, place: str, *, is_prompt: bool = False) -> list[Message]:
    """The turns of a dialogue whose speakers are named in the text; one blank after a name belongs to the name."""
    parts = _SPEAKER.split(text)[1:]
    turns = list(zip(parts[::2], parts[1::2], strict=True))
    if is_prompt and turns and turns[-1] == ("Assistant", ""):
        turns.pop()  # the place where the response begins
    roles = {"Human": "user", "Assistant": "assistant"}
    return [message(place, role=roles[speaker], content=text) for speaker, text in turns]


SHAPE = Shape(
    {"instruction": "instruction", "response": "chosen", "rejected": "rejected"},
    lambda fields: fields.has_columns("chosen", "rejected"),
    _read,
)
