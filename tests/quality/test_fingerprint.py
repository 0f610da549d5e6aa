"""Hashes of content: what changes them, and what must not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from curator.quality.fingerprint import canonical_bytes, content_hash, prompt_hash
from schemas.record import Message, Origin, Record

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=20)
MESSAGES = st.lists(
    st.builds(Message, role=st.sampled_from(["system", "user", "assistant", "tool"]), content=TEXT), max_size=4
)


def record(instruction: str, response: str, **extra: object) -> Record:
    messages = (Message(role="user", content=instruction), Message(role="assistant", content=response))
    return Record(messages=messages, origin=Origin(source="a.jsonl"), **extra)


def test_the_hash_of_a_known_record_never_changes() -> None:
    """A stored version is named by these bytes: a change here would orphan every version that exists."""
    assert content_hash(record("Hi", "Hello")) == ("de1c80970046953b0f9e66f4dc8d17450b899d5cfe5caee28e03e2b28d327e9b")


def test_metadata_is_not_content() -> None:
    assert content_hash(record("a", "b", licence="MIT", group="g")) == content_hash(record("a", "b"))


def test_white_space_is_content() -> None:
    assert content_hash(record("a", "b ")) != content_hash(record("a", "b"))


@given(MESSAGES, MESSAGES)
def test_different_conversations_have_different_bytes(one: list[Message], other: list[Message]) -> None:
    assert (canonical_bytes(one) == canonical_bytes(other)) == (one == other)


def test_a_test_prompt_is_found_whatever_its_case_and_spacing() -> None:
    assert prompt_hash("What  is\nred?") == prompt_hash(" what is RED? ")
    assert prompt_hash("What is red?") != prompt_hash("What is blue?")
