"""KTO: a conversation with a truth value beside it, which says whether its response is one to learn or one to avoid.

The value stands in `label` (TRL) or `kto_tag` (LLaMA-Factory), the conversation in any shape that is not a pair. It is
a truth value, its word, or 0 and 1, as a table writes it.
"""

from __future__ import annotations

import re
from typing import Any

from curator.ingest.shapes import chat, instruction, sharegpt
from curator.ingest.shapes.base import Content, Fields, RowError, Shape, shown

_WORDS = {"true": True, "false": False}
_TRUTH = _WORDS | {"1": True, "0": False, "1.0": True, "0.0": False}
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
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
    return _TRUTH.get(str(value).lower()) if isinstance(value, bool | int | float | str) else None


def is_verdict(fields: Fields) -> bool:
    """Whether a row says true or false in so many words, or has LLaMA-Factory's column for it."""
    field = _verdict_field(fields)
    value = fields.get(field)
    return field == "kto_tag" or isinstance(value, bool) or (isinstance(value, str) and value.lower() in _WORDS)


def is_class(fields: Fields) -> bool:
    """Whether a row has a number in `label` that is not a verdict: 0 and 1 of other rows are then classes as well."""
    value = fields.get("label")
    if isinstance(value, str):
        return _NUMBER.fullmatch(value) is not None and _truth(value) is None
    return isinstance(value, int | float) and value not in (0, 1)


def _fits(fields: Fields) -> bool:
    field = _verdict_field(fields)
    says_so = field == "kto_tag" or _truth(fields.get(field)) is not None
    return says_so and _conversation(fields) is not None


SHAPE = Shape({"instruction": "instruction", "response": "response"}, _fits, _read)
