"""Paired comparison of two models on the same records, by a bootstrap over groups.

Records of one group (a conversation, several answers to one instruction) are not independent: whole groups are drawn.
Efron and Tibshirani (1993), "An Introduction to the Bootstrap", chapters 8 and 13: percentile interval.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import bootstrap

from curator.stats.intervals import Interval


class RatioDifference(NamedTuple):
    """Change of a summed quantity per unit, such as the loss per token."""

    change: float
    """Sum of the differences over the sum of the sizes."""
    interval: Interval | None
    """Two-sided; None with a single group, from which nothing can be drawn."""
    groups: int
    improved: float
    """Share of records whose quantity became smaller."""


def ratio_difference(
    before: Sequence[float],
    after: Sequence[float],
    sizes: Sequence[float],
    groups: Sequence[Hashable],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> RatioDifference:
    """Change from `before` to `after`, both summed per record, divided by the summed `sizes`.

    Args:
        before: One number per record.
        after: Of the same records, in the same order.
        sizes: What each record counts, such as its tokens.
        groups: Which records belong together.
        confidence: Of the interval.
        resamples: Number of draws.
        seed: Of the draws.

    Raises:
        ValueError: The sequences differ in length or are empty.

    Example:
        >>> found = ratio_difference([4.0, 6.0], [2.0, 7.0], [2, 2], ["a", "b"])
        >>> found.change, found.improved
        (-0.25, 0.5)
    """
    if not len(before) == len(after) == len(sizes) == len(groups) or not before:
        raise ValueError("one entry per record is needed in each sequence")
    number = {group: n for n, group in enumerate(dict.fromkeys(groups))}
    index = np.array([number[group] for group in groups])
    changes = np.asarray(after, dtype=float) - np.asarray(before, dtype=float)
    per_group = np.bincount(index, weights=changes, minlength=len(number))
    size_of_group = np.bincount(index, weights=np.asarray(sizes, dtype=float), minlength=len(number))
    interval = None
    if len(number) > 1:
        drawn = bootstrap(
            (per_group, size_of_group),
            lambda change, size, axis: change.sum(axis=axis) / size.sum(axis=axis),
            paired=True,
            vectorized=True,
            confidence_level=confidence,
            n_resamples=resamples,
            method="percentile",
            rng=np.random.default_rng(seed),
        ).confidence_interval
        interval = Interval(float(drawn.low), float(drawn.high))
    return RatioDifference(
        change=float(per_group.sum() / size_of_group.sum()),
        interval=interval,
        groups=len(number),
        improved=float((changes < 0).mean()),
    )
