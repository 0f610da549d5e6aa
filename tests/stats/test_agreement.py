"""Agreement: published worked examples, other libraries, and the cases in which there is nothing to say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters, cohens_kappa, fleiss_kappa

from curator.stats import agreement

# Krippendorff (2011), sections C and D: four observers, twelve units, some judgements missing.
FOUR = {
    "A": "1 2 3 3 2 1 4 1 2 . . .",
    "B": "1 2 3 3 2 2 4 1 2 5 . 3",
    "C": ". 3 3 3 2 3 4 2 2 5 1 .",
    "D": "1 2 3 3 2 4 4 1 2 5 1 .",
}


def units(said: dict[str, str]) -> list[dict[str, str]]:
    columns = {person: values.split() for person, values in said.items()}
    size = len(next(iter(columns.values())))
    return [{person: column[n] for person, column in columns.items() if column[n] != "."} for n in range(size)]


def numbers(ratings: list[dict[str, str]]) -> list[dict[str, int]]:
    return [{person: int(value) for person, value in unit.items()} for unit in ratings]


@pytest.mark.parametrize(("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_of_four_observers_is_the_published_one(level: agreement.Level, published: float) -> None:
    found = agreement.krippendorff_alpha(numbers(units(FOUR)), level=level)
    assert found == pytest.approx(published, abs=0.0005)


@pytest.mark.parametrize(
    ("first", "second", "published"),
    [
        ("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0", 0.095),  # section A, binary
        ("a a b b d c c c e d d a", "b a b b b c c c e d d d", 0.692),  # section B, nominal
    ],
)
def test_alpha_of_two_observers_is_the_published_one(first: str, second: str, published: float) -> None:
    found = agreement.krippendorff_alpha(units({"first": first, "second": second}))
    assert found == pytest.approx(published, abs=0.0005)


def test_ac1_stays_high_where_kappa_breaks_down() -> None:
    """118 times both say yes, 5 and 2 times only one does, never both no.

    Agreement 118 / 125 = 0.944; share of yes (123 + 120) / 250 = 0.972; by chance 2 * 0.972 * 0.028 = 0.054432.
    """
    pairs = [("yes", "yes")] * 118 + [("yes", "no")] * 5 + [("no", "yes")] * 2
    ratings = [{"a": first, "b": second} for first, second in pairs]
    assert agreement.gwet_ac1(ratings) == pytest.approx((0.944 - 0.054432) / (1 - 0.054432))
    assert agreement.cohen_kappa(*zip(*pairs, strict=True)) == pytest.approx(-0.0234, abs=0.0005)
    assert agreement.positive_agreement(ratings, positive="yes") == pytest.approx(2 * 118 / (2 * 118 + 7))
    assert agreement.positive_agreement(ratings, positive="no") == 0


@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
def test_kappa_is_that_of_scikit_learn_and_statsmodels(weights: str | None) -> None:
    draw = np.random.default_rng(1)
    first = draw.integers(1, 6, 300)
    second = np.where(draw.random(300) < 0.6, first, draw.integers(1, 6, 300))
    found = agreement.cohen_kappa(first.tolist(), second.tolist(), weights=weights)
    assert found == pytest.approx(cohen_kappa_score(first, second, weights=weights))
    table = np.zeros((5, 5))
    np.add.at(table, (first - 1, second - 1), 1)
    names = {None: None, "linear": "linear", "quadratic": "quadratic"}
    assert found == pytest.approx(cohens_kappa(table, wt=names[weights]).kappa)


def test_percent_agreement_of_three_is_that_behind_fleiss_kappa() -> None:
    """Fleiss' kappa = (observed - chance) / (1 - chance), and chance follows from the shares of the categories."""
    draw = np.random.default_rng(2)
    data = draw.integers(0, 3, (80, 3))
    table, _ = aggregate_raters(data)
    shares = table.sum(axis=0) / table.sum()
    by_chance = float((shares**2).sum())
    observed = agreement.percent_agreement([dict(zip("abc", row, strict=True)) for row in data.tolist()])
    assert (observed - by_chance) / (1 - by_chance) == pytest.approx(fleiss_kappa(table))


@given(st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=4), min_size=2, max_size=20))
@settings(max_examples=60, deadline=None)
def test_names_of_categories_and_order_do_not_matter(values: list[list[int]]) -> None:
    ratings = [dict(enumerate(unit)) for unit in values]
    renamed = [{person: "xyzw"[value] for person, value in reversed(unit.items())} for unit in reversed(ratings)]
    for statistic in (agreement.percent_agreement, agreement.krippendorff_alpha, agreement.gwet_ac1):
        found, again = statistic(ratings), statistic(renamed)
        assert (found is None) == (again is None)
        assert found is None or found == pytest.approx(again)


def test_perfect_agreement_with_variation_is_one() -> None:
    ratings = [{"a": value, "b": value, "c": value} for value in (1, 2, 3, 1)]
    for level in ("nominal", "ordinal", "interval"):
        assert agreement.krippendorff_alpha(ratings, level=level) == pytest.approx(1)
    assert agreement.gwet_ac1(ratings) == pytest.approx(1)
    assert agreement.percent_agreement(ratings) == 1


def test_what_is_not_defined_is_none() -> None:
    constant = [{"a": 1, "b": 1}, {"a": 1, "b": 1}]
    assert agreement.krippendorff_alpha(constant) is None
    assert agreement.cohen_kappa([1, 1], [1, 1]) is None
    assert agreement.gwet_ac1(constant) is None
    assert agreement.gwet_ac1(constant, categories=5) == 1
    assert agreement.positive_agreement(constant, positive=2) is None
    for nothing in ([], [{"a": 1}], [{}]):
        assert agreement.percent_agreement(nothing) is None
        assert agreement.krippendorff_alpha(nothing) is None
        assert agreement.measure(nothing, "alpha") == (None, None, 0, 0)


def test_records_with_one_judgement_change_nothing() -> None:
    ratings = numbers(units(FOUR))
    alone = [*ratings, {"A": 1}, {"B": 5}]
    assert agreement.measure(alone, "alpha") == agreement.measure(ratings, "alpha")


def test_the_interval_holds_the_value_and_narrows_with_more_records() -> None:
    draw = np.random.default_rng(3)

    def judged(size: int) -> list[dict[str, int]]:
        truth = draw.integers(0, 2, size)
        return [{person: int(t) if draw.random() < 0.85 else int(1 - t) for person in "abc"} for t in truth]

    widths = []
    for size in (30, 1000):
        for statistic in ("percent", "alpha", "ac1", "positive"):
            found = agreement.measure(judged(size), statistic, positive=1)
            assert found.interval.lower <= found.value <= found.interval.upper
            assert (found.records, found.judgements) == (size, 3 * size)
        widths.append(found.interval.upper - found.interval.lower)
    assert widths[1] < widths[0] / 3
