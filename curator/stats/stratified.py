"""Exact bounds on a rate of which the strata were sampled with different probabilities.

Letters: W_h share of stratum h in the population, n_h judged and k_h defects among them, p_h its true rate. The rate
is sum W_h p_h, its estimate T = sum W_h k_h / n_h. The upper bound is the largest rate of which T would still have
come out this small or smaller with probability alpha, whatever the rates inside the strata: Buehler (1957),
"Confidence intervals for the product of two binomial parameters", JASA 52, applied to a weighted sum. With a single
stratum it is the bound of Clopper and Pearson; where everything was judged it is theirs for the pooled count, up to
the last digits.

Judging without replacement makes T less variable than this assumes, so the bound holds for the prompts of the suite and
for the prompts that these stand for.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curator.stats.intervals import upper_bound

_TOLERANCE = 1e-5
"""Of the bound, which is rounded up."""
_START_POINTS = 13
"""Of the search, along each side of the space of the rates."""
_ROUNDS = 6


class Stratum(NamedTuple):
    """What was judged of one stratum."""

    total: int
    """Units in it."""
    judged: int
    """Of those, drawn at random and judged."""
    defects: int
    """Of those, defective."""


def weighted_rate(strata: Sequence[Stratum]) -> float | None:
    """Estimate of the rate over all strata; None while a stratum has no judged unit.

    Example:
        >>> weighted_rate([Stratum(10, 10, 5), Stratum(90, 45, 0)])
        0.05
    """
    strata = [stratum for stratum in strata if stratum.total]
    if not strata or any(stratum.judged == 0 for stratum in strata):
        return None
    whole = sum(stratum.total for stratum in strata)
    return sum(stratum.total / whole * stratum.defects / stratum.judged for stratum in strata)


def stratified_upper(strata: Sequence[Stratum], *, confidence: float = 0.95) -> float:
    """One-sided upper bound of the rate over all strata; 1 while a stratum has no judged unit.

    Example:
        >>> round(stratified_upper([Stratum(59, 59, 0)]), 4)
        0.0495
    """
    for stratum in strata:
        if not 0 <= stratum.defects <= stratum.judged <= stratum.total:
            raise ValueError(f"{stratum} is not a stratum")
    present = tuple(sorted(stratum for stratum in strata if stratum.total))
    if not present or any(stratum.judged == 0 for stratum in present):
        return 1.0
    if all(stratum.defects == stratum.judged for stratum in present):
        return 1.0
    if len({stratum.judged / stratum.total for stratum in present}) == 1:
        # proportional: T is the pooled share, and equal rates are the least favourable ones (Hoeffding, 1956)
        judged, defects = sum(each.judged for each in present), sum(each.defects for each in present)
        pooled = upper_bound(defects, judged, confidence=confidence)
        if defects <= judged * pooled - 1:
            return pooled
    return max(_search(present, confidence, last) for last in range(len(present)))


def stratified_lower(strata: Sequence[Stratum], *, confidence: float = 0.95) -> float:
    """One-sided lower bound of the rate over all strata; what was not judged counts as free of defects."""
    sound = [each._replace(defects=each.judged - each.defects) for each in strata if each.total]
    return 0.0 if not sound else max(0.0, 1 - stratified_upper(sound, confidence=confidence))


@functools.lru_cache(maxsize=4096)
def _search(strata: tuple[Stratum, ...], confidence: float, last: int) -> float:
    """The largest rate that is still likely enough, over a grid of the rates that is refined around its best points.

    The rate of stratum `last` is solved for, those of the others lie on the grid. A maximum at the edge of one grid can
    lie inside another, so the caller tries every stratum.
    """
    whole = sum(stratum.total for stratum in strata)
    weights = np.array([stratum.total / whole for stratum in strata])
    chance = _Chance(strata, weights)
    others = [n for n in range(len(strata)) if n != last]
    alone = [upper_bound(each.defects, each.judged, confidence=1 - (1 - confidence) / 50) for each in strata]
    low, high = np.zeros(len(others)), np.array([min(1.0, max(alone[n], 3 / strata[n].judged)) for n in others])
    high = np.where([strata[n].judged < 3 for n in others], 1.0, np.maximum(high, 0.05))
    best, best_at = 0.0, low
    for _ in range(_ROUNDS):
        axes = [np.linspace(a, b, _START_POINTS) for a, b in zip(low, high, strict=True)]
        grid = np.array(list(itertools.product(*axes))) if axes else np.zeros((1, 0))
        rates = np.zeros((len(grid), len(strata)))
        rates[:, others] = grid
        rates[:, last] = chance.largest(rates, last, 1 - confidence)
        values = np.where(np.isnan(rates[:, last]), -1.0, rates @ weights)
        top = int(np.argmax(values))
        if values[top] >= best:
            best, best_at = float(values[top]), grid[top]
        step = (high - low) / (_START_POINTS - 1)
        low, high = np.maximum(0.0, best_at - 2 * step), np.minimum(1.0, best_at + 2 * step)
    return min(1.0, best + _TOLERANCE)


class _Chance:
    """Pr(T <= what was seen) as a function of the rates inside the strata."""

    def __init__(self, strata: tuple[Stratum, ...], weights: NDArray[np.float64]) -> None:
        self._judged = np.array([stratum.judged for stratum in strata])
        self._step = weights / self._judged
        self._seen = float(sum(self._step[n] * stratum.defects for n, stratum in enumerate(strata)))

    def largest(self, rates: NDArray[np.float64], last: int, alpha: float) -> NDArray[np.float64]:
        """For each row (R, H) the largest rate of stratum `last` with a chance of at least alpha; NaN without one."""
        others = [n for n in range(len(self._judged)) if n != last]
        room = [np.arange(min(self._judged[n], int(self._seen / self._step[n] + 1e-9)) + 1) for n in others]
        combinations = np.array(list(itertools.product(*room))) if others else np.zeros((1, 0), dtype=int)
        rest = self._seen - combinations @ self._step[others]
        fits = rest >= -1e-12
        combinations, rest = combinations[fits], np.maximum(rest[fits], 0)
        most = np.minimum(np.floor(rest / self._step[last] + 1e-9), self._judged[last]).astype(int)
        weight = np.ones((len(rates), len(combinations)))
        from scipy.stats import binom  # a fifth of a second that every start would wait for

        for place, n in enumerate(others):
            weight *= binom.pmf(combinations[:, place][None, :], self._judged[n], rates[:, n][:, None])
        counts, inverse = np.unique(most, return_inverse=True)
        grouped = np.zeros((len(rates), len(counts)))
        np.add.at(grouped.T, inverse, weight.T)

        def chance(p: NDArray[np.float64]) -> NDArray[np.float64]:
            below: NDArray[np.float64] = binom.cdf(counts[None, :], self._judged[last], p[:, None])
            total: NDArray[np.float64] = (grouped * below).sum(axis=1)
            return total

        low, high = np.zeros(len(rates)), np.ones(len(rates))
        impossible = chance(low) < alpha
        for _ in range(26):  # to 1.5e-8
            middle = (low + high) / 2
            enough = chance(middle) >= alpha
            low, high = np.where(enough, middle, low), np.where(enough, high, middle)
        return np.where(impossible, np.nan, np.where(chance(np.ones(len(rates))) >= alpha, 1.0, high))
