"""The order of a conversation: the rules that every record keeps, whatever shape its row had."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from curator.ingest.shapes.base import Content, RowError
from schemas.record import Message, Record

_RULES = ("system", "developer")


def check(content: Content) -> None:
    """Check the conversation of a record, and of a pair the rejected one as well.

    Raises:
        RowError: A message stands where none of its role can stand, or is empty.
    """
    _check(content.messages)
    if content.rejected:
        _check([*content.messages[: content.prompt_length], *content.rejected])


def check_trains(record: Record) -> None:
    """Check that a record has a response to learn; one that is to be avoided never carries loss.

    Raises:
        RowError: Nothing would be trained.
    """
    if record.desirable is not False and not any(message.train for message in record.messages):
        raise RowError("", "no-response", "No response has weight 1, so nothing would be trained.")


def _check(messages: Sequence[Message]) -> None:
    roles = [message.role for message in messages]
    begins = next((n for n, role in enumerate(roles) if role not in _RULES), len(roles))
    talk = list(enumerate(roles))[begins:]
    if not talk:
        raise RowError("", "no-response", "There is no message from a user and none from an assistant.")
    late = next((role for role in roles[begins:] if role in _RULES), None)
    if late is not None:
        raise RowError("", "wrong-role-order", f"A {late} message stands after the beginning.")
    if talk[0][1] != "user":
        raise RowError("", "wrong-role-order", f"The conversation begins with {talk[0][1]}, not with a user.")
    for (_, before), (n, role) in itertools.pairwise(talk):
        if role == before and role != "tool":
            raise RowError("", "wrong-role-order", f"Messages {n} and {n + 1} both come from {role}.")
        if role == "tool" and before == "user":
            raise RowError("", "wrong-role-order", f"Message {n + 1} is a tool's answer that no call asked for.")
    if roles[-1] != "assistant":
        raise RowError("", "no-response", f"The conversation ends with {roles[-1]}, not with a response.")
    for message in messages:
        if message.role == "user" and not message.content.strip():
            raise RowError("", "empty-instruction", "An instruction is empty.")
        if message.role == "assistant" and not message.content.strip() and not message.tool_calls:
            raise RowError("", "empty-response", "A response is empty or only white space.")
