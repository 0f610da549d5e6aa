"""The paired comparison: groups count, not records, and the interval covers as it says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from curator.stats.paired import ratio_difference


def test_the_change_is_summed_and_divided_once() -> None:
    found = ratio_difference([10.0, 1.0], [8.0, 2.0], [4, 1], ["a", "b"])
    assert found.change == pytest.approx(-1.0 / 5)
    assert (found.improved, found.groups) == (0.5, 2)


def test_copies_of_a_record_do_not_narrow_the_interval() -> None:
    """Ten copies of each record in one group say no more than one."""
    draw = np.random.default_rng(0)
    before, after = draw.normal(2, 1, 40), draw.normal(1.8, 1, 40)
    once = ratio_difference(list(before), list(after), [1] * 40, list(range(40)))
    copied = ratio_difference(list(before) * 10, list(after) * 10, [1] * 400, list(range(40)) * 10)
    assert copied.interval == pytest.approx(once.interval)
    naive = ratio_difference(list(before) * 10, list(after) * 10, [1] * 400, list(range(400)))
    assert naive.interval.upper - naive.interval.lower < 0.5 * (once.interval.upper - once.interval.lower)


@pytest.mark.parametrize("groups", [10, 30])
def test_the_interval_covers_the_true_change_as_often_as_it_says(groups: int) -> None:
    draw = np.random.default_rng(1)
    covered = 0
    for _ in range(1000):
        sizes = list(draw.integers(20, 200, groups))
        change = [size * draw.normal(-0.3, 1) for size in sizes]
        found = ratio_difference([0.0] * groups, change, sizes, list(range(groups)))
        covered += found.interval.lower <= -0.3 <= found.interval.upper
    assert covered >= 925  # 95 % of 1,000 is 950, three standard errors are 21


def test_with_equal_sizes_it_is_the_t_interval_of_the_groups() -> None:
    changes = list(np.random.default_rng(2).normal(0, 1, 12))
    found = ratio_difference([0.0] * 12, changes, [1] * 12, list(range(12)))
    expected = ttest_1samp(changes, 0).confidence_interval(0.95)
    assert found.interval == pytest.approx(tuple(expected))


def test_few_groups_have_no_interval_and_lengths_must_agree() -> None:
    assert ratio_difference([1.0] * 9, [0.5] * 9, [1] * 9, list(range(9))).interval is None
    assert ratio_difference([1.0, 2.0], [1.0, 1.0], [1, 1], ["a", "a"]).interval is None
    with pytest.raises(ValueError, match="one entry per record"):
        ratio_difference([1.0], [1.0, 2.0], [1], ["a"])
