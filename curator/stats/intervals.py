"""Confidence bounds for one rate.

Wilson for display: Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22.
Clopper-Pearson for gates, because it never promises more than it holds: Clopper and Pearson (1934), Biometrika 26.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple


class Interval(NamedTuple):
    """A two-sided confidence interval."""

    lower: float
    upper: float


def wilson(hits: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Two-sided Wilson interval of a rate with `hits` hits among `n`.

    Raises:
        ValueError: `n` is 0, or `hits` is not between 0 and `n`.
    """
    _check(hits, n)
    z = NormalDist().inv_cdf(1 - (1 - confidence) / 2)
    rate = hits / n
    centre = rate + z**2 / (2 * n)
    spread = z * math.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    lower = 0.0 if hits == 0 else max(0.0, (centre - spread) / scale)  # exactly 0, where rounding would leave 1e-18
    return Interval(lower, 1.0 if hits == n else min(1.0, (centre + spread) / scale))


def upper_bound(hits: int, n: int, *, confidence: float = 0.95) -> float:
    """One-sided Clopper-Pearson upper bound: the true rate lies below it with at least this confidence.

    Example:
        >>> round(upper_bound(0, 59), 4)
        0.0495
    """
    _check(hits, n)
    return 1.0 if hits == n else _beta_quantile(hits + 1, n - hits, confidence)


def lower_bound(hits: int, n: int, *, confidence: float = 0.95) -> float:
    """One-sided Clopper-Pearson lower bound: the true rate lies above it with at least this confidence."""
    _check(hits, n)
    return 0.0 if hits == 0 else _beta_quantile(hits, n - hits + 1, 1 - confidence)


def _beta_quantile(a: int, b: int, probability: float) -> float:
    from scipy.special import betaincinv  # a fifth of a second that every start would wait for

    return float(betaincinv(a, b, probability))


def needed(limit: float, hits: int, *, confidence: float = 0.95) -> int:
    """Smallest number of judgements with which `hits` hits still give an upper bound of at most `limit`.

    Example:
        >>> [needed(0.05, hits) for hits in range(4)]
        [59, 93, 124, 153]
    """
    if not 0 < limit < 1:
        raise ValueError(f"limit {limit} is not between 0 and 1")
    low, high = hits, max(1, hits)
    while upper_bound(hits, high, confidence=confidence) > limit:
        low, high = high, high * 2
    while high - low > 1:  # the bound falls with every further clean judgement
        middle = (low + high) // 2
        if upper_bound(hits, middle, confidence=confidence) > limit:
            low = middle
        else:
            high = middle
    return high


def _check(hits: int, n: int) -> None:
    if not 0 <= hits <= n or n == 0:
        raise ValueError(f"{hits} of {n} is not a rate")
