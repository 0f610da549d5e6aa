"""Screening, blind review and the way back into the data."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from curator import Workspace, review
from curator.annotate import queue
from curator.errors import ReviewError
from curator.review.detectors.base import Item
from curator.store import findings, records, verdicts
from schemas.annotation import RecordState
from schemas.review import Finding, FindingStatus, Judgement, ReviewPair
from tests.review.conftest import RUN, AddOutputs

FINE = Judgement(fine=True)


def test_screening_stores_a_finding_of_every_detector_once(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    add_outputs("Red.", "I cannot say that.")
    first = review.screen_run(reviewed, RUN, actor="me")
    second = review.screen_run(reviewed, RUN, actor="me")
    assert first == second
    assert first.outputs == 4
    assert set(first.counts) == {"refusal", "degenerate", "leakage", "reference", "quantity", "lexicon"}
    assert all(sum(counted.values()) == 4 for counted in first.counts.values())
    assert first.flagged["refusal"] == 1
    assert first.counts["reference"][FindingStatus.ABSTAIN] == 4


def test_screening_a_run_without_outputs_says_what_to_do(reviewed: Workspace) -> None:
    with pytest.raises(ReviewError, match="curator generate"):
        review.screen_run(reviewed, RUN, actor="me")


def test_a_detector_that_dies_in_the_middle_leaves_errors(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    class Dying:
        id = "dying"
        version = "1"
        judged = 0

        def judge(self, item: Item) -> Finding:
            self.judged += 1
            if self.judged > 2:
                raise ConnectionError("the judge is gone")
            return Finding(detector=self.id, version="1", status=FindingStatus.OK, flag=False, score=0.0)

    add_outputs("a", "b", "c")
    report = review.screen_run(reviewed, RUN, actor="me", detectors=[Dying()])
    assert report.counts["dying"] == {FindingStatus.OK: 2, FindingStatus.ABSTAIN: 0, FindingStatus.ERROR: 4}


def test_a_file_of_outputs_is_screened_line_by_line(tmp_path: Path) -> None:
    rows = [{"prompt": "2 + 2?", "output": "5", "reference": "4"}, {"prompt": "Hi", "output": "I cannot help."}]
    source, out = tmp_path / "outputs.jsonl", tmp_path / "findings.jsonl"
    source.write_text("\n".join(json.dumps(row) for row in rows))
    report = review.screen_file(source, out)
    written = [json.loads(line) for line in out.read_text().splitlines()]
    assert report.outputs == 2
    assert {(row["index"], row["detector"]) for row in written if row["flag"]} == {(0, "reference"), (1, "refusal")}
    assert {"index", "detector", "status", "score", "flag"} <= written[0].keys()
    source.write_text('{"prompt": "x"}')
    with pytest.raises(ReviewError, match=r"Line 1 of outputs\.jsonl"):
        review.screen_file(source, out)


def test_flagged_pairs_come_first_and_every_pair_comes(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    add_outputs("Red.", "Blue.", "I cannot say that.", "Green.")
    review.screen_run(reviewed, RUN, actor="me")
    seen = []
    while pair := review.sampling.next_pair(reviewed, "Ada", RUN):
        seen.append(pair.prompt.id)
        review.verdicts.give(reviewed, pair, a=FINE, b=FINE, reviewer="Ada")
    assert seen[0] == "2"
    assert sorted(seen) == ["0", "1", "2", "3"]
    done = review.sampling.review_progress(reviewed, "Ada", RUN)
    assert (done.pairs, done.mine, done.anybody) == (4, 4, 4)
    assert review.sampling.review_progress(reviewed, "Ben", RUN).mine == 0


def test_the_sides_are_mixed_and_stay_where_they_are(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    stored = add_outputs(*(f"Text {n}." for n in range(40)))
    tuned = [output for output in stored if output.model == "tuned"]
    sides = [review.sampling.side_of(output, "Ada") for output in tuned]
    assert sides == [review.sampling.side_of(output, "Ada") for output in tuned]
    assert 8 <= sides.count("A") <= 32
    assert sides != [review.sampling.side_of(output, "Ben") for output in tuned]
    pair = review.sampling.next_pair(reviewed, "Ada", RUN)
    assert pair == review.sampling.next_pair(reviewed, "Ada", RUN)
    assert {pair.a.model, pair.b.model} == {"base", "tuned"}


def test_a_verdict_given_twice_is_stored_once_and_a_new_one_wins(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    add_outputs("Red.")
    pair = review.sampling.next_pair(reviewed, "Ada", RUN)
    wrong = Judgement(unfactual=True)
    assert review.verdicts.give(reviewed, pair, a=FINE, b=wrong, reviewer="Ada") == 2
    assert review.verdicts.give(reviewed, pair, a=FINE, b=wrong, reviewer="Ada") == 0
    assert review.verdicts.give(reviewed, pair, a=FINE, b=FINE, reviewer="Ada") == 1
    with reviewed.read() as connection:
        standing = verdicts.of_run(connection, RUN)
    assert {output_id: [v.judgement for v in given] for output_id, given in standing.items()} == {
        pair.a.id: [FINE],
        pair.b.id: [FINE],
    }
    assert standing[pair.a.id][0].shown_as == "A"


def test_reviewers_who_see_a_pair_from_different_sides_do_not_wait_for_each_other(
    reviewed: Workspace, add_outputs: AddOutputs
) -> None:
    [base, tuned] = add_outputs("Red.")

    def judge(n: int) -> None:
        left, right = (base, tuned) if n % 2 else (tuned, base)
        pair = ReviewPair(prompt=base.prompt, a=left, b=right)
        for severity in range(12):
            wrong = Judgement(harmful=True, hazard="hz.hate", severity=severity % 4 + 1)
            assert review.verdicts.give(reviewed, pair, a=wrong, b=wrong, reviewer=f"reviewer {n}") == 2

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(judge, range(6)))
    with reviewed.read() as connection:
        assert [len(each) for each in verdicts.of_run(connection, RUN).values()] == [6, 6]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"fine": True, "biased": True},
        {"harmful": True},
        {"harmful": True, "hazard": "hz.hate"},
        {"harmful": True, "hazard": "hz.unheard", "severity": 1},
        {"unfactual": True, "severity": 2},
    ],
)
def test_a_judgement_that_says_nothing_or_too_much_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"output|say either|hazard"):
        Judgement.model_validate(fields)


def test_one_click_sends_an_explored_output_back_to_the_head_of_the_queue(
    reviewed: Workspace, add_outputs: AddOutputs
) -> None:
    stored = add_outputs("Wrong.", purpose="explore", reference="Right.")
    [output] = [each for each in stored if each.model == "tuned"]
    assert review.feedback.may_return(reviewed, output.id)
    record_id = review.feedback.to_queue(reviewed, output.id, actor="me")
    task = queue.next_task(reviewed, "Ada", project_id=1)
    assert task.claim.record_id == record_id
    assert (task.record.instruction, task.record.response) == (output.prompt.prompt, "Right.")
    with reviewed.read() as connection:
        record = records.get(connection, record_id)
    assert (record.parent_output_id, record.state, record.content.origin.source) == (
        output.id,
        RecordState.WAITING,
        "review",
    )
    with pytest.raises(ReviewError, match="already there"):
        review.feedback.to_queue(reviewed, output.id, actor="me")


def test_the_prompt_of_a_gate_suite_never_comes_back_but_a_variant_may(
    reviewed: Workspace, add_outputs: AddOutputs
) -> None:
    [output] = [each for each in add_outputs("Wrong.") if each.model == "tuned"]
    assert not review.feedback.may_return(reviewed, output.id)
    for text in (None, "  PROMPT 0 gate? "):
        with pytest.raises(ReviewError, match="test prompts never train"):
            review.feedback.to_queue(reviewed, output.id, actor="me", instruction=text)
    review.feedback.to_queue(reviewed, output.id, actor="me", instruction="A variant?", corrected="Right.")
    assert queue.next_task(reviewed, "Ada", project_id=1).record.instruction == "A variant?"


def test_a_suite_is_frozen_by_its_content(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "probes.jsonl"
    file.write_text('{"id": "1", "prompt": "a"}\n')
    first = review.add_suite(workspace, file, actor="me")
    assert review.add_suite(workspace, file, actor="me") == first
    file.write_text('{"id": "1", "prompt": "b"}\n')
    with pytest.raises(ReviewError, match="another suite called probes"):
        review.add_suite(workspace, file, actor="me")
    assert review.add_suite(workspace, file, name="other", actor="me").id != first.id


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "holds no prompt"),
        ('{"id": "1"}', "Line 1 of s.jsonl: prompt: Field required"),
        ('{"id": "1", "prompt": "a"}\n{"id": "1", "prompt": "b"}', "id '1' stands 2 times"),
        ('{"id": "1", "prompt": "a", "answer": "b"}', "answer: Extra inputs"),
    ],
)
def test_a_suite_that_cannot_be_used_says_why(workspace: Workspace, tmp_path: Path, content: str, problem: str) -> None:
    (tmp_path / "s.jsonl").write_text(content)
    with pytest.raises(ReviewError, match=problem):
        review.add_suite(workspace, tmp_path / "s.jsonl", actor="me")


def test_findings_are_kept_by_output(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    stored = add_outputs("Red.")
    review.screen_run(reviewed, RUN, actor="me")
    with reviewed.read() as connection:
        assert set(findings.of_run(connection, RUN)) == {output.id for output in stored}
