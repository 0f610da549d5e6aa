"""The firewall between test prompts and training data."""

from __future__ import annotations

from collections.abc import Collection

from curator.quality.fingerprint import prompt_hash
from schemas.record import Record


def holds_test_prompt(record: Record, test_prompts: Collection[str]) -> bool:
    """Whether a user message of a record is a test prompt.

    Args:
        record: The record.
        test_prompts: `prompt_hash` of every prompt of every suite.
    """
    return bool(test_prompts) and any(
        message.role == "user" and prompt_hash(message.content) in test_prompts for message in record.messages
    )
