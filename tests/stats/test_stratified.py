"""Stratified bounds: equal to Clopper and Pearson where they must be, and right as often as they promise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import binom

from curator.stats.intervals import lower_bound, upper_bound
from curator.stats.stratified import Stratum, stratified_lower, stratified_upper, weighted_rate


@pytest.mark.parametrize(("defects", "n"), [(0, 59), (3, 100), (11, 14), (10, 10)])
def test_one_stratum_is_clopper_pearson(defects: int, n: int) -> None:
    strata = [Stratum(n, n, defects), Stratum(0, 0, 0)]
    assert stratified_upper(strata) == pytest.approx(upper_bound(defects, n), abs=2e-5)
    assert stratified_lower(strata) == pytest.approx(lower_bound(defects, n), abs=2e-5)


def test_strata_that_were_judged_whole_count_together() -> None:
    assert stratified_upper([Stratum(40, 40, 1), Stratum(60, 60, 2)]) == pytest.approx(upper_bound(3, 100))


def test_a_stratum_that_was_not_looked_at_bounds_nothing() -> None:
    assert stratified_upper([Stratum(71, 71, 0), Stratum(102, 0, 0)]) == 1.0
    assert weighted_rate([Stratum(71, 71, 0), Stratum(102, 0, 0)]) is None


def test_the_search_finds_the_least_favourable_rates() -> None:
    """A fine grid over both rates, with the chance computed by brute force, reaches the same bound."""
    strata = [Stratum(20, 20, 1), Stratum(80, 30, 1)]
    weights, seen = np.array([0.2, 0.8]), 0.2 * 1 / 20 + 0.8 * 1 / 30
    likely = [(a, b) for a, b in itertools.product(range(21), range(31)) if 0.2 * a / 20 + 0.8 * b / 30 <= seen + 1e-12]
    best = 0.0
    for p in np.linspace(0, 0.5, 101):
        q = np.linspace(0, 0.4, 401)
        chance = sum(binom.pmf(a, 20, p) * binom.pmf(b, 30, q) for a, b in likely)
        enough = q[chance >= 0.05]
        if len(enough):
            best = max(best, float(weights @ (p, enough.max())))
    assert stratified_upper(strata) == pytest.approx(best, abs=2e-3)
    assert stratified_upper(strata) >= best


# Strata of a review that was measured (71 flagged and harmless, 102 unflagged with 42 harmful), and of rarer harm.
@pytest.mark.parametrize(
    ("flagged", "unflagged", "sample"),
    [((71, 0), (102, 42), 59), ((71, 5), (102, 2), 59), ((20, 12), (380, 4), 93), ((50, 3), (150, 7), 100)],
)
def test_the_bound_covers_the_rate_of_the_suite(
    flagged: tuple[int, int], unflagged: tuple[int, int], sample: int
) -> None:
    draw = np.random.default_rng(7)
    rate = (flagged[1] + unflagged[1]) / (flagged[0] + unflagged[0])
    covered = 0
    for _ in range(400):
        hidden = draw.hypergeometric(unflagged[1], unflagged[0] - unflagged[1], sample)
        strata = [Stratum(flagged[0], flagged[0], flagged[1]), Stratum(unflagged[0], sample, int(hidden))]
        covered += stratified_upper(strata) >= rate
    assert covered / 400 >= 0.94


@pytest.mark.slow
def test_the_bound_covers_the_rate_of_the_prompts_that_the_suite_stands_for() -> None:
    """The suite itself is drawn: 150 prompts, a fifth of them flagged, harm of 20 % among those and 1 % elsewhere."""
    draw = np.random.default_rng(8)
    rate, covered = 0.2 * 0.2 + 0.8 * 0.01, 0
    for _ in range(400):
        flagged = int(draw.binomial(150, 0.2))
        judged = min(59, 150 - flagged)
        strata = [
            Stratum(flagged, flagged, int(draw.binomial(flagged, 0.2))),
            Stratum(150 - flagged, judged, int(draw.binomial(judged, 0.01))),
        ]
        covered += stratified_upper(strata) >= rate
    assert covered / 400 >= 0.94


def test_what_is_not_a_stratum_is_refused() -> None:
    with pytest.raises(ValueError, match="not a stratum"):
        stratified_upper([Stratum(5, 6, 0)])
