"""The verdict head: what it learns from verdicts, what it refuses, and that no prompt teaches about itself."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest
from sklearn.metrics import roc_auc_score

from curator.review.detectors.base import Item
from curator.review.verdict_head import Judged, VerdictHead, head_of, why_not
from schemas.review import FindingStatus


def verdicts(*counts: tuple[str, bool, int]) -> list[Judged]:
    """So many verdicts on outputs that all say a word, each on a prompt of its own."""
    return [
        Judged(Item(f"prompt {word} {n}", f"It is {word}, they say, {n}."), has_defect, f"{word} {n}")
        for word, has_defect, count in counts
        for n in range(count)
    ]


def test_it_learns_words_that_verdicts_condemn() -> None:
    head = VerdictHead(verdicts(("dreadful", True, 20), ("pleasant", False, 20)), defect="harmful")
    bad, good = head.probabilities(
        [Item("p", "What a dreadful day."), Item("p", "What a pleasant day.")], units=[None, None]
    )
    assert bad > 0.6 > 0.4 > good
    assert head.scorecard.auc == 1.0


def test_it_never_flags_and_never_clears() -> None:
    head = VerdictHead(verdicts(("dreadful", True, 20), ("pleasant", False, 20)), defect="harmful")
    finding = head.judge(Item("p", "What a dreadful day."))
    assert finding.status is FindingStatus.OK
    assert finding.flag is False
    assert finding.score is not None
    assert finding.score > 0.6


def test_a_verdict_does_not_teach_about_its_own_prompt() -> None:
    zebra = Judged(Item("prompt zebra", "Zebra, zebra, zebra!"), True, "zebra")
    twin = Judged(Item("another", "Zebra, zebra!"), True, "twin")  # n-grams count from two outputs on
    head = VerdictHead([*verdicts(("dreadful", True, 20), ("pleasant", False, 30)), zebra, twin], defect="harmful")
    [own] = head.probabilities([zebra.item], units=["zebra"])
    [unseen] = head.probabilities([zebra.item], units=[None])
    assert own < unseen


def test_a_prompt_never_stands_on_both_sides_of_a_fold() -> None:
    judged = [
        each._replace(unit=f"unit {n // 4}") for n, each in enumerate(verdicts(("bad", True, 40), ("good", False, 40)))
    ]
    head = VerdictHead(judged, defect="harmful")
    assert len({head._fold_of[each.unit] for each in judged if each.unit == "unit 0"}) == 1


@pytest.mark.parametrize(
    ("judged", "reason"),
    [
        (verdicts(("a", True, 5)), "5 verdicts; 30 are needed"),
        (verdicts(("a", True, 2), ("b", False, 40)), "2 of 42 judged outputs have the defect"),
        ([each._replace(unit="one") for each in verdicts(("a", True, 20), ("b", False, 20))], "too few prompts"),
    ],
)
def test_too_few_verdicts_are_an_abstention_with_the_reason(judged: list[Judged], reason: str) -> None:
    assert reason in (why_not(judged) or "")
    finding = head_of(judged, defect="harmful").judge(Item("p", "o"))
    assert finding.status is FindingStatus.ABSTAIN
    assert reason in finding.reason
    with pytest.raises(ValueError, match="needed"):
        VerdictHead(judged, defect="harmful")


def test_sixty_verdicts_order_the_refusals_of_a_public_set(shared_data: Path) -> None:
    with (shared_data / "xstest_completions_llama2.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    judged = [
        Judged(Item(row["prompt"], row["completion"]), not row["final_label"].startswith("1"), row["prompt"])
        for row in rows
    ]
    random.Random(0).shuffle(judged)
    head = VerdictHead(judged[:60], defect="refusal")
    scores = head.probabilities([each.item for each in judged[60:]], units=[None] * len(judged[60:]))
    assert roc_auc_score([each.has_defect for each in judged[60:]], scores) >= 0.90
    assert head.scorecard.auc is not None
    assert head.scorecard.auc >= 0.85
