"""Likely slips are told while a response is typed, by the rules that records are asked as well."""

from __future__ import annotations

import pytest

from curator.quality.slips import likely_slips
from tests.conftest import make_record

QUESTION = "What is the tallest tree in the world?"


@pytest.mark.parametrize(
    ("response", "slips"),
    [
        ("A redwood.", []),
        ("", []),
        ("```\nnot closed", ["A code fence is opened and not closed."]),
        ("It is called [insert name].", ["A placeholder was left in the text."]),
        (f" {QUESTION}\n", ["The response repeats the instruction."]),
        ("As an AI model, I have seen none.", ["The text speaks of itself as an AI model."]),
        ("typed \x00 and \ud800 so far", []),
    ],
)
def test_a_slip_is_told_in_a_sentence(response: str, slips: list[str]) -> None:
    assert likely_slips(make_record(QUESTION, "As it came."), response) == slips


def test_a_response_that_is_to_be_avoided_is_looked_at_as_well() -> None:
    record = make_record(QUESTION, "As it came.", desirable=False)
    assert likely_slips(record, "```\nopen") == ["A code fence is opened and not closed."]
