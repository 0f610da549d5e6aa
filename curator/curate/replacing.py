"""Replacing text in records: by a pattern, or personal data by its kind. It knows no store.

A pattern may need a time that doubles with every character (`(a+)+$`), so every text has its limit, and a pattern that
reaches it again and again is given up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import regex
from pydantic import ValidationError

from curator.errors import CurationError
from curator.quality.personal_data import mask_personal_data
from schemas import json_text
from schemas.act import Mask, Replace
from schemas.record import Message, Record

_SECONDS = 0.25
"""For one text."""
_TOO_SLOW = 20
"""So many texts may be too slow before a pattern is given up."""


class TooSlowError(Exception):
    """A pattern needs too long for a text."""


class UnusableError(Exception):
    """What would come out is not a record, or has no response left."""


class Rewriter:
    """Rewrites the texts of records as one act says."""

    def __init__(self, act: Replace | Mask) -> None:
        """Read the pattern.

        Raises:
            CurationError: The pattern, or what stands in its place, cannot be read.
        """
        self._act = act
        self._rewrite: Callable[[str], str] = _replacement(act) if isinstance(act, Replace) else self._mask
        self._slow = 0

    def rewritten(self, record: Record) -> Record | None:
        """A record with its texts rewritten; None where nothing changes.

        Raises:
            TooSlowError: The pattern needs too long for one of its texts.
            UnusableError: No response would be left, or the result could not be stored.
            CurationError: The pattern was too slow too often.
        """
        try:
            changes = self._changes(record)
        except TimeoutError as error:
            self._slow += 1
            if self._slow >= _TOO_SLOW:
                raise CurationError(
                    f"The pattern needs more than {_SECONDS:g} s for each of {_TOO_SLOW} texts.",
                    hint="Write it without a repetition inside a repetition, such as (a+)+, or name less in one go.",
                ) from error
            raise TooSlowError from error
        if not changes:
            return None
        try:
            changed = Record.model_validate({**{name: getattr(record, name) for name in _KEPT}, **changes})
        except ValidationError as error:
            raise UnusableError from error
        if record.response.strip() and not changed.response.strip():
            raise UnusableError
        return changed.model_copy(update={"original": record.original, "also": record.also})

    def _changes(self, record: Record) -> dict[str, Any]:
        """What differs, by the name of the field."""
        changes: dict[str, Any] = {}
        for name in ("messages", "rejected"):
            before: tuple[Message, ...] = getattr(record, name)
            after = tuple(self._message(each) for each in before)
            if after != before:
                changes[name] = after
        if record.alternative is not None and self._rewrite(record.alternative) != record.alternative:
            changes["alternative"] = self._rewrite(record.alternative)
        return changes

    def _message(self, message: Message) -> Message:
        if isinstance(self._act, Replace) and self._act.where == "responses" and message.role != "assistant":
            return message
        changes: dict[str, Any] = {"content": self._rewrite(message.content)}
        if isinstance(self._act, Mask):
            calls = tuple(
                call.model_copy(update={"arguments": self._arguments(call.arguments)}) for call in message.tool_calls
            )
            changes["tool_calls"] = calls
        return message.model_copy(update=changes)

    def _arguments(self, text: str) -> str:
        """Arguments with what is masked in them; a number that is masked becomes a text, so that they stay JSON."""
        try:
            return json_text.dumps(self._values(json_text.loads(text)))
        except ValueError:
            return self._rewrite(text)

    def _values(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._values(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._values(each) for each in value]
        if isinstance(value, str):
            return self._rewrite(value)
        if isinstance(value, bool) or value is None:
            return value
        masked = self._rewrite(str(value))
        return value if masked == str(value) else masked

    def _mask(self, text: str) -> str:
        assert isinstance(self._act, Mask)
        return mask_personal_data(text, region=self._act.region)


_KEPT = tuple(name for name in Record.model_fields if name not in ("original", "also"))


def _replacement(act: Replace) -> Callable[[str], str]:
    flags = regex.IGNORECASE if act.ignores_case else 0
    try:
        pattern = regex.compile(regex.escape(act.pattern) if act.is_plain else act.pattern, flags)
        pattern.sub(act.by if not act.is_plain else "", "", timeout=_SECONDS)
    except (regex.error, IndexError) as error:
        raise CurationError(
            f"The pattern {act.pattern!r} cannot be read: {error}.", hint="Mend it, or have it taken as plain text."
        ) from error
    except TimeoutError:
        pass
    by: Any = (lambda _match: act.by) if act.is_plain else act.by

    def rewrite(text: str) -> str:
        try:
            return str(pattern.sub(by, text, timeout=_SECONDS))
        except (regex.error, IndexError) as error:
            raise CurationError(
                f"{act.by!r} names a group that {act.pattern!r} does not have: {error}.",
                hint="Number groups by their opening brackets, from \\1.",
            ) from error

    return rewrite
