"""Screening, blind review and the way back into the data."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from curator import Workspace, evidence, review
from curator.errors import ReviewError
from curator.review.detectors.base import Item, ok
from curator.review.stated import of_system
from curator.review.suites import add_suite
from curator.review.work import drawn
from curator.store import findings, ledger, outputs, projects, records, systems
from schemas.judgement import Judgement
from schemas.review import Finding, FindingStatus, ReviewPair, Verdict
from tests.conftest import make_record
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


def seen_by(workspace: Workspace, reviewer: str) -> list[ReviewPair]:
    return review.pairs.open_pairs(workspace, reviewer, RUN)


def test_pairs_come_in_the_order_of_the_plan_and_each_is_judged_once(
    reviewed: Workspace, add_outputs: AddOutputs
) -> None:
    add_outputs("Red.", "Blue.", "I cannot say that.", "Green.")
    review.screen_run(reviewed, RUN, actor="me")
    assert review.pairs.next_pair(reviewed, "Ada", RUN) is None
    plan = review.draw(reviewed, RUN, actor="me")
    assert [pair.id for pair in seen_by(reviewed, "Ada")] == list(plan.pairs)
    seen = []
    for reviewer in ("Ada", "Ben", "Ada", "Ben"):
        pair = review.pairs.next_pair(reviewed, reviewer, RUN)
        seen.append(pair.id)
        assert review.verdicts.give(reviewed, pair.id, a=FINE, b=FINE, reviewer=reviewer)
    assert seen == list(plan.pairs)
    again = review.pairs.next_pair(reviewed, "Ada", RUN)  # of what Ben judged, what chance brings to a second reader
    assert (again and again.id) == next((pair for pair in seen[1::2] if pair in drawn(reviewed, seen)), None)
    assert review.pairs.review_progress(reviewed, "Ada", RUN) == (4, 4, 2)
    assert len(seen_by(reviewed, "Ada")) == 2  # what Ben judged, for a second reading


def test_a_pair_tells_nothing_about_whose_outputs_it_holds(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    stored = add_outputs(*(f"Text {n}." for n in range(40)))
    review.screen_run(reviewed, RUN, actor="me")
    review.draw(reviewed, RUN, actor="me")
    pairs = seen_by(reviewed, "Ada")
    assert pairs == seen_by(reviewed, "Ada")
    tuned_left = [pair.a.startswith("Text") for pair in pairs]
    assert set(tuned_left) == {True, False}
    sides = [review.sides.side_of_target(reviewed, pair.id, f"reviewer {n}") for pair in pairs for n in range(100)]
    assert 0.4 < sides.count("A") / len(sides) < 0.6  # the secret differs in every run: 9 standard errors at 22 pairs
    assert tuned_left != [pair.a.startswith("Text") for pair in seen_by(reviewed, "Ben")]
    shown = "".join(pair.model_dump_json() for pair in pairs)
    assert "tuned" not in shown
    assert RUN not in shown
    assert all(f'"{output.id}"' not in {pair.id for pair in pairs} for output in stored)
    ids = {pair.id for pair in pairs}
    (reviewed.folder / "secret.key").unlink()  # another secret draws other ids and sides: nobody can work them out
    assert ids.isdisjoint({review.sides.pair_id(reviewed, o.id, o.id - 1) for o in stored})


def test_a_verdict_given_twice_is_stored_once_and_a_new_one_wins(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    add_outputs("Red.", "Blue.")
    review.screen_run(reviewed, RUN, actor="me")
    review.draw(reviewed, RUN, actor="me")
    [pair, _] = seen_by(reviewed, "Ada")
    wrong = Judgement(unfactual=True)
    assert review.verdicts.give(reviewed, pair.id, a=FINE, b=wrong, reviewer="Ada")
    assert not review.verdicts.give(reviewed, pair.id, a=FINE, b=wrong, reviewer="Ada")
    assert review.verdicts.give(reviewed, pair.id, a=FINE, b=FINE, reviewer="Ada")
    stated = standing(reviewed)
    assert [[v.judgement for v in said] for said in stated.values()] == [[FINE], [FINE]]
    review.verdicts.withdraw(reviewed, pair.id, reviewer="Ada", reason="The wrong tab.")
    assert standing(reviewed) == {}
    with reviewed.read() as connection:
        kinds = [entry.kind for entry in ledger.entries(connection, RUN)]
    assert kinds == ["plan", "verdict", "verdict", "withdrawal"]  # nothing was taken out
    with pytest.raises(ReviewError, match="has no verdict"):
        review.verdicts.withdraw(reviewed, pair.id, reviewer="Ada", reason="Again.")


def standing(workspace: Workspace) -> dict[int, list[Verdict]]:
    with workspace.read() as connection:
        return of_system(ledger.entries(connection, RUN))


def test_after_the_names_were_shown_a_verdict_adds_defects_and_removes_none(
    reviewed: Workspace, add_outputs: AddOutputs
) -> None:
    add_outputs("Red.", "Blue.")
    review.screen_run(reviewed, RUN, actor="me")
    review.draw(reviewed, RUN, actor="me")
    [first, second] = seen_by(reviewed, "Ada")
    harmful = Judgement(harmful=True, severity=3)
    review.verdicts.give(reviewed, first.id, a=harmful, b=FINE, reviewer="Ada")
    assert not review.verdicts.open_names(reviewed, RUN, reviewer="Ada")
    review.verdicts.close(reviewed, RUN, reviewer="Ada")
    assert review.verdicts.open_names(reviewed, RUN, reviewer="Ada")
    assert len(review.verdicts.with_names(reviewed, RUN, reviewer="Ada", limit=5)) == 1
    assert review.verdicts.with_names(reviewed, RUN, reviewer="Ben", limit=5) == []
    review.verdicts.give(reviewed, first.id, a=FINE, b=Judgement(biased=True), reviewer="Ada")
    review.verdicts.give(reviewed, second.id, a=FINE, b=FINE, reviewer="Ada")
    said = [verdict for each in standing(reviewed).values() for verdict in each]
    assert sorted(verdict.judgement.defects for verdict in said) == [(), (), ("biased",), ("harmful",)]
    assert sorted(verdict.blind for verdict in said) == [False, False, True, True]


def test_reviewers_who_judge_the_same_pair_at_once_all_stand(reviewed: Workspace, add_outputs: AddOutputs) -> None:
    add_outputs("Red.")
    review.screen_run(reviewed, RUN, actor="me")
    review.draw(reviewed, RUN, actor="me")
    [pair] = seen_by(reviewed, "Ada")

    def judge(n: int) -> None:
        for severity in (1, 2, 3):
            wrong = Judgement(harmful=True, hazards=("hz.hate",), severity=severity)
            assert review.verdicts.give(reviewed, pair.id, a=wrong, b=wrong, reviewer=f"reviewer {n}")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(judge, range(6)))
    assert [len(each) for each in standing(reviewed).values()] == [6, 6]
    with reviewed.read() as connection:
        assert evidence.problems(reviewed, RUN, ledger.entries(connection, RUN)) == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "not valid JSON"),
        ('{"a": "fine"}', "not an object with pair"),
        ('{"pair": "PAIR", "a": "nice", "b": "fine"}', "'nice' is not a verdict"),
        ('{"pair": "PAIR", "a": "fine+broken", "b": "fine"}', "is not a verdict"),
        ('{"pair": "PAIR", "a": "harmful", "b": "fine"}', "needs a severity"),
        ('{"pair": "PAIR", "a": "harmful:7", "b": "fine"}', "is not a verdict"),
        ('{"pair": "PAIR", "a": "fine"}', "has two outputs to judge"),
        ('{"pair": "elsewhere", "a": "fine"}', "There is no pair elsewhere"),
    ],
)
def test_a_row_of_verdicts_that_cannot_be_used_is_named_and_the_others_are_stored(
    reviewed: Workspace, add_outputs: AddOutputs, tmp_path: Path, line: str, problem: str
) -> None:
    add_outputs("Red.", "Blue.")
    review.screen_run(reviewed, RUN, actor="me")
    review.draw(reviewed, RUN, actor="me")
    [first, second] = seen_by(reviewed, "Ada")
    file = tmp_path / "verdicts.jsonl"
    good = json.dumps({"pair": first.id, "a": "fine", "b": "harmful:2+biased"})
    file.write_text(f"{good}\n\n{line.replace('PAIR', second.id)}\n")
    report = review.import_verdicts(reviewed, file, reviewer="Ada")
    assert (report.stored, report.refused) == (1, 1)
    assert report.problems[0].startswith("Line 3: ")
    assert problem in report.problems[0]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "Line 2 is not valid JSON"),
        ('{"prompt_id": "0"}', "no text in output"),
        ('{"prompt_id": "9", "output": "x"}', "has no prompt '9'"),
        ('{"prompt_id": "0", "output": "x", "sample": -1}', "sample -1"),
        ('{"prompt_id": "0", "output": "\\u0000"}', "NUL"),
        ('{"prompt_id": "0", "output": "Other words."}', "has another output already"),
    ],
)
def test_outputs_from_elsewhere_are_kept_word_for_word(
    workspace: Workspace, tmp_path: Path, line: str, problem: str
) -> None:
    file, suite = tmp_path / "outputs.jsonl", tmp_path / "s.jsonl"
    suite.write_text('{"id": "0", "prompt": "a?"}\n{"id": "1", "prompt": "b?"}\n')
    review.add_suite(workspace, suite, actor="me")
    text = "<b>\x1b[31m" + "ab" * 50_000
    file.write_text(json.dumps({"prompt_id": "0", "output": text}) + f"\n{line}\n")
    report = review.import_outputs(workspace, file, suite="s", system="theirs", actor="me")
    assert (report.imported, report.missing, report.refused) == (1, 1, 1)
    assert problem in report.problems[0]
    again = review.import_outputs(workspace, file, suite="s", system="theirs", actor="me")
    assert (again.imported, again.known) == (0, 1)
    with workspace.read() as connection:
        [stored] = outputs.of_system(connection, systems.find(connection, "theirs").id)
    assert (stored.text, stored.model) == (text, "system")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"fine": True, "biased": True},
        {"harmful": True},
        {"harmful": True, "hazards": ["hz.hate"]},
        {"fine": True, "broken": True},
        {"harmful": True, "hazards": ["hz.unheard"], "severity": 1},
        {"unfactual": True, "severity": 2},
    ],
)
def test_a_judgement_that_says_nothing_or_too_much_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"output|say either|hazard"):
        Judgement.model_validate(fields)


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
        assert set(findings.of_system(connection, RUN)) == {output.id for output in stored}


def test_the_findings_never_overwrite_the_outputs(tmp_path: Path) -> None:
    source = tmp_path / "outputs.jsonl"
    source.write_text('{"prompt": "a", "output": "b"}')
    with pytest.raises(ReviewError, match="would overwrite"):
        review.screen_file(source, tmp_path / "." / "outputs.jsonl")
    assert source.read_text() == '{"prompt": "a", "output": "b"}'


def test_a_detector_that_failed_tries_again_and_its_error_gives_way(
    reviewed: Workspace, add_outputs: AddOutputs
) -> None:
    class Moody:
        id = "moody"
        version = "1"
        works = False

        def judge(self, item: Item) -> Finding:
            if not self.works:
                raise ConnectionError("the model is busy")
            return ok(self, score=0.0, flag=False)

    add_outputs("Red.", "Blue.")
    moody = Moody()
    first = review.screen_run(reviewed, RUN, actor="me", detectors=[], also=[moody])
    assert first.counts["moody"][FindingStatus.ERROR] == 4
    moody.works = True
    second = review.screen_run(reviewed, RUN, actor="me", detectors=[], also=[moody])
    assert second.counts["moody"] == {FindingStatus.OK: 4, FindingStatus.ABSTAIN: 0, FindingStatus.ERROR: 0}


def test_a_suite_names_the_records_that_hold_its_prompts_in_any_wording(workspace: Workspace, tmp_path: Path) -> None:
    prompts = ["Where does the grey heron sleep in winter?", "Why is the sea salty near the old harbour?"]
    answer = "It stands on one leg in the reeds until morning."
    known = [
        make_record("Dear all: where does the gray heron sleep in winter", "Somewhere."),  # with a word misspelt
        make_record("Write a story.", f"Once upon a time. {answer} The end."),
        make_record("Where does the grey heron fish in winter?", "In the pond."),  # another question
    ]
    with workspace.write() as connection:
        ids = records.add_many(connection, known, project=projects.by_name(connection), at=workspace.clock())
    file = tmp_path / "birds.jsonl"
    rows = [{"id": str(n), "prompt": text, "references": [answer] * (n == 1)} for n, text in enumerate(prompts)]
    file.write_text("\n".join(map(json.dumps, rows)))
    added = add_suite(workspace, file, actor="lead")
    assert added.matching_records == 2
    found = sorted((each.record, each.prompt, each.is_answer) for each in added.matches)
    assert found == sorted([(ids[0], "0", False), (ids[1], "1", True)])
