"""The card of a record: what a model sees of it, calls of tools included, as text and never as markup."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from schemas.record import Message, Origin, Record, ToolCall


def draw() -> None:
    from app.components import record_card
    from schemas.record import Record
    from tests.app.test_record_card import TALK

    record_card.show_context(Record.model_validate_json(TALK))


TALK = Record(
    messages=(
        Message(role="developer", content="Be kind."),
        Message(role="user", content="Rain?"),
        Message(role="assistant", tool_calls=(ToolCall(name="*weather*", arguments='{"cold": -0.0}', id="abc"),)),
        Message(role="tool", content="rain", tool_call_id="abc"),
        Message(role="assistant", content="It rains."),
    ),
    tools=('{"name":"weather"}',),
    origin=Origin(source="x"),
).model_dump_json()


def test_a_call_is_a_card_with_its_name_and_its_arguments() -> None:
    app = AppTest.from_function(draw).run()
    assert not app.exception
    captions = [each.value for each in app.caption]
    assert captions == [
        "Developer",
        "User",
        "Assistant",
        r":material/build: Calls **\*weather\*** (abc)",
        "Tool, answers abc",
    ]
    assert [each.value for each in app.code] == ['{"name":"weather"}', '{"cold":-0.0}']
    assert "(empty)" not in [each.value for each in app.text]
