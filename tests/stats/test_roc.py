"""The area under the ROC curve against scikit-learn's, and its interval against how often it covers."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from curator.stats.roc import area_under_roc

LABELLED = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=60)


@given(LABELLED)
@settings(max_examples=200)
def test_the_area_equals_that_of_scikit_learn_with_ties(labelled: list[tuple[int, bool]]) -> None:
    scores = [float(score) for score, _ in labelled]
    labels = [label for _, label in labelled]
    if len(set(labels)) < 2:
        with pytest.raises(ValueError, match="both classes"):
            area_under_roc(scores, labels)
    else:
        area = area_under_roc(scores, labels)
        assert area.value == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
        assert 0 <= area.lower <= area.value <= area.upper <= 1


def test_the_interval_covers_the_true_area_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    true_area = 0.7602499389065233  # of two normal distributions one standard deviation apart: Phi(1 / sqrt 2)
    covered = 0
    for _ in range(1_000):
        scores = np.concatenate([generator.normal(1, 1, 60), generator.normal(0, 1, 90)])
        area = area_under_roc(scores.tolist(), [True] * 60 + [False] * 90)
        covered += area.lower <= true_area <= area.upper
    assert 925 <= covered <= 970


def test_the_order_of_the_pairs_does_not_matter() -> None:
    labelled = [(random.Random(n).random(), n % 3 == 0) for n in range(50)]
    forwards = area_under_roc([score for score, _ in labelled], [label for _, label in labelled])
    backwards = area_under_roc([score for score, _ in labelled[::-1]], [label for _, label in labelled[::-1]])
    assert forwards == pytest.approx(backwards)
