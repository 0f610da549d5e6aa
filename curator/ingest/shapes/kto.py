"""KTO: a conversation with a truth value beside it, which says whether its response is one to learn or one to avoid.

The value stands in `label` (TRL) or `kto_tag` (LLaMA-Factory), the conversation in any shape that is not a pair.
"""

from __future__ import annotations

from typing import Any

from curator.ingest.shapes import chat, instruction, sharegpt
from curator.ingest.shapes.base import Content, Fields, RowError, Shape, shown

_TRUTH = {"true": True, "false": False}
_OTHERS = (instruction.PROMPT_COMPLETION, instruction.ALPACA, sharegpt.SHAPE, chat.SHAPE)


def _read(fields: Fields) -> Content:
    shape = _conversation(fields)
    if shape is None:
        raise RowError("prompt", "missing-field", "There is not a conversation beside the verdict.")
    field = _verdict_field(fields)
    verdict = _truth(fields.required(field))
    if verdict is None:
        column = fields.column(field)
        raise RowError(column, "wrong-type", f"Field {column} holds {shown(fields.get(field))}, not true or false.")
    return shape.read(fields)._replace(desirable=verdict)


def _conversation(fields: Fields) -> Shape | None:
    return next((shape for shape in _OTHERS if shape.fits(fields)), None)


def _verdict_field(fields: Fields) -> str:
    return "kto_tag" if fields.get("kto_tag") is not None and not fields.is_mapped("label") else "label"


def _truth(value: Any) -> bool | None:
    """Whether a value says true or false; a table of text has the words."""
    return value if isinstance(value, bool) else _TRUTH.get(value.lower()) if isinstance(value, str) else None


def _fits(fields: Fields) -> bool:
    return _truth(fields.get(_verdict_field(fields))) is not None and _conversation(fields) is not None


SHAPE = Shape({"instruction": "instruction", "response": "response"}, _fits, _read)
