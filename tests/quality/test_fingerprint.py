"""Hashes of content: what changes them, and what must not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from curator.quality.fingerprint import canonical_bytes, content_bytes, content_hash, prompt_hash, row_id
from schemas.record import Message, Origin, Record, ToolCall

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=20)
CALLS = st.lists(st.builds(ToolCall, name=TEXT, arguments=TEXT, id=st.none() | TEXT), max_size=2).map(tuple)
MESSAGE = st.one_of(
    st.builds(Message, role=st.sampled_from(["system", "developer", "user"]), content=TEXT, name=st.none() | TEXT),
    st.builds(Message, role=st.just("assistant"), content=TEXT, train=st.booleans(), tool_calls=CALLS),
    st.builds(Message, role=st.just("tool"), content=TEXT, tool_call_id=st.none() | TEXT, name=st.none() | TEXT),
)
MESSAGES = st.lists(MESSAGE, max_size=4)
ASK = Message(role="user", content="a")
ANSWER = Message(role="assistant", content="b")


def record(instruction: str, response: str, **extra: object) -> Record:
    messages = (Message(role="user", content=instruction), Message(role="assistant", content=response))
    return Record(messages=messages, origin=Origin(source="a.jsonl"), **extra)


def test_the_hash_of_a_known_record_never_changes() -> None:
    """A stored version is named by these bytes: a change here would orphan every version that exists."""
    assert content_hash(record("Hi", "Hello")) == ("de1c80970046953b0f9e66f4dc8d17450b899d5cfe5caee28e03e2b28d327e9b")
    assert row_id(content_hash(record("Hi", "Hello"))) == "de1c80970046953b0f9e66f4dc8d1745"


def test_what_is_known_about_a_record_is_not_content() -> None:
    known = {"licence": "MIT", "language": "en", "group": "g", "labels": {"a": "b"}, "original": b"{}"}
    assert content_hash(record("a", "b", **known)) == content_hash(record("a", "b"))


def test_white_space_is_content() -> None:
    assert content_hash(record("a", "b ")) != content_hash(record("a", "b"))


def test_everything_that_a_model_can_see_is_content() -> None:
    worse = (Message(role="assistant", content="c"),)
    tool = '{"name": "f"}'
    called = ToolCall(name="f", arguments="{}")
    different = [
        record("a", "b"),
        record("a", "b", tools=(tool,)),
        record("a", "b", tools=(tool, tool)),
        record("a", "b", rejected=worse),
        record("a", "b", alternative="c"),
        record("a", "b", desirable=True),
        record("a", "b", desirable=False),
        record("a", "b").model_copy(update={"messages": (ASK.model_copy(update={"name": "Ada"}), ANSWER)}),
        Record(messages=(ASK, ANSWER.model_copy(update={"tool_calls": (called,)})), origin=Origin(source="x")),
        Record(messages=(ASK, ANSWER.model_copy(update={"tool_calls": (called, called)})), origin=Origin(source="x")),
        Record(messages=(Message(role="developer", content="a"), ASK, ANSWER), origin=Origin(source="x")),
    ]
    assert len({content_bytes(each) for each in different}) == len(different)


@given(MESSAGES, MESSAGES)
def test_different_conversations_have_different_bytes(one: list[Message], other: list[Message]) -> None:
    silent = [[message.trains(bool(message.train)) for message in each] for each in (one, other)]
    assert (canonical_bytes(one) == canonical_bytes(other)) == (silent[0] == silent[1])


def test_a_test_prompt_is_found_whatever_its_case_and_spacing() -> None:
    assert prompt_hash("What  is\nred?") == prompt_hash(" what is RED? ")
    assert prompt_hash("What is red?") != prompt_hash("What is blue?")
