"""Sequential bounds: looking after every verdict releases no more often than it may."""

from __future__ import annotations

import numpy as np
import pytest

from curator.stats.intervals import upper_bound
from curator.stats.sequential import anytime_lower, anytime_upper, looks_needed, wealth_against


def _passing_counts(limit: float, most: int) -> list[int]:
    """For every number of defects the number of verdicts from which on the wealth decides."""
    counts: list[int] = []
    n = 0
    while n <= most:
        n += looks_needed(limit, len(counts), n)
        counts.append(n)
    return counts


def _share_released(limit: float, rate: float, *, verdicts: int, trials: int, seed: int) -> float:
    """How often a series passes when somebody looks after every verdict."""
    counts = np.array(_passing_counts(limit, verdicts))
    series = np.random.default_rng(seed).random((trials, verdicts)) < rate
    defects = np.minimum(np.cumsum(series, axis=1), len(counts) - 1)
    return float((np.arange(1, verdicts + 1) >= counts[defects]).any(axis=1).mean())


def test_at_the_limit_a_thousand_looks_release_at_most_as_often_as_one_may() -> None:
    assert _share_released(0.05, 0.05, verdicts=1000, trials=4000, seed=3) <= 0.05
    assert _share_released(0.20, 0.20, verdicts=1000, trials=4000, seed=4) <= 0.05


def test_a_good_model_is_released_after_about_as_many_verdicts_as_a_fixed_plan_asks() -> None:
    assert looks_needed(0.05, 0, 0) == 73
    assert [looks_needed(0.05, 1, 60), looks_needed(0.2, 0, 0)] == [70, 16]
    assert _share_released(0.05, 0.005, verdicts=300, trials=1000, seed=5) >= 0.95


@pytest.mark.slow
def test_the_bounds_stand_on_both_sides_of_the_rate_and_never_loosen() -> None:
    draw = np.random.default_rng(5)
    covered = 0
    for _ in range(40):
        series = list(draw.random(100) < 0.2)
        covered += anytime_lower(series) <= 0.2 <= anytime_upper(series)
        assert anytime_upper(series) <= anytime_upper(series[:50])
    assert covered >= 34  # 90 % for both bounds together
    assert anytime_upper([]) == 1.0
    assert anytime_upper([False] * 72) > 0.05 >= anytime_upper([False] * 73)
    assert anytime_upper([False] * 100) > upper_bound(0, 100)


def test_what_is_not_a_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        wealth_against(0.05, 3, 2)
