"""Shapes: every way in which a row holds a conversation becomes the record that a person would write down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.ingest.formats import read_record, recognise
from curator.ingest.opening import open_rows
from curator.ingest.readers.json_lines import parse_json
from curator.ingest.rows import Row, as_text
from curator.quality.fingerprint import content_hash
from schemas.importing import FieldMap, Format, RowIssue
from schemas.record import Message, Record, ToolCall

Columns = dict[str, str]


def checked(values: dict[str, Any], columns: Columns | None = None, tags: Columns | None = None) -> Record | RowIssue:
    row = Row(1, as_text(values), values)
    field_map = FieldMap(columns=columns or {}, tags=tags or {})
    return read_record(row, recognise([row], field_map), field_map, source="a.jsonl")


def record(values: dict[str, Any], columns: Columns | None = None, tags: Columns | None = None) -> Record:
    result = checked(values, columns, tags)
    assert isinstance(result, Record), result
    return result


def rule(values: dict[str, Any]) -> str:
    result = checked(values)
    assert isinstance(result, RowIssue), result
    return result.rule


def said(item: Record) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in item.messages]


ASKED = {"role": "user", "content": "Add 2 and 3."}
GOOD, BAD = {"role": "assistant", "content": "5"}, {"role": "assistant", "content": "6"}
HUMAN, GPT, GPT_BAD = (
    {"from": "human", "value": "Add 2 and 3."},
    {"from": "gpt", "value": "5"},
    {"from": "gpt", "value": "6"},
)
DIALOGUE = "\n\nHuman: Add 2 and 3.\n\nAssistant: "


@pytest.mark.parametrize(
    "values",
    [
        {"prompt": "Add 2 and 3.", "chosen": "5", "rejected": "6"},
        {"prompt": [ASKED], "chosen": [GOOD], "rejected": [BAD]},
        {"prompt": "Add 2 and 3.", "chosen": [ASKED, GOOD], "rejected": [ASKED, BAD]},
        {"chosen": [ASKED, GOOD], "rejected": [ASKED, BAD]},
        {"chosen": DIALOGUE + "5", "rejected": DIALOGUE + "6"},
        {"prompt": DIALOGUE, "chosen": "5", "rejected": "6"},
        {"conversations": [HUMAN], "chosen": GPT, "rejected": GPT_BAD},
        {"messages": [ASKED], "chosen": GOOD, "rejected": BAD},
        {"instruction": "Add", "input": "2 and 3.", "chosen": "5", "rejected": "6"},
    ],
)
def test_every_shape_of_a_pair_becomes_the_same_record(values: dict[str, Any]) -> None:
    pair = record(values)
    assert [message.content for message in pair.chosen] == ["5"]
    assert [message.content for message in pair.rejected] == ["6"]
    if "instruction" not in values:
        assert said(pair) == [("user", "Add 2 and 3."), ("assistant", "5")]
    assert checked(values | {"rejected": values["chosen"]}).rule == "no-difference"  # type: ignore[union-attr]


def test_a_dialogue_keeps_its_texts_to_the_blank() -> None:
    talk = "\n\nHuman:  Two blanks \n\nAssistant: Yes.\n\nHuman: And\n\nlines?\n\nAssistant:"
    pair = record({"chosen": talk + " Good. ", "rejected": talk + " Bad\n"})
    assert said(pair) == [
        ("user", " Two blanks "),
        ("assistant", "Yes."),
        ("user", "And\n\nlines?"),
        ("assistant", "Good. "),
    ]
    assert [message.content for message in pair.rejected] == ["Bad\n"]
    assert pair.prompt_length == 3


@pytest.mark.parametrize(
    ("values", "desirable"),
    [
        ({"prompt": "Add.", "completion": "5", "label": True}, True),
        ({"prompt": [ASKED], "completion": [BAD], "label": False}, False),
        ({"instruction": "Add.", "output": "6", "kto_tag": False}, False),
        ({"prompt": "Add.", "completion": "5", "label": "True"}, True),
    ],
)
def test_a_truth_value_beside_a_response_makes_it_one_to_learn_or_to_avoid(
    values: dict[str, Any], desirable: bool
) -> None:
    item = record(values)
    assert item.desirable is desirable
    assert item.messages[-1].train is desirable, "what is to be avoided carries no loss"


@pytest.mark.parametrize("verdict", ["kto_tag", "label"])
@pytest.mark.parametrize("written", [0, 0.0, "0"])
def test_a_response_to_avoid_is_not_trained_where_its_verdict_is_a_number(verdict: str, written: object) -> None:
    item = record({"prompt": "Add 2 and 3.", "completion": "6", verdict: written})
    assert item.desirable is False
    assert not any(message.train for message in item.messages)
    assert record({"prompt": "Add 2 and 3.", "completion": "5", verdict: 1}).desirable is True


@pytest.mark.parametrize("other", [2, "2", -1, 0.5])
def test_numbers_of_a_label_are_classes_where_one_is_neither_0_nor_1(other: object) -> None:
    labels: list[object] = [0, 1, 0, 1, other]
    rows = [Row(n, "", {"prompt": "Hi.", "completion": "Yes.", "label": label}) for n, label in enumerate(labels)]
    assert recognise(rows, FieldMap()) is Format.PROMPT_COMPLETION
    rows.append(Row(9, "", {"prompt": "Hi.", "completion": "Yes.", "label": False}))
    assert recognise(rows, FieldMap()) is Format.KTO


def test_a_tag_that_is_not_a_verdict_is_a_row_to_fix() -> None:
    assert rule({"prompt": "Add 2 and 3.", "completion": "6", "kto_tag": "bad"}) == "wrong-type"


SYSTEM = {"role": "system", "content": "Be brief."}


@pytest.mark.parametrize(
    "values",
    [
        {"messages": [ASKED, GOOD]},
        {"conversations": [HUMAN, GPT]},
        {"conversations": [ASKED, GOOD]},
        {"prompt": [ASKED], "completion": [GOOD]},
        {"prompt": [ASKED], "chosen": [GOOD], "rejected": [BAD]},
        {"messages": [ASKED], "chosen": [GOOD], "rejected": [BAD]},
        {"chosen": [ASKED, GOOD], "rejected": [ASKED, BAD]},
        {"chosen": DIALOGUE + "5", "rejected": DIALOGUE + "6"},
        {"instruction": "Add 2 and 3.", "input": "", "chosen": [GOOD], "rejected": [BAD]},
    ],
)
def test_a_system_message_in_a_field_of_its_own_is_part_of_every_shape(values: dict[str, Any]) -> None:
    expected = [("system", "Be brief."), ("user", "Add 2 and 3."), ("assistant", "5")]
    assert said(record({"system": "Be brief."} | values)) == expected


def test_two_system_messages_of_one_row_are_not_reduced_to_one_unseen() -> None:
    values = {"system": "Be kind.", "messages": [SYSTEM, ASKED, GOOD]}
    assert rule(values) == "two-systems"
    assert said(record(values | {"system": "Be brief."}))[0] == ("system", "Be brief.")
    assert said(record(values, {"system": "system"}))[0] == ("system", "Be kind.")


def test_turns_of_chat_under_the_name_of_sharegpt_keep_what_chat_keeps() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "add", "arguments": {"a": 2}}}
    turns = [
        {"role": "user", "content": "Add 2 and 3.", "name": "Kim"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "5", "tool_call_id": "c"},
        {"role": "assistant", "content": "It is 5.", "weight": 0},
        ASKED,
        GOOD,
    ]
    assert record({"conversations": turns}).messages == record({"messages": turns}).messages


@pytest.mark.parametrize("switch", [(("weight", 0), ("weight", 1)), (("train", False), ("train", True))])
def test_turns_of_sharegpt_carry_loss_as_they_say(switch: tuple[tuple[str, object], tuple[str, object]]) -> None:
    first, second = switch
    item = record({"conversations": [HUMAN, GPT | dict([first]), HUMAN, GPT | dict([second])]})
    assert [message.train for message in item.messages] == [False, False, False, True]
    item = record({"conversations": [HUMAN, GPT | dict([second]), HUMAN, GPT | dict([first])]})
    assert [message.train for message in item.messages] == [False, True, False, False]


def test_the_context_of_dolly_is_part_of_the_instruction() -> None:
    dolly = {"instruction": "Who won?", "context": "Ann beat Bob.", "response": "Ann.", "category": "closed_qa"}
    assert record(dolly).instruction == "Who won?\nAnn beat Bob."
    assert record(dolly | {"context": ""}).instruction == "Who won?"
    mapped = record(dolly, {"group": "context"})
    assert (mapped.instruction, mapped.group) == ("Who won?", "Ann beat Bob.")


def test_the_input_beside_a_pair_of_messages_is_part_of_the_instruction() -> None:
    item = record({"instruction": "Add.", "input": "2 and 3", "chosen": [GOOD], "rejected": [BAD]})
    assert item.instruction == "Add.\n2 and 3"


def test_tools_under_both_names_are_all_kept() -> None:
    add, subtract = {"type": "function", "function": {"name": "add"}}, {"name": "subtract"}
    item = record({"messages": [ASKED, GOOD], "tools": [add], "functions": [{"name": "add"}, subtract]})
    assert [json.loads(tool)["function"]["name"] for tool in item.tools] == ["add", "subtract"]


def test_tools_calls_and_their_ids_are_content() -> None:
    tools = [{"type": "function", "function": {"name": "sky", "parameters": {"type": "object", "properties": {}}}}]
    call = {"id": "c7", "type": "function", "function": {"name": "sky", "arguments": '{"day": 1}'}}
    talk = [
        {"role": "developer", "content": "Be brief."},
        ASKED,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c7", "content": "rain"},
        {"role": "assistant", "content": "Rain."},
    ]
    item = record({"messages": talk, "tools": tools})
    assert [message.role for message in item.messages] == ["developer", "user", "assistant", "tool", "assistant"]
    [made] = item.messages[2].tool_calls
    assert (made.id, made.name, made.arguments) == ("c7", "sky", '{"day":1}')
    assert item.messages[3].tool_call_id == "c7"
    assert len(item.tools) == 1
    assert content_hash(item) != content_hash(record({"messages": talk}))
    assert record({"messages": talk, "tools": json.dumps(tools)}).tools == item.tools


def test_shared_conversations_call_tools_as_chat_does() -> None:
    turns = [
        HUMAN,
        {"from": "function_call", "value": '[{"name": "a", "arguments": {"x": 1e400}}, {"name": "b"}]'},
        {"from": "observation", "value": "1"},
        {"from": "observation", "value": "2"},
        GPT,
    ]
    item = record({"conversations": turns, "system": "Be brief.", "tools": '[{"name": "a"}]'})
    calls = item.messages[2].tool_calls
    assert [(call.name, call.arguments, call.id) for call in calls] == [
        ("a", '{"x":1e400}', "call_1"),
        ("b", "", "call_2"),
    ]
    assert [message.tool_call_id for message in item.messages[3:5]] == ["call_1", "call_2"]
    assert item.messages[0].content == "Be brief."


def test_numbers_of_tools_are_kept_as_they_were_written() -> None:
    text = (
        '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": [{"name": "f", '
        '"arguments": {"big": 123456789012345678901234567890, "zero": -0.0}}]}]}'
    )
    item = read_record(Row(1, text, json.loads(text)), Format.CHAT, FieldMap(), source="a")
    assert isinstance(item, Record)
    assert item.messages[1].tool_calls[0].arguments == '{"big":123456789012345678901234567890,"zero":-0.0}'


def _of_text(text: str, columns: Columns | None = None) -> Record:
    row = parse_json(text, line=1)
    assert isinstance(row, Row)
    field_map = FieldMap(columns=columns or {})
    result = read_record(row, recognise([row], field_map), field_map, source="a.jsonl")
    assert isinstance(result, Record), result
    return result


NUMBERS = '{"big":1180591620717411303424,"exact":1.50,"zero":-0}'


def test_numbers_of_a_call_are_kept_behind_a_blank_and_from_a_mapped_column() -> None:
    call = f'{{"id":"x","function":{{"name":"f","arguments":{NUMBERS}}}}}'
    text = f'{{"messages":[{{"role":"user","content":"Q"}},{{"role":"assistant","tool_calls":[{call}]}}]}}'
    assert _of_text(" " + text).messages[-1].tool_calls[0].arguments == NUMBERS
    tools = f'{{"instruction":"Q","output":"A","fns":[{{"name":"f","parameters":{NUMBERS}}}]}}'
    assert NUMBERS in _of_text(tools, {"tools": "fns"}).tools[0]


def test_numbers_of_labels_and_groups_are_kept_as_they_were_written() -> None:
    text = '{"instruction":"Q","output":"A","id":12345678901234567890123,"score":1.50,"group":1.10}'
    item = _of_text(text, {"labels.id": "id", "labels.score": "score"})
    assert item.labels == {"id": "12345678901234567890123", "score": "1.50"}
    assert item.group == "1.10"
    item = _of_text(text[:-1] + ',"tools":[]}', {"labels.score": "score"})
    assert item.labels == {"score": "1.50"}
    answers = '{"rank":[{"value":1234567}],"sure":[{"value":0.10}]}'
    rated = f'{{"fields":{{"instruction":"Q","output":"A"}},"responses":{answers}}}'
    assert _of_text(rated).labels == {"rank": "1234567", "sure": "0.10"}


def test_labels_and_groups_are_read_by_the_names_of_their_columns() -> None:
    item = record({"prompt": "Q", "completion": "A", "labels.topic": "maths", "labels.n": 3, "group": 17})
    assert (item.labels, item.groups) == ({"topic": "maths", "n": "3"}, ("17",))
    assert record({"prompt": "Q", "completion": "A", "labels.topic": "a", "b": "c"}, {"labels.topic": "b"}).labels == {
        "topic": "c"
    }


def test_a_cell_that_begins_like_json_is_text() -> None:
    values = {"prompt": "{name} hi", "completion": "ok", "meta": '{"tools": 1}'}
    row = Row(2, '{name} hi,ok,"{""tools"": 1}"', values, is_json=False)
    item = read_record(row, Format.PROMPT_COMPLETION, FieldMap(), source="a.csv")
    assert isinstance(item, Record) and item.instruction == "{name} hi"


def test_a_row_that_would_train_nothing_is_a_row_to_fix() -> None:
    assert rule({"messages": [ASKED, GOOD | {"train": False}, ASKED, GOOD]}) == "no-response"
    assert rule({"messages": [ASKED, GOOD | {"weight": 0}]}) == "no-response"


@pytest.mark.parametrize(
    "values",
    [
        {"prompt": [ASKED, BAD | {"weight": 0}, ASKED], "completion": [GOOD]},
        {"prompt": [ASKED, BAD | {"weight": 0}, ASKED], "completion": "5"},
        {"prompt": [ASKED, BAD | {"weight": 0}, ASKED], "chosen": [GOOD], "rejected": [BAD]},
        {"conversations": [HUMAN, GPT_BAD | {"weight": 0}, HUMAN], "chosen": GPT, "rejected": GPT_BAD},
    ],
)
def test_a_response_without_a_weight_beside_weights_is_trained_in_whatever_field_it_stands(
    values: dict[str, Any],
) -> None:
    assert [message.train for message in record(values).messages] == [False, False, False, True]


def test_a_mapped_response_carries_loss_as_the_one_did_whose_place_it_takes() -> None:
    turns = [ASKED, BAD | {"weight": 0}, ASKED, BAD | {"weight": 1}]
    item = record({"messages": turns, "better": "5"}, {"response": "better"})
    assert [message.train for message in item.messages] == [False, False, False, True]
    assert item.response == "5"


def test_calls_of_a_rejected_response_are_counted_on_from_the_prompt() -> None:
    def call(name: str) -> dict[str, str]:
        return {"from": "function_call", "value": json.dumps({"name": name, "arguments": {}})}

    prompt = [HUMAN, call("a"), {"from": "observation", "value": "r"}]
    item = record({"conversations": prompt, "chosen": call("b"), "rejected": call("c")})
    assert [each.tool_calls[0].id for each in (*item.chosen, *item.rejected)] == ["call_2", "call_2"]
    messages = (Message(role="user", content="Q"), Message(role="assistant", tool_calls=(ToolCall(name="a"),)))
    answers = (Message(role="tool", content="r"), Message(role="assistant", content="5"))
    worse = (Message(role="tool", content="s"), Message(role="assistant", content="6"))
    origin = item.origin
    pair = Record(messages=(*messages, *answers), rejected=worse, prompt_length=2, origin=origin)
    assert pair.rejected[0].tool_call_id == pair.chosen[0].tool_call_id == "call_1"


def test_the_tags_of_a_data_set_rename_keys_and_roles() -> None:
    turns = [{"who": "me", "text": "Hi"}, {"who": "bot", "text": "Hello."}]
    tags = {"role_tag": "who", "content_tag": "text", "user_tag": "me", "assistant_tag": "bot"}
    assert said(record({"talk": turns}, {"messages": "talk"}, tags)) == [("user", "Hi"), ("assistant", "Hello.")]


def test_text_parts_are_joined_and_other_parts_refused_by_name() -> None:
    parts: list[Any] = [{"type": "text", "text": "Add "}, {"type": "text", "text": "2."}]
    item = record({"messages": [{"role": "user", "content": parts}, GOOD]})
    assert item.instruction == "Add 2."
    parts.append({"type": "image_url", "image_url": {"url": "x"}})
    issue = checked({"messages": [{"role": "user", "content": parts}, GOOD]})
    assert isinstance(issue, RowIssue)
    assert issue.rule == "unsupported-part"
    assert "Part 3 of messages[0].content is 'image_url'" in issue.problem
    assert rule({"messages": [ASKED, GOOD], "images": ["a.png"]}) == "unsupported-part"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"prompt": "a", "chosen": "", "rejected": "b"}, "empty-response"),
        ({"prompt": "a", "chosen": "b", "rejected": 5}, "wrong-type"),
        ({"chosen": "b", "rejected": "c"}, "no-prompt"),
        ({"prompt": "Another one?", "chosen": [ASKED, GOOD], "rejected": [ASKED, BAD]}, "other-prompt"),
        ({"prompt": "Another one?", "chosen": DIALOGUE + "5", "rejected": DIALOGUE + "6"}, "other-prompt"),
        ({"chosen": [ASKED, GOOD], "rejected": [{"role": "user", "content": "b"}, BAD]}, "no-prompt"),
        ({"conversations": [HUMAN, {"from": "function_call", "value": "sky()"}]}, "unreadable-call"),
        ({"conversations": [HUMAN, {"from": "function_call", "value": "{}"}]}, "missing-field"),
        ({"messages": [ASKED, GOOD], "tools": "[{"}, "unreadable-tools"),
        ({"messages": [ASKED, GOOD], "tools": [5]}, "wrong-type"),
        ({"messages": [ASKED, {"role": "assistant", "content": None}]}, "missing-field"),
        ({"messages": [ASKED, {"role": "assistant", "tool_calls": [{"type": "mcp"}]}]}, "unsupported-part"),
        ({"messages": [{"role": "user", "content": "a", "tool_calls": [{"name": "f"}]}, GOOD]}, "wrong-type"),
        ({"messages": [ASKED, GOOD, {"role": "developer", "content": "b"}, ASKED, GOOD]}, "wrong-role-order"),
    ],
)
def test_a_row_that_is_wrong_says_by_which_rule(values: dict[str, Any], expected: str) -> None:
    assert rule(values) == expected


ARGILLA = {
    "id": "1", "status": "completed", "metadata": {"source": "web"},
    "fields": {"instruction": "Name a colour.", "response": "Dog."},
    "suggestions": {"quality": {"value": 2, "score": 0.4, "agent": "m"}},
    "responses": {"quality": [{"value": 4, "user_id": "u"}], "corrected": [{"value": "Red.", "user_id": "u"}]},
}  # fmt: skip
ARGILLA_FLAT = {
    "id": "1", "status": "completed", "instruction": "Name a colour.", "response": "Dog.", "metadata.source": "web",
    "quality.responses": ["4"], "quality.responses.users": ["u"], "quality.suggestion": "2",
    "corrected.responses": ["Red."], "corrected.responses.users": ["u"],
}  # fmt: skip
ARGILLA_1 = {
    "fields": {"instruction": "Name a colour.", "response": "Dog."},
    "responses": [
        {"user_id": "u", "status": "discarded", "values": {"corrected": {"value": "Blue."}}},
        {"user_id": "v", "status": "submitted", "values": {"corrected": {"value": "Red."}, "quality": {"value": 4}}},
    ],
    "suggestions": [{"question_name": "quality", "value": 2}],
}


@pytest.mark.parametrize("values", [ARGILLA, ARGILLA_FLAT, ARGILLA_1])
def test_argilla_answers_become_columns_and_labels(values: dict[str, Any]) -> None:
    item = record(values)
    assert (item.instruction, item.response) == ("Name a colour.", "Dog.")
    assert item.labels == {"quality": "4", "corrected": "Red."}
    corrected = record(values, {"response": "corrected"})
    assert (corrected.response, corrected.labels) == ("Red.", {"quality": "4"})
    assert corrected.origin.format == "argilla"


LABEL_STUDIO = {
    "id": 1,
    "data": {"prompt": "Name a colour.", "response": "Dog."},
    "annotations": [
        {"was_cancelled": True, "result": [{"from_name": "fix", "type": "textarea", "value": {"text": ["Blue."]}}]},
        {
            "completed_by": 1,
            "result": [
                {"from_name": "fix", "to_name": "r", "type": "textarea", "value": {"text": ["Red."]}},
                {"from_name": "stars", "to_name": "r", "type": "rating", "value": {"rating": 4}},
                {"from_name": "topics", "to_name": "r", "type": "choices", "value": {"choices": ["art", "sky"]}},
            ],
        },
    ],
    "predictions": [{"result": [{"from_name": "stars", "type": "rating", "value": {"rating": 2}}]}],
}


def test_label_studio_answers_become_columns_and_labels() -> None:
    item = record(LABEL_STUDIO, {"response": "fix"})
    assert (item.instruction, item.response) == ("Name a colour.", "Red.")
    assert item.labels == {"stars": "4", "topics": "art, sky"}
    assert record(LABEL_STUDIO).response == "Dog."


_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-9, 2**40),
        st.text(max_size=4),
        st.sampled_from(["user", "gpt", DIALOGUE]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "role",
                    "content",
                    "from",
                    "value",
                    "tool_calls",
                    "name",
                    "type",
                    "text",
                    "result",
                    "values",
                    "from_name",
                    "question_name",
                    "was_cancelled",
                    "function",
                    "arguments",
                ]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)
_COLUMNS = [
    "messages", "conversations", "prompt", "completion", "chosen", "rejected", "label", "instruction", "output",
    "tools", "fields", "responses", "suggestions", "data", "annotations", "system", "history", "predictions",
    "metadata", "row_id",
    "content_hash", "training_hash", "q.responses", "q.responses.users", "functions", "prompt_length", "labels",
]  # fmt: skip


@settings(deadline=None, max_examples=400)
@given(values=st.dictionaries(st.sampled_from(_COLUMNS), _VALUES, max_size=6), format=st.sampled_from(list(Format)))
def test_any_row_is_a_record_or_an_issue(values: dict[str, Any], format: Format) -> None:
    row = Row(1, as_text(values), values)
    result = read_record(row, format, FieldMap(), source="a")
    assert isinstance(result, Record | RowIssue)
    if isinstance(result, RowIssue):
        assert result.rule
        assert result.problem.endswith((".", "..."))


@pytest.mark.parametrize(
    ("name", "columns", "format", "counts"),
    [
        ("alpaca_en_demo.json", {}, "alpaca", (999, 999)),
        ("bbq_age.jsonl", {"instruction": "question", "response": "ans0", "system": "context"}, "alpaca", (3680, 3680)),
        ("gsm8k_train.jsonl", {"instruction": "question", "response": "answer"}, "alpaca", (7473, 7473)),
        (
            "halueval_general.jsonl",
            {"instruction": "user_query", "response": "chatgpt_response"},
            "alpaca",
            (2254, 2254),
        ),
        ("hatecheck.csv", {"instruction": "test_case", "response": "label_gold"}, "alpaca", (3728, 3728)),
        ("hh_harmless_pairs.jsonl", {}, "preference", (1156, 1150)),
        ("self_instruct_seed_tasks.jsonl", {"response": "instances.0.output"}, "alpaca", (175, 175)),
        ("sharegpt_identity.json", {}, "sharegpt", (500, 500)),
        ("sharegpt_toolcall_en.json", {}, "sharegpt", (300, 300)),
        (
            "truthfulqa.csv",
            {"instruction": "Question", "chosen": "Best Answer", "rejected": "Incorrect Answers"},
            "preference",
            (407, 407),
        ),
        ("truthfulqa_answers_labelled.jsonl", {}, "prompt_completion", (2554, 2554)),
        ("xstest_completions_llama2.csv", {}, "prompt_completion", (450, 450)),
        ("xstest_prompts.csv", {"instruction": "prompt", "response": "label"}, "alpaca", (450, 450)),
    ],
)
def test_public_data_sets_are_read(
    shared_data: Path, name: str, columns: Columns, format: str, counts: tuple[int, int]
) -> None:
    field_map = FieldMap(columns=columns)
    rows = list(open_rows(shared_data / name).rows)
    recognised = recognise((row for row in rows[:100] if isinstance(row, Row)), field_map)
    good = [
        row
        for row in rows
        if isinstance(row, Row) and isinstance(read_record(row, recognised, field_map, source=name), Record)
    ]
    assert (recognised.value, (len(rows), len(good))) == (format, counts)
