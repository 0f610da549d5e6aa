"""Bounds that hold at every moment, so that a reviewer may look after each verdict and stop when it suffices.

Letters: n judged units, k defects among them, p a rate. The wealth against "the rate is at least p" is the likelihood
of what was seen, averaged over rates q below p, over its likelihood under p. While the true rate is p or more, every
factor of it has a mean of at most 1, so the wealth reaches 1 / alpha with a probability of at most alpha, at whatever
moment it is looked at: Ville (1939); Robbins (1970), "Statistical methods related to the law of the iterated
logarithm"; as bets in Waudby-Smith and Ramdas (2024), "Estimating means of bounded random variables by betting", JRSS
B 86. The average is over a Beta distribution cut off at p: a mixture of the tests of Wald (1945).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_A, _B = 0.5, 8.0
"""Of the Beta distribution: most of it lies on small rates, which are the ones that a release hopes for."""
_STEPS = 40
"""Of each bisection: exact to 1e-12."""


def wealth_against(limit: float, defects: int, n: int) -> float:
    """How strongly `defects` among `n` speak against a rate of `limit` or more; from 1 / alpha on they decide.

    Example:
        >>> wealth_against(0.05, 0, 0)
        1.0
    """
    return math.exp(min(700.0, _log_wealth(limit, defects, n)))


def anytime_upper(defective: Sequence[bool], *, confidence: float = 0.95) -> float:
    """One-sided upper bound of the rate after a series of verdicts, the smallest that stood at any moment of it.

    Args:
        defective: The verdicts in the order that was drawn before the first of them.
        confidence: That the bound is right at every moment, all taken together.
    """
    bound, defects = 1.0, 0
    for n, is_defective in enumerate(defective, 1):
        defects += is_defective
        if _log_wealth(bound, defects, n) >= _decisive(confidence) or bound == 1.0:
            bound = min(bound, _upper(defects, n, confidence))
    return bound


def anytime_lower(defective: Sequence[bool], *, confidence: float = 0.95) -> float:
    """One-sided lower bound of the rate, the largest that stood at any moment of the series."""
    bound, defects = 0.0, 0
    for n, is_defective in enumerate(defective, 1):
        defects += is_defective
        if is_defective:  # it rises at no other moment
            bound = max(bound, _lower(defects, n, confidence))
    return bound


def looks_needed(limit: float, defects: int, n: int, *, confidence: float = 0.95) -> int:
    """Further verdicts without a defect after which the bound is at most `limit`."""
    more = 0
    while _log_wealth(limit, defects, n + more) < _decisive(confidence):
        more += 1
    return more


def _decisive(confidence: float) -> float:
    """Log of the wealth that decides; after very many looks the confidence is 1 in floating point."""
    return -math.log(max(1 - confidence, 1e-300))


def _upper(defects: int, n: int, confidence: float) -> float:
    """The smallest p that the wealth speaks against: above k / n it grows with p."""
    low, high = defects / n, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _log_wealth(middle, defects, n) >= _decisive(confidence):
            high = middle
        else:
            low = middle
    return high


def _lower(defects: int, n: int, confidence: float) -> float:
    from scipy.special import betainc, betaln

    low, high = 0.0, defects / n
    for _ in range(_STEPS):
        middle = (low + high) / 2
        rest = 1 - betainc(1 + defects, 1 + n - defects, middle)  # rates above p, all alike
        log_wealth = (
            betaln(1 + defects, 1 + n - defects)
            + math.log(max(rest, 1e-300))
            - math.log1p(-middle)
            - defects * math.log(max(middle, 1e-300))
            - (n - defects) * math.log1p(-middle)
        )
        if log_wealth >= _decisive(confidence):
            low = middle
        else:
            high = middle
    return low


def _log_wealth(p: float, defects: int, n: int) -> float:
    from scipy.special import betainc, betaln  # a fifth of a second that every start would wait for

    if not 0 <= defects <= n:
        raise ValueError(f"{defects} of {n} is not a rate")
    if n == 0:
        return 0.0
    if p >= 1:
        return math.inf if defects < n else 0.0
    below, prior = betainc(_A + defects, _B + n - defects, p), betainc(_A, _B, p)
    if below == 0.0:
        return -math.inf
    likelihood = defects * math.log(p) + (n - defects) * math.log1p(-p)
    return float(
        betaln(_A + defects, _B + n - defects) + math.log(below) - betaln(_A, _B) - math.log(prior) - likelihood
    )
