"""Agreement of several people on one question, with intervals.

Every statistic is computed from one table of counts: how many people gave each category to each record. Records that
fewer than two people judged say nothing about agreement and are left out. A statistic that is not defined, because
there is no pair of judgements or no variation to agree about, is None and never a number.

Cohen (1960, 1968), "A coefficient of agreement for nominal scales", "Weighted kappa"; Krippendorff (2011), "Computing
Krippendorff's Alpha-Reliability"; Gwet (2008), "Computing inter-rater reliability and its variance in the presence of
high agreement"; Cicchetti and Feinstein (1990), "High agreement but low kappa: II", for positive agreement.

U stands for records (units), C for categories.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from curator.stats.intervals import Interval

Ratings = Sequence[Mapping[str, Hashable]]
"""For every record what each person said; a person who said nothing is not in it."""
Level = Literal["nominal", "ordinal", "interval"]
_Counts = NDArray[np.float64]


class Agreement(NamedTuple):
    """One statistic over the records that at least two people judged."""

    value: float | None
    """None where the statistic is not defined."""
    interval: Interval | None
    """Two-sided, by drawing whole records; None with fewer than two records or where most draws define no value."""
    records: int
    judgements: int
    """On those records."""


class _Table(NamedTuple):
    counts: _Counts
    """(U, C): judgements per record and category, only of records with at least two."""
    categories: list[Hashable]


def percent_agreement(ratings: Ratings) -> float | None:
    """Mean over records of the share of pairs of judgements that agree.

    Example:
        >>> percent_agreement([{"ada": 1, "ben": 1}, {"ada": 1, "ben": 2}, {"ada": 2}])
        0.5
    """
    return _percent(_table(ratings), None)


def krippendorff_alpha(ratings: Ratings, *, level: Level = "nominal") -> float | None:
    """Krippendorff's alpha: 1 for perfect agreement, 0 for what chance alone reaches; None without variation.

    Args:
        ratings: Any number of people; judgements may be missing.
        level: How far two categories are apart: the same or not (`nominal`), by rank (`ordinal`), or by their
            difference (`interval`). The latter two need numbers.

    Example:
        >>> krippendorff_alpha([{"a": 1, "b": 1}, {"a": 2, "b": 2}])
        1.0
    """
    return _alpha(_table(ratings), None, level)


def gwet_ac1(ratings: Ratings, *, categories: int | None = None) -> float | None:
    """Gwet's AC1, which stays meaningful where one category is rare.

    Args:
        ratings: Any number of people; judgements may be missing.
        categories: Number of possible categories; by default those that were used. None is the result below two.
    """
    return _ac1(_table(ratings), None, categories)


def positive_agreement(ratings: Ratings, *, positive: Hashable = True) -> float | None:
    """Of the judgements `positive`, the share whose partner said so, too; None where no person said so.

    For two people 2a / (2a + b + c), where a counts records that both call positive and b + c those that one does.
    For more, every ordered pair of judgements on a record counts, each record with equal weight per judgement.
    """
    return _positive(_table(ratings), None, positive)


def cohen_kappa(
    first: Sequence[Hashable], second: Sequence[Hashable], *, weights: Literal["linear", "quadratic"] | None = None
) -> float | None:
    """Cohen's kappa of two people who judged the same records; None when chance alone would agree always.

    Args:
        first: One judgement per record.
        second: Of the same records, in the same order.
        weights: Count far disagreements more, by the distance of the categories' ranks or its square.

    Raises:
        ValueError: The sequences differ in length.

    Example:
        >>> cohen_kappa(["a", "a", "b", "b"], ["a", "a", "b", "a"])
        0.5
    """
    if len(first) != len(second):
        raise ValueError("one judgement per record is needed from each")
    if not first:
        return None
    index = {category: n for n, category in enumerate(_ordered({*first, *second}))}
    size = len(index)
    table = np.zeros((size, size))
    np.add.at(table, ([index[each] for each in first], [index[each] for each in second]), 1)
    rank = np.arange(size)
    apart = np.abs(rank[:, None] - rank[None, :]).astype(float)
    cost = (apart > 0).astype(float) if weights is None else apart if weights == "linear" else apart**2
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    by_chance = float((cost * expected).sum())
    return None if by_chance == 0 else 1 - float((cost * table).sum()) / by_chance


Statistic = Literal["percent", "alpha", "ac1", "positive"]


def measure(
    ratings: Ratings,
    statistic: Statistic,
    *,
    level: Level = "nominal",
    positive: Hashable = True,
    categories: int | None = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Agreement:
    """A statistic with its percentile interval from drawing records with replacement (Efron, 1979).

    Args:
        ratings: For every record what each person said.
        statistic: `percent`, `alpha`, `ac1` or `positive`.
        level: Of alpha.
        positive: Category of the positive agreement.
        categories: Of AC1.
        confidence: Of the interval.
        resamples: Number of draws.
        seed: Of the draws.
    """
    table = _table(ratings)
    compute: Callable[[_Table, NDArray[np.float64] | None], float | None] = {
        "percent": _percent,
        "alpha": lambda t, w: _alpha(t, w, level),
        "ac1": lambda t, w: _ac1(t, w, categories),
        "positive": lambda t, w: _positive(t, w, positive),
    }[statistic]
    units = len(table.counts)
    value = compute(table, None) if units else None
    interval = None
    if value is not None and units > 1:
        draw = np.random.default_rng(seed)
        times = draw.multinomial(units, np.full(units, 1 / units), size=resamples).astype(float)
        coefficients = [each for each in (compute(table, row) for row in times) if each is not None]
        if len(coefficients) > resamples / 2:
            low, high = np.quantile(coefficients, [(1 - confidence) / 2, (1 + confidence) / 2])
            interval = Interval(float(low), float(high))
    return Agreement(value, interval, units, int(table.counts.sum()))


def _ordered(values: set[Hashable]) -> list[Hashable]:
    """Numbers by size, anything else by its text."""
    if all(isinstance(value, int | float) for value in values):
        return sorted(values, key=lambda value: float(value))  # type: ignore[arg-type]
    return sorted(values, key=str)


def _table(ratings: Ratings) -> _Table:
    judged = [list(each.values()) for each in ratings if len(each) > 1]
    categories = _ordered({value for values in judged for value in values})
    index = {category: n for n, category in enumerate(categories)}
    counts = np.zeros((len(judged), len(categories)))
    for row, values in enumerate(judged):
        for value in values:
            counts[row, index[value]] += 1
    return _Table(counts, categories)


def _weights(table: _Table, times: NDArray[np.float64] | None) -> NDArray[np.float64]:
    return np.ones(len(table.counts)) if times is None else times


def _pairs(table: _Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Per record: the ordered pairs of judgements that agree, and all of them."""
    ratings = table.counts.sum(axis=1)
    return (table.counts * (table.counts - 1)).sum(axis=1), ratings * (ratings - 1)


