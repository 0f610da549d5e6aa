"""Comparing two texts word by word, in scripts with and without spaces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.quality.edits import Piece, changed_words, word_diff, words


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("Beijing is old.", 3),
        ("a - b", 3),
        ("北京是中国的首都。历史悠久。", 12),
        ("私は GPU を 2 台持つ。", 8),
        ("한국어는 띄어쓰기가 있다.", 3),
    ],
)
def test_a_character_counts_as_a_word_where_words_have_no_spaces(text: str, count: int) -> None:
    assert words(text) == count


def test_one_added_chinese_character_is_the_only_difference() -> None:
    pieces = word_diff("历史悠久。", "历史很悠久。")
    assert pieces == [Piece("same", "历史"), Piece("added", "很"), Piece("same", "悠久。")]
    assert changed_words(pieces) == (1, 0)


@given(st.text(alphabet="ab 。北京かなｶ\u3007_1é\n"), st.text(alphabet="ab 。北京かなｶ\u3007_1é\n"))
def test_both_texts_can_be_read_back_from_their_difference(before: str, after: str) -> None:
    pieces = word_diff(before, after)
    assert "".join(piece.text for piece in pieces if piece.kind != "added") == before
    assert "".join(piece.text for piece in pieces if piece.kind != "removed") == after
