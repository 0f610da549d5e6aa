"""An instruction with its response: Alpaca's fields, or prompt and completion.

Alpaca: `instruction`, `output`, optionally `input` (Dolly calls it `context`), `system`, `history`. Prompt and
completion are texts or lists of messages.
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
    with_system,
)
from curator.ingest.shapes.chat import messages_of, refuse_media
from schemas.record import Message


def _alpaca(fields: Fields) -> Content:
    return Content(alpaca_messages(fields, _response_field(fields, "output")), tools_of(fields))


def alpaca_messages(fields: Fields, response_field: str) -> list[Message]:
    """System, history, instruction and response of a row in Alpaca's fields."""
    refuse_media(fields)
    fields.text("instruction")  # the first field that is named where both are missing
    response = fields.text(response_field)
    return [
        *alpaca_prompt(fields),
        message(fields.column(response_field), role="assistant", content=response),
    ]


def alpaca_prompt(fields: Fields) -> list[Message]:
    """System, history and instruction of a row in Alpaca's fields."""
    instruction, details = fields.text("instruction"), fields.optional_text(details_field(fields))
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
    return messages


def details_field(fields: Fields) -> str:
    """The field of what an instruction is about: Dolly calls it `context`, unless a mapping needs that column."""
    is_dolly = not fields.has_columns("input") and not fields.is_mapped("instruction")
    return "context" if is_dolly and not fields.is_taken("context") else "input"


def _prompt_completion(fields: Fields) -> Content:
    refuse_media(fields)
    prompt = messages_or_text(fields.required("prompt"), fields.column("prompt"), role="user")
    field = _response_field(fields, "completion")
    completion = messages_or_text(fields.required(field), fields.column(field), role="assistant")
    return Content([*with_system(fields, prompt), *completion], tools_of(fields))


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
