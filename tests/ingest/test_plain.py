"""The quick reader of plain rows and the careful one agree on every row that the quick one takes."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.ingest import mapping
from curator.ingest.check import check_row
from curator.ingest.plain import plain_reader
from curator.ingest.readers.json_lines import parse_bytes
from curator.quality.contamination import Firewall, GatePrompt
from curator.store import parts
from curator.store.incoming import incoming
from schemas.importing import FieldMap, Format, RowIssue

_FORMATS = [Format.ALPACA, Format.PROMPT_COMPLETION, Format.CHAT, Format.SHAREGPT]
_texts = (
    st.sampled_from(
        ["", " ", "\t\n", "Hi.", "Grün?\r\n", 'a": b', "\x00", "\u2028", "a test prompt", "A  TEST\nprompt"]
    )
    | st.sampled_from(["\U0001f9ea", " A  b\x1fC\x0b", "\xa0Straße\x85"])
    | st.text(max_size=8)
)
_roles = st.sampled_from(
    [
        "system",
        "developer",
        "user",
        "assistant",
        "tool",
        "human",
        "gpt",
        "model",
        "function_call",
        "observation",
        "x",
        "",
    ]
)
_turns = st.lists(
    st.fixed_dictionaries({}, optional={"role": _roles, "content": _texts, "weight": st.integers(0, 1)})
    | st.fixed_dictionaries({"from": _roles, "value": _texts})
    | st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": _texts}),
    max_size=5,
)
_anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | _texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_texts, inner, max_size=2),
    max_leaves=4,
)
_keys = st.sampled_from(
    [
        *mapping.WORDS,
        *mapping.FORMAT_FIELDS,
        "license",
        "labels",
        "functions",
        "context",
        "image",
        "id",
        "weight",
        "metadata",
        "labels.x",
    ]
)
_usual = (
    st.fixed_dictionaries({"instruction": _texts, "output": _texts}, optional={"input": _texts | st.none()})
    | st.fixed_dictionaries({"prompt": _texts | _turns, "completion": _texts | _turns})
    | st.fixed_dictionaries({"messages": _turns})
    | st.fixed_dictionaries({"conversations": _turns})
)
_rows = st.builds(lambda usual, more: more | usual, _usual, st.dictionaries(_keys, _anything, max_size=2)) | _anything


def _spaced(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).replace(b"\n", b" ")


@pytest.mark.slow
@settings(max_examples=1000, deadline=None)
@given(value=_rows, format=st.sampled_from(_FORMATS), dump=st.sampled_from([orjson.dumps, _spaced]))
def test_the_plain_reader_and_the_careful_one_agree(value: object, format: Format, dump: object) -> None:
    try:
        raw = dump(value)
    except TypeError:  # an integer that orjson does not write
        return
    _agree(raw, format)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"instruction": "A?", "output": "B.", "output": "C."}',
        b'{"instruction": "A?", "output" : "B.", "id": {"output": "C."}}',
        b'{"messages": [{"role": "user", "content": "A?", "content": "B?"}, {"role": "assistant", "content": "C."}]}',
        b'{"instruction": "A?", "output": "\\ud800"}',
        b'{"instruction": "A?", "output": "\\u0000"}',
        b'{"instruction": "A?", "output": "B\xff"}',
        b'{"instruction": "A?", "output": "B."} {}',
        b'{"instruction": "A?", "output": "B.", "labels\\u002ex": "y"}',
        b"[" * 2000,
        orjson.dumps({"instruction": "A?", "output": "B."} | {f"column {n}": n for n in range(10_001)}),
        b'{"instruction": "A?", "output": "B.", "id": ' + b"[" * 600 + b"]" * 600 + b"}",
        b'{"instruction": "A?", "output": "B.", "id": 1e400}',
        b'{"instruction": "a TEST prompt", "output": "B."}',
        b'{"messages": [{"role": "user", "content": "a test prompt"}, {"role": "assistant", "content": "B."},'
        b' {"role": "user", "content": "Why?"}, {"role": "assistant", "content": "C."}]}',
    ],
)
@pytest.mark.parametrize("format", _FORMATS)
def test_a_row_that_is_not_plain_is_left_to_the_careful_reader(raw: bytes, format: Format) -> None:
    assert _plain(raw, format) is None


@pytest.mark.parametrize(
    ("format", "raw"),
    [
        (Format.ALPACA, b'{"instruction": "A?", "input": "x", "output": "B.", "id": 7}'),
        (Format.PROMPT_COMPLETION, b'{"prompt": "A?", "completion": "B."}'),
        (Format.CHAT, b'{"messages":[{"role":"user","content":"A?"},{"role":"assistant","content":"B."}]}'),
        (Format.SHAREGPT, b'{"conversations":[{"from":"human","value":"A?"},{"from":"gpt","value":"B."}]}'),
    ],
)
def test_a_plain_row_is_taken(format: Format, raw: bytes) -> None:
    assert _plain(raw, format) is not None
    _agree(raw, format)


_FIREWALL = Firewall([GatePrompt("gate", "1", "A test prompt")])


def _plain(raw: bytes, format: Format) -> object:
    reader = plain_reader(format, FieldMap(), source="rows.jsonl", firewall=_FIREWALL)
    assert reader is not None
    return reader(raw, 3)


def _agree(raw: bytes, format: Format) -> None:
    quick = plain_reader(format, FieldMap(), source="rows.jsonl", firewall=_FIREWALL)(raw, 3)
    if quick is None:
        return
    row = parse_bytes(raw, line=3)
    careful = check_row(row, format, FieldMap(), source="rows.jsonl", firewall=_FIREWALL)
    assert not isinstance(careful, RowIssue), careful
    expected = incoming(careful)
    assert quick[:2] == expected.part_row[:2]
    assert parts.record_of(quick[2]) == careful
    content, _, original = quick[2].partition(b"\n")
    assert original == expected.original
    assert orjson.loads(content) == orjson.loads(expected.content)
