"""PPI++: a good score narrows the interval, a bad one harms nothing, and both cover as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from curator.stats.prediction_powered import PoweredStratum, prediction_powered, stratified_powered


def _drawn(draw: np.random.Generator, n: int, noise: float) -> tuple[list[float], list[float], list[float]]:
    truth = (draw.random(600) < 0.4).astype(float)
    scores = np.clip(truth + draw.normal(0, noise, 600), 0, 1)
    return list(truth[:n]), list(scores[:n]), list(scores[n:])


@pytest.mark.parametrize(("n", "noise"), [(30, 0.4), (120, 0.4), (120, 50.0)])
def test_the_interval_covers_and_is_no_wider_than_that_of_the_labels_alone(n: int, noise: float) -> None:
    draw = np.random.default_rng(6)
    covered, widths, plain = 0, [], []
    for _ in range(300):
        labels, scores, rest = _drawn(draw, n, noise)
        found = prediction_powered(labels, scores, rest)
        covered += found.interval.lower <= 0.4 <= found.interval.upper
        widths.append(found.interval.upper - found.interval.lower)
        alone = ttest_1samp(labels, 0).confidence_interval(0.95)
        plain.append(alone.high - alone.low)
    assert covered / 300 >= 0.92
    assert np.mean(widths) <= (0.9 if noise < 1 else 1.02) * np.mean(plain)


def test_without_further_scores_it_is_the_t_interval_of_the_labels() -> None:
    labels = [0.0, 1.0] * 10
    found = prediction_powered(labels, [0.3] * 20, [])
    assert (found.estimate, found.weight) == (0.5, 0.0)
    assert found.interval == pytest.approx(tuple(ttest_1samp(labels, 0).confidence_interval(0.95)))


def test_a_few_labels_give_no_interval() -> None:
    assert prediction_powered([0, 1] * 7, [0, 1] * 7, [0.5] * 100) is None


def test_strata_that_were_drawn_unequally_are_weighted_and_covered() -> None:
    """60 of 100 flagged and 60 of 900 unflagged labels; the scores are good in one stratum and noise in the other."""
    draw = np.random.default_rng(8)
    covered, rate = 0, 0.1 * 0.5 + 0.9 * 0.1
    for _ in range(300):
        strata = []
        for size, p, noise in ((100, 0.5, 0.4), (900, 0.1, 50.0)):
            truth = (draw.random(size) < p).astype(float)
            scores = np.clip(truth + draw.normal(0, noise, size), 0, 1)
            strata.append(PoweredStratum(list(truth[:60]), list(scores[:60]), list(scores[60:])))
        found = stratified_powered(strata)
        covered += found.interval.lower <= rate <= found.interval.upper
    assert covered / 300 >= 0.92


def test_a_rate_without_a_defect_has_no_powered_interval() -> None:
    assert stratified_powered([PoweredStratum([0.0] * 90, [0.1] * 90, [0.1] * 500)]) is None


def test_a_single_stratum_is_estimated_as_without_strata() -> None:
    draw = np.random.default_rng(9)
    drawn = _drawn(draw, 120, 0.4)
    together, alone = stratified_powered([PoweredStratum(*drawn)]), prediction_powered(*drawn)
    assert together.estimate == pytest.approx(alone.estimate)
    assert together.interval == pytest.approx(alone.interval)