def _percent(table: _Table, times: NDArray[np.float64] | None) -> float | None:
    weights = _weights(table, times)
    if weights.sum() == 0:
        return None
    agreeing, pairs = _pairs(table)
    return float((weights * agreeing / pairs).sum() / weights.sum())


def _alpha(table: _Table, times: NDArray[np.float64] | None, level: Level) -> float | None:
    weights = _weights(table, times)
    if weights.sum() == 0:
        return None
    ratings = table.counts.sum(axis=1)
    share = weights / (ratings - 1)
    coincidences = (table.counts * share[:, None]).T @ table.counts
    coincidences[np.diag_indices_from(coincidences)] -= (table.counts * share[:, None]).sum(axis=0)
    total = coincidences.sum(axis=1)
    distance = _distances(table.categories, total, level)
    n = total.sum()
    by_chance = float((distance * np.outer(total, total)).sum()) / (n - 1)
    return None if by_chance == 0 else float(1 - (distance * coincidences).sum() / by_chance)


def _distances(categories: list[Hashable], total: NDArray[np.float64], level: Level) -> NDArray[np.float64]:
    """(C, C): squared distance of two categories at a level of measurement."""
    if level == "nominal":
        return 1 - np.eye(len(categories))
    if level == "interval":
        values = np.array([float(each) for each in categories])  # type: ignore[arg-type]
        return np.asarray((values[:, None] - values[None, :]) ** 2)
    below = np.cumsum(total) - total / 2  # the middle rank of every category
    return np.asarray((below[:, None] - below[None, :]) ** 2)


def _ac1(table: _Table, times: NDArray[np.float64] | None, categories: int | None) -> float | None:
    weights = _weights(table, times)
    size = len(table.categories) if categories is None else categories
    observed = _percent(table, times)
    if observed is None or size < 2:
        return None
    share = (weights[:, None] * table.counts / table.counts.sum(axis=1, keepdims=True)).sum(axis=0) / weights.sum()
    by_chance = float((share * (1 - share)).sum()) / (size - 1)
    return (observed - by_chance) / (1 - by_chance)


def _positive(table: _Table, times: NDArray[np.float64] | None, positive: Hashable) -> float | None:
    if positive not in table.categories:
        return None
    weights = _weights(table, times)
    said = table.counts[:, table.categories.index(positive)]
    partners = table.counts.sum(axis=1) - 1
    both = (weights * said * (said - 1) / partners).sum()
    any_of = (weights * said).sum()
    return None if any_of == 0 else float(both / any_of)
