"""A record: what its source left open is settled the same way, and what contradicts itself is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from curator.quality.units import units_of
from schemas import json_text
from schemas.record import Message, Origin, Record, ToolCall
from tests.conftest import make_record

SYSTEM, ASK = Message(role="system", content="Be brief."), Message(role="user", content="Rain?")


def says(text: str) -> Message:
    return Message(role="assistant", content=text)


def calls(*names: str) -> Message:
    return Message(role="assistant", tool_calls=tuple(ToolCall(name=name, arguments="{}") for name in names))


def test_numbers_keep_their_writing_in_tools_and_arguments() -> None:
    definition = '{ "name": "f", "least": -0.0, "ids": [1180591620717411303424], "most": 1e400, "b": 1, "a": 1.10 }'
    [tool] = make_record(tools=(definition,)).tools
    assert tool == '{"name":"f","least":-0.0,"ids":[1180591620717411303424],"most":1e400,"b":1,"a":1.10}'
    assert ToolCall(name="f", arguments='{"n": -0, "t": "\\u00e9"}').arguments == '{"n":-0,"t":"é"}'
    assert make_record(tools=(json_text.loads(definition),)).tools == (tool,)


def test_arguments_that_are_not_json_stay_as_they_came() -> None:
    for text in ("", "{oops", "plain  text", '{"a": 1, "a": 2}', "NaN", "[" * 100_000):
        assert ToolCall(name="f", arguments=text).arguments == text


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(_JSON)
def test_json_text_is_the_same_after_reading_and_writing_it_again(value: object) -> None:
    text = json_text.dumps(value)
    assert json_text.dumps(json_text.loads(text)) == text


@pytest.mark.parametrize("tool", ["[]", "{", '{"a": NaN}', '{"a": 1, "a": 2}', '{"a": "\\ud800"}', '{"a":' * 50_000])
def test_a_tool_definition_that_is_not_an_object_is_refused(tool: str) -> None:
    with pytest.raises(ValidationError):
        make_record(tools=(tool,))


def test_calls_without_ids_are_numbered_and_answered_in_order() -> None:
    rain, snow = Message(role="tool", content="rain"), Message(role="tool", content="snow")
    talk = (ASK, calls("a", "b"), rain, snow, calls("c"), rain, says("Both."))
    record = Record(messages=talk, origin=Origin(source="x"))
    assert [[call.id for call in message.tool_calls] for message in record.messages if message.tool_calls] == [
        ["call_1", "call_2"],
        ["call_3"],
    ]
    assert [message.tool_call_id for message in record.messages if message.role == "tool"] == [
        "call_1",
        "call_2",
        "call_3",
    ]
    assert Record.model_validate(record.model_dump(mode="json")) == record


def test_a_pair_parts_where_its_sides_first_differ() -> None:
    chosen = (calls("weather"), Message(role="tool", content="rain"), says("It rains."))
    rejected = (calls("weather"), Message(role="tool", content="rain"), says("Sunny!"))
    late = Record(messages=(ASK, *chosen), rejected=rejected, prompt_length=1, origin=Origin(source="x"))
    assert (late.prompt_length, [message.content for message in late.rejected]) == (3, ["Sunny!"])
    assert [message.content for message in late.chosen] == ["It rains."]
    assert late == Record(messages=late.messages, rejected=(says("Sunny!"),), origin=Origin(source="x"))
    assert not any(message.train for message in late.rejected)


@pytest.mark.parametrize(
    ("worse", "more"),
    [
        ((says("A colour."),), {}),
        ((says("No."),), {"desirable": True}),
        ((says("No."),), {"prompt_length": 0}),
        ((says("No."),), {"prompt_length": 2}),
        ((), {"prompt_length": 1}),
    ],
)
def test_a_pair_that_contradicts_itself_is_refused(worse: tuple[Message, ...], more: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        make_record(rejected=worse, **more)


def test_a_response_to_avoid_never_carries_loss() -> None:
    assert not any(message.train for message in make_record(desirable=False).messages)
    assert make_record(desirable=True).messages[-1].train
    with pytest.raises(ValidationError, match="to be avoided cannot carry loss"):
        messages = (ASK, Message(role="assistant", content="No.", train=True))
        Record(messages=messages, desirable=False, origin=Origin(source="x"))


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "a", "tool_calls": [{"name": "f"}]},
        {"role": "assistant", "content": "a", "tool_call_id": "1"},
        {"role": "developer", "content": "a", "train": True},
        {"role": "narrator", "content": "a"},
    ],
)
def test_a_message_does_only_what_its_role_may(message: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Message.model_validate(message)


@pytest.mark.parametrize("original", [b"\xff", b"a\x00b"])
def test_an_original_that_cannot_be_stored_is_refused(original: bytes) -> None:
    with pytest.raises(ValidationError):
        make_record(original=original)


def test_groups_of_every_arrival_tie_a_record() -> None:
    again = {"origin": {"source": "b.jsonl", "line": 2}, "group": "b", "licence": "MIT"}
    record = make_record(group="c", also=(again,))
    assert record.groups == ("b", "c")
    assert [arrival.origin.source for arrival in record.arrivals] == ["made.jsonl", "b.jsonl"]


def test_records_that_ask_the_same_or_share_a_group_are_one_unit() -> None:
    first = Record(messages=(SYSTEM, ASK, says("Yes.")), origin=Origin(source="a.jsonl"))
    shouted = first.model_copy(update={"messages": (Message(role="user", content="Please: RAIN"), says("No."))})
    other = first.model_copy(update={"messages": (Message(role="user", content="Snow?"), says("Maybe."))})
    one, two, three = units_of([first, shouted.model_copy(update={"group": "kim"}), other])
    assert one == two != three
    joined = units_of([first, shouted.model_copy(update={"group": "kim"}), other.model_copy(update={"group": "kim"})])
    assert len(set(joined)) == 1
