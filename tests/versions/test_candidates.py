"""Candidates: what is made of a text by hand is what pydantic makes of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curator.errors import VersionError
from curator.quality.contamination import Firewall, GatePrompt
from curator.quality.near_duplicates import plain_words
from curator.store.incoming import incoming
from curator.store.parts import record_of
from curator.versions.asked import plain_words_of
from curator.versions.candidates import Candidates
from schemas.record import Record
from tests.conftest import make_record

_texts = st.sampled_from(
    ["", " ", "Hi.", "Gr\u00fcn?\r\n", 'a": b', "Please, what's RED?", "A  TEST\nprompt", "\u2028"]
)
_messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "developer", "user", "assistant", "tool"]), "content": _texts},
        optional={
            "train": st.booleans(),
            "name": st.just("Ada"),
            "tool_calls": st.just([{"name": "f", "arguments": '{"a":-0.0}'}]),
        },
    ),
    min_size=2,
    max_size=5,
)
_records = st.fixed_dictionaries(
    {"messages": _messages, "origin": st.fixed_dictionaries({"source": _texts}, optional={"line": st.integers(1, 9)})},
    optional={
        "original": st.sampled_from([b'{"a":  1}', b"x"]),
        "licence": _texts,
        "language": st.just("en"),
        "group": _texts,
        "labels": st.dictionaries(_texts, _texts, max_size=2),
        "also": st.just([{"origin": {"source": "b"}, "group": "late"}]),
        "tools": st.just(['{"name":"f"}']),
        "alternative": _texts,
        "desirable": st.booleans(),
    },
)


@settings(max_examples=400)
@given(_records)
def test_a_text_gives_the_same_columns_by_hand_and_by_pydantic(values: dict[str, Any]) -> None:
    try:
        text = incoming(Record.model_validate(values)).text
    except ValidationError:
        return
    record = record_of(text)
    digest = bytes.fromhex(incoming(record).content_hash)
    firewall = Firewall([GatePrompt("suite", "1", "a test prompt")])
    by_hand, careful = Candidates(firewall), Candidates(firewall)
    assert by_hand.add_text(text, digest) == careful.add_record(record)
    assert by_hand.table().equals(careful.table())
    assert by_hand.keys("salt").equals(careful.keys("salt"))


def test_a_text_that_is_not_what_its_hash_names_is_refused() -> None:
    record = make_record(desirable=True)
    with pytest.raises(VersionError, match="not the content that it came in with"):
        Candidates(Firewall([])).add_text(incoming(record).text, bytes(32))


@given(st.lists(st.text() | _texts | st.text("aZ9 \t\n\x00\x1c.,'`-+$"), max_size=8))
@example(["Please, NAME it.", "Would you name it?", "please", "...", ""])
@example(["Please, NAME it. \u2019", "would you, could you", "\x00", "kindly"])
def test_the_words_of_many_texts_are_those_of_each(texts: list[str]) -> None:
    assert plain_words_of(texts) == [plain_words(text) for text in texts]
