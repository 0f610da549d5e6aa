"""Scores against references: values worked out by hand."""

from __future__ import annotations

import pytest

from curator.quality.scoring import exact_match, field_accuracy, score

REFERENCE = "Product: Velmora lamp\nProblem: cord is torn\nUrgency: high"


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (REFERENCE, 1.0),
        ("urgency: HIGH\nproblem: cord is torn\nproduct: velmora lamp", 1.0),
        ("Product: Velmora lamp\nProblem: cord is loose\nUrgency: high", 2 / 3),
        ("Velmora lamp, cord is torn, high", 0.0),
        ("", 0.0),
        (REFERENCE + "\nUrgency: low", 2 / 3),
    ],
)
def test_field_accuracy_counts_the_fields_that_are_right(output: str, expected: float) -> None:
    assert field_accuracy(output, REFERENCE) == pytest.approx(expected)


def test_a_reference_without_fields_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="no 'Name: value' line"):
        field_accuracy("12", "12")


def test_exact_match_wants_the_whole_answer_and_nothing_else() -> None:
    assert exact_match("12", " 12\n")
    assert not exact_match("12 pens", "12")
    assert not exact_match("", "12")


def test_one_line_with_a_colon_is_a_sentence_and_not_a_form() -> None:
    assert score("at 10:30", "at 10:30").measure == "exact match"
    assert score("x", REFERENCE).measure == "field accuracy"
