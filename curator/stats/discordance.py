"""Two models on the same prompts: which defects went, which are new, and whether that could be chance.

McNemar (1947), exact: under "no change" each discordant pair is as likely to go either way. Prompts that belong
together flip together, so the sign of a whole cluster is drawn (a permutation test); with clusters of one prompt this
is McNemar's test itself.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np


class Change(NamedTuple):
    """What changed from the first model to the second, in prompts."""

    fixed: int
    """Defective before, not after."""
    failing: int
    """Defective before and after."""
    broken: int
    """Defective only after."""
    fine: int
    p_value: float
    """Two-sided and exact: probability of a change at least this lopsided if there were none."""

    @property
    def difference(self) -> float:
        """Rate after minus rate before."""
        return (self.broken - self.fixed) / (self.fixed + self.failing + self.broken + self.fine)


def mcnemar(fixed: int, broken: int) -> float:
    """Two-sided exact p-value of McNemar's test.

    Example:
        >>> mcnemar(0, 5)
        0.0625
    """
    return _sign_flips(np.ones(fixed + broken, dtype=int), abs(fixed - broken))


def change(before: Sequence[bool], after: Sequence[bool], clusters: Sequence[Hashable] | None = None) -> Change:
    """How defects changed, prompt by prompt.

    Args:
        before: Whether each prompt's output of the first model is defective.
        after: The same of the second, in the same order.
        clusters: Which prompts belong together; by default each stands for itself.

    Raises:
        ValueError: The sequences differ in length or are empty.
    """
    clusters = range(len(before)) if clusters is None else clusters
    if not len(before) == len(after) == len(clusters) or not before:
        raise ValueError("one entry per prompt is needed in each sequence")
    by_cluster: dict[Hashable, int] = {}
    for first, second, cluster in zip(before, after, clusters, strict=True):
        by_cluster[cluster] = by_cluster.get(cluster, 0) + int(second) - int(first)
    pairs = list(zip(before, after, strict=True))
    steps = np.array([abs(each) for each in by_cluster.values() if each], dtype=int)
    return Change(
        fixed=sum(first and not second for first, second in pairs),
        failing=sum(first and second for first, second in pairs),
        broken=sum(second and not first for first, second in pairs),
        fine=sum(not first and not second for first, second in pairs),
        p_value=_sign_flips(steps, abs(sum(by_cluster.values()))),
    )


def _sign_flips(steps: np.ndarray[tuple[int], np.dtype[np.int_]], seen: int) -> float:
    """Probability that the sum of `steps` with random signs is at least `seen` away from 0."""
    reach = int(steps.sum())
    chance = np.zeros(2 * reach + 1)
    chance[reach] = 1.0
    for step in steps:
        chance = (np.roll(chance, step) + np.roll(chance, -step)) / 2  # never wraps: reach is the sum of all steps
    distance = np.abs(np.arange(2 * reach + 1) - reach)
    return float(min(1.0, chance[distance >= seen].sum()))
