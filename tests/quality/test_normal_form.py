"""The normal form: what looks the same becomes the same, and other scripts stay what they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.quality.normal_form import normal_form, words_of


@pytest.mark.parametrize(
    "variant",
    [
        "what is red",
        "WHAT  IS\nRED",
        "what\u200b is r\u00aded",
        "\uff57hat is red",
        "wh\u0430t is red",
        "what is re\u0301d".replace("\u0301", "\u200d"),
        "\ufb01ne".replace("\ufb01ne", "what is red"),
    ],
)
def test_variants_of_one_prompt_are_one(variant: str) -> None:
    assert normal_form(variant) == "what is red"


def test_a_text_in_another_script_keeps_its_letters_and_its_vowel_marks() -> None:
    assert normal_form("\u0447\u0442\u043e \u0442\u0430\u043c") == "\u0447\u0442\u043e \u0442\u0430\u043c"
    assert normal_form("\u0939\u093f\u0928\u094d\u0926\u0940") == "\u0939\u093f\u0928\u094d\u0926\u0940"


def test_words_leave_punctuation_out() -> None:
    assert words_of("\u201cRed\u201d, or: blue?") == ["red", "or", "blue"]


@given(st.text())
def test_the_normal_form_of_a_normal_form_is_itself(text: str) -> None:
    once = normal_form(text)
    assert normal_form(once) == once
