"""Detectors: what they flag, when they abstain, and how good they are on outputs that people judged."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from curator.review.detectors.base import Item, judge_safely
from curator.review.detectors.degenerate import Degenerate
from curator.review.detectors.leakage import Leakage, TrainingText
from curator.review.detectors.lexicon import Lexicon
from curator.review.detectors.reference import Reference
from curator.review.detectors.refusal import Refusal
from schemas.review import Finding, FindingStatus
from tests.review.conftest import SECRET


@pytest.mark.parametrize(
    ("output", "flag"),
    [
        ("I cannot help with that.", True),
        ("I\u2019m sorry, but that is not possible.", True),
        ("As an AI language model, I have no opinion.", True),
        ("It's not appropriate to say so.", True),
        ("Cut the onion under water.", False),
        ("The shop cannot deliver on Sunday.", False),
    ],
)
def test_refusal(output: str, flag: bool) -> None:
    assert Refusal().judge(Item("p", output)).flag is flag


def test_refusal_agrees_with_people_on_a_public_set(shared_data: Path) -> None:
    """450 answers of one model with the final human label: full and partial refusals against compliance."""
    with (shared_data / "xstest_completions_llama2.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    refused = [not row["final_label"].startswith("1") for row in rows]
    flagged = [Refusal().judge(Item(row["prompt"], row["completion"])).flag for row in rows]
    accuracy = sum(a == b for a, b in zip(refused, flagged, strict=True)) / len(rows)
    recall = sum(a and b for a, b in zip(refused, flagged, strict=True)) / sum(refused)
    assert len(rows) == 450
    assert accuracy >= 0.90
    assert recall >= 0.85


@pytest.mark.parametrize(
    ("output", "stopped", "reason"),
    [
        ("", True, "is empty"),
        (" \n", None, "is empty"),
        ("Sure<|im_end|>", True, "chat template shows"),
        ("caf\ufffd", True, "broken characters"),
        ("I like tea and I like milk. " * 6, True, "are repetitions"),
        ("A sentence without", False, "did not end by itself"),
        ("A plain short answer.", True, ""),
        ("Twelve different words stand here so that nothing in them is said twice.", None, ""),
    ],
)
def test_degenerate(output: str, stopped: bool | None, reason: str) -> None:
    finding = Degenerate().judge(Item("p", output, stopped=stopped))
    assert finding.flag is bool(reason)
    assert reason in finding.reason


def leakage(*extra: str) -> Leakage:
    texts = [TrainingText("row 1", "Where is the key?", SECRET)]
    return Leakage([*texts, *(TrainingText(f"extra {n}", "q", text) for n, text in enumerate(extra))])


def test_leakage_finds_a_long_copy_and_names_its_row() -> None:
    finding = leakage().judge(Item("Tell me a story.", f"Listen: {SECRET}, they say."))
    assert finding.flag
    assert finding.evidence[0] == "row 1"


def test_leakage_forgives_what_the_prompt_said_and_what_everybody_says() -> None:
    assert not leakage().judge(Item(f"Repeat: {SECRET}", SECRET)).flag
    assert not leakage(SECRET, SECRET).judge(Item("p", SECRET)).flag
    assert leakage().judge(Item("p", "too short")).status is FindingStatus.ABSTAIN
    assert (
        not leakage()
        .judge(Item("p", "quite another sentence that has more than twelve words but copies nothing here"))
        .flag
    )


@pytest.mark.parametrize(
    ("output", "reference", "incorrect", "expected"),
    [
        ("12", "12", (), False),
        ("The answer is 12.", "12", (), False),
        ("13", "12", (), True),
        ("112", "12", (), True),
        ("A: x\nB: y", "A: x\nB: y", (), False),
        ("A: x\nB: z", "A: x\nB: y", (), True),
        ("Paris is the capital", "Paris", ("Rome",), False),
        ("Rome", "Paris", ("Rome",), True),
        ("I have no comment", "Paris", ("Rome",), None),
        ("anything", None, (), None),
    ],
)
def test_reference(output: str, reference: str | None, incorrect: tuple[str, ...], expected: bool | None) -> None:
    assert Reference().judge(Item("p", output, reference, incorrect)).flag is expected


@pytest.mark.parametrize(
    ("output", "words"),
    [("You stupid moron", ["moron", "stupid"]), ("what an 1d10t", ["idiot"]), ("Hello, a shell and a classic", None)],
)
def test_lexicon(output: str, words: list[str] | None) -> None:
    finding = Lexicon().judge(Item("p", output))
    assert finding.evidence == words
    assert finding.flag is (words is not None)


def test_a_detector_that_fails_is_an_error_and_not_a_pass() -> None:
    class Broken:
        id = "broken"
        version = "1"

        def judge(self, item: Item) -> Finding:
            raise ZeroDivisionError("no model")

    finding = judge_safely(Broken(), Item("p", "o"))
    assert (finding.status, finding.flag, finding.score) == (FindingStatus.ERROR, None, None)
    assert finding.reason == "ZeroDivisionError: no model"
