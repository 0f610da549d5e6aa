"""Warnings about a response that is about to be submitted: likely slips, which never block."""

from __future__ import annotations

import re
from collections.abc import Callable

from schemas.record import Record

_PLACEHOLDER = re.compile(r"\b(TODO|FIXME|XXX|lorem ipsum)\b|\[(insert|your|name|placeholder)[^\]]*\]", re.IGNORECASE)
_ASSISTANT = re.compile(r"\bas an ai( language)? model\b", re.IGNORECASE)


def likely_slips(record: Record, response: str) -> list[str]:
    """One sentence per likely slip in a response to a record's last instruction."""
    return [text for text, is_found in _RULES if is_found(record, response)]


def _is_copy(record: Record, response: str) -> bool:
    return bool(response.strip()) and response.strip() == record.instruction.strip()


_RULES: tuple[tuple[str, Callable[[Record, str], bool]], ...] = (
    ("A code fence is opened and not closed.", lambda _record, text: text.count("```") % 2 == 1),
    ("A placeholder was left in the text.", lambda _record, text: bool(_PLACEHOLDER.search(text))),
    ("The response repeats the instruction.", _is_copy),
    ("The text speaks of itself as an AI model.", lambda _record, text: bool(_ASSISTANT.search(text))),
)
