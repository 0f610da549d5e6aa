"""Screening holds: the same findings from any number of processes, and a detector that fails in any way is an error."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from curator.errors import ReviewError
from curator.review.detectors.base import Item, abstain, judge_all_safely, ok
from curator.review.detectors.degenerate import Degenerate
from curator.review.detectors.leakage import Leakage, TrainingText
from curator.review.detectors.quantity import QuantityContradiction
from curator.review.detectors.refusal import Refusal
from curator.review.judging import Guests, judge_parts
from curator.review.screen import screen_file
from schemas.review import Finding, FindingStatus

ITEMS = [
    Item(f"Question {n}", text, ("5 lamps",))
    for n, text in enumerate(["I'm sorry, I can't help.", "ha " * 90, "There are 7 lamps.", "", "A calm answer."] * 30)
]


@pytest.mark.slow
def test_processes_find_what_one_process_finds_in_the_same_order() -> None:
    training = [TrainingText("r", "Where?", "the spare key lies under the third stone behind the old mill in the wood")]
    detectors = [Refusal(), Degenerate(), QuantityContradiction(), Leakage(training)]
    parts = [[ITEMS[n : n + 40]] * len(detectors) for n in range(0, len(ITEMS), 40)]
    here = list(judge_parts(parts, detectors, many=False))
    assert list(judge_parts(parts, detectors, many=True, workers=2)) == here
    assert sum(bool(finding.flag) for part in here for found in part for finding in found) >= 60


class Odd:
    """Answers as it is told."""

    id = "odd"
    version = "1"

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def judge(self, item: Item) -> Finding:
        return self._answer  # type: ignore[return-value]


class Another(Odd):
    id = "another"


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "clean",
        {"flag": False, "score": 0.0},
        ok(Another(None), score=0.0, flag=False),
        Finding(detector="odd", version="1", status=FindingStatus.OK, flag=False, score=float("nan")),
        Finding(detector="odd", version="1", status=FindingStatus.OK, flag=False, score=-3.0),
    ],
)
def test_an_answer_that_is_nonsense_is_an_error_and_no_pass(answer: object) -> None:
    [finding] = judge_all_safely(Odd(answer), [Item("p", "o")])
    assert (finding.status, finding.flag, finding.detector) == (FindingStatus.ERROR, None, "odd")


def test_too_few_answers_for_many_outputs_are_asked_for_one_by_one() -> None:
    class Forgetful(Odd):
        def judge_many(self, items: Sequence[Item]) -> list[Finding]:
            return [abstain(self, "first")]

    found = judge_all_safely(Forgetful(ok(Odd(None), score=1.0, flag=True)), [Item("p", "a"), Item("p", "b")])
    assert [each.flag for each in found] == [True, True]


def test_a_detector_that_hangs_leaves_errors_and_is_not_asked_again() -> None:
    asked = []

    class Hanging(Odd):
        def judge(self, item: Item) -> Finding:
            asked.append(item.output)
            threading.Event().wait()
            raise AssertionError("it never ends")

    well = ok(Another(None), score=0.0, flag=False)
    guests = Guests([Hanging(None), Another(well)], seconds=0.05)
    for part in (["a", "b"], ["c"]):
        items = [Item("p", text) for text in part]
        hung, others = guests.judge([items, items])
        assert [each.status for each in hung] == [FindingStatus.ERROR] * len(part)
        assert "did not answer within" in hung[0].reason
        assert others == [well] * len(part)
    assert asked == ["a"]


def test_a_file_that_is_not_there_leaves_the_findings_of_earlier_alone(tmp_path: Path) -> None:
    out = tmp_path / "findings.jsonl"
    out.write_text("kept")
    with pytest.raises(ReviewError, match="No such file"):
        screen_file(tmp_path / "absent.jsonl", out)
    assert out.read_text() == "kept"


def test_strange_outputs_of_a_file_are_screened_in_their_order(tmp_path: Path) -> None:
    texts = ["", "\x1b[31mred\x07\u202e", "<script>alert(1)</script>", "x" * 100_000, "ha " * 90] * 5
    file, out = tmp_path / "outputs.jsonl", tmp_path / "findings.jsonl"
    file.write_text("\n".join(json.dumps({"prompt": "Say it.", "output": text}) for text in texts))
    report = screen_file(file, out)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert report.outputs == len(texts) == len({row["index"] for row in rows})
    assert [row["index"] for row in rows] == sorted(row["index"] for row in rows)
    assert all(counts[FindingStatus.ERROR] == 0 for counts in report.counts.values())
    flagged = {row["index"] for row in rows if row["detector"] == "degenerate" and row["flag"]}
    assert {n for n, text in enumerate(texts) if text in ("", "ha " * 90)} <= flagged
