"""Warnings about a response that is about to be submitted: likely slips, which never block.

They are some of the rules on records, asked about the last turn alone and told in the words of the labelling screen.
"""

from __future__ import annotations

from curator.quality.rules import SHIPPED, check
from schemas.record import Message, Record, Role

_TOLD = {
    "unbalanced-fence": "A code fence is opened and not closed.",
    "gap-in-response": "A placeholder was left in the text.",
    "copied-prompt": "The response repeats the instruction.",
    "speaks-as-model": "The text speaks of itself as an AI model.",
}
_RULES = tuple(rule for rule in SHIPPED if rule.name in _TOLD)


def likely_slips(record: Record, response: str) -> list[str]:
    """One sentence per likely slip in a response to a record's last instruction."""
    turn = record.model_copy(
        update={"messages": (_unchecked("user", record.instruction), _unchecked("assistant", response))}
    )
    hits = {hit.rule for hit in check(turn, _RULES).hits}
    return [sentence for rule, sentence in _TOLD.items() if rule in hits]


def _unchecked(role: Role, content: str) -> Message:
    """A turn whose text is still being typed, and may hold what no record can."""
    return Message.model_construct(role=role, content=content, train=role == "assistant")
