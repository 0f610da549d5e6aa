"""McNemar's test against the reference implementation, and clusters that flip together."""

from __future__ import annotations

import pytest
from statsmodels.stats.contingency_tables import mcnemar as reference

from curator.stats.discordance import change, mcnemar


@pytest.mark.parametrize(("fixed", "broken"), [(0, 0), (0, 5), (43, 0), (12, 7), (10, 10), (3, 30)])
def test_the_exact_test_equals_statsmodels(fixed: int, broken: int) -> None:
    expected = reference([[5, fixed], [broken, 9]], exact=True).pvalue
    assert mcnemar(fixed, broken) == pytest.approx(expected, rel=1e-9)


def test_prompts_are_sorted_into_fixed_failing_broken_and_fine() -> None:
    found = change([True, True, False, False, True], [False, True, True, False, False])
    assert (found.fixed, found.failing, found.broken, found.fine) == (2, 1, 1, 1)
    assert found.difference == pytest.approx(-0.2)
    assert found.p_value == 1.0


def test_ten_copies_of_a_prompt_prove_no_more_than_one() -> None:
    alone = change([True] * 5, [False] * 5)
    copied = change([True] * 50, [False] * 50, [n // 10 for n in range(50)])
    assert alone.p_value == copied.p_value == mcnemar(5, 0)
    assert change([True] * 50, [False] * 50).p_value < 1e-9


def test_sequences_must_agree() -> None:
    with pytest.raises(ValueError, match="one entry per prompt"):
        change([True], [True, False])
