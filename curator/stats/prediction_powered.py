"""A rate from few human labels and many scores of a detector, without trusting the detector.

PPI++: Angelopoulos, Duchi and Zrnic (2023), "PPI++: efficient prediction-powered inference", arXiv 2311.01453.
Letters: y labels, f scores, n units with both, N with a score alone; theta = lambda mean(f_N) + mean(y - lambda f_n),
where lambda makes the variance smallest. A score that says nothing gets a lambda near 0, and the mean of the labels
remains.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from curator.stats.intervals import Interval

FEWEST = 15
"""Labels below which no interval is given: the variance of a few labels is a guess."""


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
    y, f, rest = (np.asarray(each, dtype=float) for each in (labels, scores, unlabelled))
    n, more = len(y), len(rest)
    spread = float(np.var(np.concatenate([f, rest]), ddof=1))
    weight = 0.0
    if more > 1 and spread > 0:
        covariance = float(np.cov(y, f, ddof=1)[0, 1])
        weight = min(1.0, max(0.0, covariance / ((1 + n / more) * spread)))
    left = y - weight * f
    variance = float(np.var(left, ddof=1)) / n
    estimate = float(left.mean())
    if weight:
        variance += weight**2 * float(np.var(rest, ddof=1)) / more
        estimate += weight * float(rest.mean())
    from scipy.stats import t  # a fifth of a second that every start would wait for

    half = float(t.ppf(1 - (1 - confidence) / 2, n - 1)) * math.sqrt(variance)
    return Powered(estimate, Interval(max(0.0, estimate - half), min(1.0, estimate + half)), weight)
