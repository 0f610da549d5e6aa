"""Bounds against the reference implementation, published tables and simulation."""

from __future__ import annotations

import pytest
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from curator.stats.intervals import lower_bound, needed, upper_bound, wilson

CASES = [(0, 10), (1, 10), (5, 10), (10, 10), (3, 100), (47, 500)]


@pytest.mark.parametrize(("found", "n"), CASES)
def test_bounds_equal_those_of_statsmodels(found: int, n: int) -> None:
    exact = proportion_confint(found, n, alpha=0.1, method="beta")  # two-sided 90 % is one-sided 95 % on each side
    assert lower_bound(found, n) == pytest.approx(exact[0], abs=1e-12)
    assert upper_bound(found, n) == pytest.approx(exact[1], abs=1e-12)
    assert wilson(found, n) == pytest.approx(proportion_confint(found, n, method="wilson"), abs=1e-12)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (0.05, [59, 93, 124, 153]),
        (0.02, [149, 236, 313, 386]),
        (0.01, [299, 473, 628, 773]),
        (0.001, [2995, 4742, 6294, 7752]),
    ],
)
def test_the_judgements_needed_are_those_of_the_published_plans(limit: float, expected: list[int]) -> None:
    assert [needed(limit, found) for found in range(4)] == expected


@pytest.mark.parametrize("n", [30, 100, 500])
@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5])
def test_the_upper_bound_holds_at_least_as_often_as_it_promises(n: int, rate: float) -> None:
    holds = sum(binom.pmf(found, n, rate) for found in range(n + 1) if upper_bound(found, n) >= rate)
    assert holds >= 0.95


@pytest.mark.parametrize(("found", "n"), [(1, 0), (0, 0), (3, 2), (-1, 5)])
def test_what_is_not_a_rate_is_refused(found: int, n: int) -> None:
    for bound in (upper_bound, lower_bound, wilson):
        with pytest.raises(ValueError, match="is not a rate"):
            bound(found, n)


@pytest.mark.parametrize("n", [5, 59, 500])
def test_an_interval_of_nothing_begins_at_zero_and_one_of_everything_ends_at_one(n: int) -> None:
    assert wilson(0, n).lower == 0.0
    assert wilson(n, n).upper == 1.0
