"""The paired bootstrap: groups are drawn, not records, and the interval covers as it says."""

from __future__ import annotations

import numpy as np
import pytest

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


def test_the_interval_covers_the_true_change_about_as_often_as_it_says() -> None:
    draw = np.random.default_rng(1)
    covered = 0
    for n in range(200):
        change = draw.normal(-0.3, 1, 30)
        found = ratio_difference([0.0] * 30, list(change), [1] * 30, list(range(30)), resamples=400, seed=n)
        covered += found.interval.lower <= -0.3 <= found.interval.upper
    assert 178 <= covered <= 198  # 95 % of 200 is 190; small samples cover a little less


def test_one_group_has_no_interval_and_lengths_must_agree() -> None:
    assert ratio_difference([1.0, 2.0], [1.0, 1.0], [1, 1], ["a", "a"]).interval is None
    with pytest.raises(ValueError, match="one entry per record"):
        ratio_difference([1.0], [1.0, 2.0], [1], ["a"])
