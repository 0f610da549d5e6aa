"""A rate from few human labels and many scores of a detector, without trusting the detector.

PPI++: Angelopoulos, Duchi and Zrnic (2023), "PPI++: efficient prediction-powered inference", arXiv 2311.01453.
Letters: y labels, f scores, n units with both, N with a score alone; theta = lambda mean(f_N) + mean(y - lambda f_n),
where lambda makes the variance smallest. A score that says nothing gets a lambda near 0, and the mean of the labels
remains. Weighted by strata: Fisch et al. (2024), "Stratified prediction-powered inference", arXiv 2406.04291.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curator.stats.intervals import Interval

FEWEST_OF_EACH = 5
"""Labels of each kind below which a weighted estimate has no interval: none among a few looks like a rate of 0."""
FEWEST = 15
"""Labels below which no interval is given: the variance of a few labels is a guess."""


_Numbers = NDArray[np.float64]


class Powered(NamedTuple):
    """An estimate with its interval."""

    estimate: float
    interval: Interval
    """Two-sided, from a t distribution with n - 1 degrees of freedom; for display, never for a gate."""
    weight: float
    """lambda, from 0 (the scores are ignored) to 1."""


def prediction_powered(
    labels: Sequence[float], scores: Sequence[float], unlabelled: Sequence[float], *, confidence: float = 0.95
) -> Powered | None:
    """The mean of the labels over all units, drawn at random; None with fewer than `FEWEST` labels.

    Args:
        labels: Of the judged units, 0 or 1.
        scores: Of the same units, in the same order.
        unlabelled: Scores of the other units.
        confidence: Of the interval.
    """
    if len(labels) != len(scores):
        raise ValueError("each label needs its score")
    if len(labels) < FEWEST:
        return None
    n = len(labels)
    estimate, variance, weight = _mean(PoweredStratum(labels, scores, unlabelled))
    from scipy.stats import t  # a fifth of a second that every start would wait for

    half = float(t.ppf(1 - (1 - confidence) / 2, n - 1)) * math.sqrt(variance)
    return Powered(estimate, Interval(max(0.0, estimate - half), min(1.0, estimate + half)), weight)


class PoweredStratum(NamedTuple):
    """The labels and scores of one stratum; labels were drawn from it at random."""

    labels: Sequence[float]
    scores: Sequence[float]
    """Of the same units, in the same order."""
    unlabelled: Sequence[float]
    """Scores of the other units."""


def stratified_powered(strata: Sequence[PoweredStratum], *, confidence: float = 0.95) -> Powered | None:
    """The mean of the labels over all strata, each with a lambda of its own and weighted by its size.

    A stratum with fewer than `FEWEST` labels keeps the plain mean of its labels. The interval is from a t distribution
    with the degrees of freedom of Satterthwaite (1946).

    Returns:
        None where a stratum with units has fewer than two labels, or where there are fewer than `FEWEST_OF_EACH` of
        either label in all. `weight` is the mean lambda, by size.
    """
    present = [each for each in strata if len(each.labels) + len(each.unlabelled)]
    labels = [label for each in present for label in each.labels]
    positives = sum(label > 0.5 for label in labels)
    if min(positives, len(labels) - positives) < FEWEST_OF_EACH or any(len(each.labels) < 2 for each in present):
        return None
    whole = sum(len(each.labels) + len(each.unlabelled) for each in present)
    estimate = weight = 0.0
    parts: list[tuple[float, int]] = []
    for each in present:
        share = (len(each.labels) + len(each.unlabelled)) / whole
        mean, variance, used = _mean(each)
        estimate += share * mean
        weight += share * used
        parts.append((share**2 * variance, len(each.labels) - 1))
    variance = sum(part for part, _ in parts)
    if variance <= 0:
        return None
    freedom = variance**2 / sum(part**2 / degrees for part, degrees in parts)
    from scipy.stats import t  # a fifth of a second that every start would wait for

    half = float(t.ppf(1 - (1 - confidence) / 2, freedom)) * math.sqrt(variance)
    return Powered(estimate, Interval(max(0.0, estimate - half), min(1.0, estimate + half)), weight)


def _lambda(y: _Numbers, f: _Numbers, rest: _Numbers) -> float:
    """The weight of the scores that makes the variance smallest, between 0 and 1."""
    n, more = len(y), len(rest)
    spread = float(np.var(np.concatenate([f, rest]), ddof=1))
    if more < 2 or spread == 0:
        return 0.0
    covariance = float(np.cov(y, f, ddof=1)[0, 1])
    return min(1.0, max(0.0, covariance / ((1 + n / more) * spread)))


def _mean(stratum: PoweredStratum) -> tuple[float, float, float]:
    """Mean of the labels of a stratum, its variance, and the lambda that was used."""
    y, f, rest = (np.asarray(each, dtype=float) for each in stratum)
    n, more = len(y), len(rest)
    weight = _lambda(y, f, rest) if n >= FEWEST else 0.0
    left = y - weight * f
    variance, mean = float(np.var(left, ddof=1)) / n, float(left.mean())
    if weight:
        variance += weight**2 * float(np.var(rest, ddof=1)) / more
        mean += weight * float(rest.mean())
    return mean, variance, weight
