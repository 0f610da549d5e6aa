"""An instruction with its response: Alpaca's fields, or prompt and completion.

Alpaca: `instruction`, `output`, optionally `input`, `system`, `history`. Prompt and completion are texts or lists of
messages.
"""

from __future__ import annotations

from typing import Any

from curator.ingest.shapes.base import (
    Content,
    Fields,
    RowError,
    Shape,
    list_of,
    message,
    system_of,
    text_of,
    tools_of,
)
from curator.ingest.shapes.chat import messages_of, refuse_media
from schemas.record import Message


def _alpaca(fields: Fields) -> Content:
    return Content(alpaca_messages(fields, _response_field(fields, "output")), tools_of(fields))


def alpaca_messages(fields: Fields, response_field: str) -> list[Message]:
    """System, history, instruction and response of a row in Alpaca's fields."""
    refuse_media(fields)
    instruction, details = fields.text("instruction"), fields.optional_text("input")
    response = fields.text(response_field)
    messages = system_of(fields)
    for n, pair in enumerate(list_of(fields.get("history") or [], fields.column("history"))):
        field = f"{fields.column('history')}[{n}]"
        turns = list_of(pair, field)
        if len(turns) != 2:
            raise RowError(field, "wrong-type", f"{field} holds {len(turns)} texts, not an instruction and a response.")
        messages.append(message(field, role="user", content=text_of(turns[0], field)))
        messages.append(message(field, role="assistant", content=text_of(turns[1], field)))
    column = fields.column("instruction")
    if not instruction.strip():
        raise RowError(column, "empty-instruction", "The instruction is empty.")
    messages.append(message(column, role="user", content=f"{instruction}\n{details}" if details else instruction))
    messages.append(message(fields.column(response_field), role="assistant", content=response))
    return messages


def _prompt_completion(fields: Fields) -> Content:
    refuse_media(fields)
    prompt = messages_or_text(fields.required("prompt"), fields.column("prompt"), role="user")
    field = _response_field(fields, "completion")
    completion = messages_or_text(fields.required(field), fields.column(field), role="assistant")
    system = [] if prompt and prompt[0].role == "system" else system_of(fields)
    return Content([*system, *prompt, *completion], tools_of(fields))


def messages_or_text(value: Any, field: str, *, role: str) -> list[Message]:
    """The messages of a field that holds a text of one role, or messages."""
    if isinstance(value, list):
        return messages_of(value, field)
    return [message(field, role=role, content=text_of(value, field))]


def _response_field(fields: Fields, own: str) -> str:
    """The field of the response: the shape's own, or `response`, the record's word for it."""
    return "response" if not fields.has_columns(own) and fields.has_columns("response") else own


def _fits_alpaca(fields: Fields) -> bool:
    has_both = fields.has_columns("instruction", _response_field(fields, "output"))
    return has_both and not isinstance(fields.get("instruction"), list)


def _fits_pair(fields: Fields) -> bool:
    return fields.has_columns("prompt", _response_field(fields, "completion"))


ALPACA = Shape({"instruction": "instruction", "response": "output"}, _fits_alpaca, _alpaca)
PROMPT_COMPLETION = Shape({"instruction": "prompt", "response": "completion"}, _fits_pair, _prompt_completion)
