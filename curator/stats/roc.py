"""Area under the ROC curve with its interval: how well a score orders bad before good.

The area is the chance that a random positive scores above a random negative, ties counted half (Mann and Whitney
1947); its variance is that of DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44, by mid-ranks as in Sun and Xu
(2014), IEEE Signal Processing Letters 21.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np


class Area(NamedTuple):
    """An area under the ROC curve with its two-sided interval."""

    value: float
    lower: float
    upper: float


def area_under_roc(scores: Sequence[float], labels: Sequence[bool], *, confidence: float = 0.95) -> Area:
    """Area under the ROC curve of `scores` for `labels`; 0.5 orders like chance.

    Raises:
        ValueError: The lists differ in length, or one of the two classes is missing.

    Example:
        >>> area_under_roc([0.9, 0.8, 0.3, 0.1], [True, False, True, False]).value
        0.75
    """
    if len(scores) != len(labels):
        raise ValueError("there is one label for every score")
    is_positive = np.asarray(labels, dtype=bool)
    values = np.asarray(scores, dtype=float)
    positives, negatives = values[is_positive], values[~is_positive]
    m, n = len(positives), len(negatives)
    if m == 0 or n == 0:
        raise ValueError("both classes are needed")
    among_all = _mid_ranks(np.concatenate([positives, negatives]))
    above_negatives = (among_all[:m] - _mid_ranks(positives)) / n
    below_positives = 1 - (among_all[m:] - _mid_ranks(negatives)) / m
    value = float(above_negatives.mean())
    variance = (above_negatives.var(ddof=1) / m if m > 1 else 0.0) + (below_positives.var(ddof=1) / n if n > 1 else 0.0)
    spread = NormalDist().inv_cdf(0.5 + confidence / 2) * math.sqrt(variance)
    return Area(value, max(0.0, value - spread), min(1.0, value + spread))


def _mid_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], dtype=float)
