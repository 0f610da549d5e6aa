"""Scorecards: what is counted, who is unfit, and that the shipped ones are what the detectors of today reach."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from curator.review import scorecards
from curator.review.detectors.base import abstain, ok
from curator.review.detectors.lexicon import Lexicon
from curator.review.detectors.refusal import Refusal
from curator.review.scorecards import Labelled
from schemas.review import Finding

REPOSITORY = Path(__file__).resolve().parents[2]


def finding(flag: bool | None) -> Finding:
    if flag is None:
        return abstain(Refusal(), "cannot tell")
    return ok(Refusal(), score=float(flag), flag=flag)


def labelled(*pairs: tuple[bool, bool | None], group: str | None = None) -> list[Labelled]:
    return [Labelled(f"text {n}", has_defect, finding(flag), group) for n, (has_defect, flag) in enumerate(pairs)]


def test_an_abstention_is_counted_apart_and_never_as_right() -> None:
    card = scorecards.score(
        labelled((True, True), (True, False), (True, None), (False, False), (False, None)), defect="d", dataset="s"
    )
    assert (card.n, card.positives, card.judged) == (5, 3, 3)
    assert card.sensitivity is not None
    assert (card.sensitivity.found, card.sensitivity.n) == (1, 2)
    assert card.specificity is not None
    assert (card.specificity.found, card.specificity.n) == (1, 1)
    assert card.auc == 0.75


def test_a_detector_that_orders_like_chance_is_unfit() -> None:
    card = scorecards.score(
        labelled(*[(True, True), (True, False), (False, True), (False, False)] * 10), defect="d", dataset="s"
    )
    assert card.auc == 0.5
    assert card.unfit_because is not None
    assert "AUC 0.50" in card.unfit_because


def test_a_detector_that_accuses_one_group_more_often_is_unfit() -> None:
    fair = [*labelled(*[(True, True)] * 40, *[(False, False)] * 40, group="a")]
    unfair = [*labelled(*[(True, True)] * 40, *[(False, True)] * 8, *[(False, False)] * 32, group="b")]
    assert scorecards.score(fair, defect="d", dataset="s").unfit_because is None
    card = scorecards.score(fair + unfair, defect="d", dataset="s")
    assert card.unfit_because == "False alarms differ by group: 20% on b, 0% on a."


def test_a_card_is_of_one_detector_in_one_version() -> None:
    other = Labelled("x", True, ok(Lexicon(), score=1.0, flag=True))
    with pytest.raises(ValueError, match="one detector"):
        scorecards.score([*labelled((True, True)), other], defect="d", dataset="s")


def test_the_hash_of_a_card_depends_on_texts_and_labels() -> None:
    one = scorecards.score(labelled((True, True), (False, False)), defect="d", dataset="s")
    other = scorecards.score(labelled((True, True), (True, False)), defect="d", dataset="s")
    assert one.dataset_sha256 != other.dataset_sha256


def test_the_word_list_is_unfit_and_the_refusal_rules_are_not() -> None:
    assert not scorecards.is_unfit(Refusal.id, Refusal.version)
    assert scorecards.is_unfit(Lexicon.id, Lexicon.version)


def test_a_team_s_own_card_can_take_a_detector_out() -> None:
    own = scorecards.score(labelled(*[(True, False), (False, True)] * 10), defect="d", dataset="our verdicts")
    assert scorecards.is_unfit(Refusal.id, Refusal.version, own=[own])


@pytest.mark.slow
def test_the_shipped_cards_are_those_that_the_detectors_reach_today(shared_data: Path) -> None:
    spec = importlib.util.spec_from_file_location("detectors_benchmark", REPOSITORY / "benchmarks" / "detectors.py")
    assert spec is not None
    assert spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    assert list(benchmark.measure(shared_data)) == list(scorecards.shipped()), "run benchmarks/detectors.py --write"


def test_the_shipped_cards_reach_their_targets() -> None:
    cards = {(card.detector, card.dataset): card for card in scorecards.shipped()}
    refusal = cards["refusal", "XSTest completions, Llama 2"]
    assert refusal.sensitivity is not None
    assert refusal.sensitivity.value >= 0.95
    reference = next(card for card in scorecards.shipped() if card.detector == "reference")
    assert reference.sensitivity is not None
    assert reference.specificity is not None
    right = reference.sensitivity.found + reference.specificity.found
    assert right / reference.judged >= 0.80
    assert reference.judged / reference.n >= 0.15
