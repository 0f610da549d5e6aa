"""Comparing two models on the same prompts: only prompts on which they differ say anything.

McNemar (1947), "Note on the sampling error of the difference between correlated proportions", Psychometrika 12.
"""

from __future__ import annotations

from scipy.stats import binomtest


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p-value that both models fail equally often.

    Args:
        only_first: Prompts on which only the first model fails.
        only_second: Prompts on which only the second model fails.

    Example:
        >>> mcnemar(0, 0)
        1.0
    """
    differing = only_first + only_second
    return 1.0 if differing == 0 else float(binomtest(min(only_first, only_second), differing, 0.5).pvalue)
