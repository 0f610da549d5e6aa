"""Evaluation items among the records of a project and the training rows of a version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curator.curate import leakage
from curator.errors import CurationError
from curator.ingest import import_file
from curator.review import add_suite
from curator.versions import freeze, held_out
from curator.workspace import Workspace
from schemas.version import SplitPlan

ITEM = "Which metal is liquid at room temperature and was once used in thermometers for children?"
NEAR = f"Help me, please. {ITEM.replace('once', 'formerly')} Be brief."


@pytest.fixture
def filled(workspace: Workspace, tmp_path: Path) -> Workspace:
    rows = [
        (f"What do {n} hens eat in winter, when snow lies?", f"They eat {n} kilos of grain a week.") for n in range(8)
    ]
    rows += [(NEAR, "Mercury."), ("What is used in thermometers?", "Alcohol.")]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps({"instruction": one, "output": other}) for one, other in rows))
    import_file(workspace, file, actor="lead", accept=True)
    return workspace


def test_items_of_files_and_suites_are_found_and_shown_beside_the_record(filled: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "benchmark.jsonl"
    file.write_text(json.dumps({"id": "m1", "question": ITEM}) + "\n" + json.dumps({"question": "Who was Ada?"}))
    report = leakage.check(filled, leakage.read_items(file))
    assert (report.records, report.matches) == (10, 1)
    [match] = report.shown
    assert (match.source, match.item_id, match.item_text, match.instruction) == (file.name, "m1", ITEM, NEAR)
    assert 0.7 <= match.share < 1
    suite = tmp_path / "quiz.jsonl"
    suite.write_text(json.dumps({"id": "q", "prompt": ITEM}))
    add_suite(filled, suite, purpose="explore", actor="lead")
    assert leakage.check(filled, leakage.suite_items(filled)).sources[0].name == "quiz"
    with pytest.raises(CurationError, match="nothing to look for"):
        leakage.check(filled, [])


@pytest.mark.parametrize(
    ("name", "text", "asked"),
    [
        ("a.csv", "question,answer\nWho?,Ada\n", ["Who?"]),
        ("a.json", '[{"instruction": "Say it", "input": "now"}]', ["Say it\nnow"]),
        ("a.txt", "One?\n\nTwo?\n", ["One?", "Two?"]),
        (
            "a.jsonl",
            '{"prompt": "Why?", "answer": "one two three four five six"}',
            ["Why?", "one two three four five six"],
        ),
    ],
)
def test_files_of_items_in_their_usual_shapes(tmp_path: Path, name: str, text: str, asked: list[str]) -> None:
    (tmp_path / name).write_text(text)
    assert [item.text for item in leakage.read_items(tmp_path / name)] == asked


@pytest.mark.parametrize("text", ['{"id": 1}', "{broken", '{"question": ""}'])
def test_a_file_that_asks_nothing_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(CurationError):
        leakage.read_items(tmp_path / "a.jsonl")
    with pytest.raises(CurationError, match="cannot be read"):
        leakage.read_items(tmp_path / "none.jsonl")


def test_held_out_rows_of_a_version_are_looked_for_in_its_training_rows(filled: Workspace) -> None:
    plan = SplitPlan(train=0.6, validation=0.2, test=0.2)
    version = freeze(filled, actor="lead", plan=plan).id
    own = held_out.check(filled, version)
    assert own.records == 6 and own.matches == 0
    everything = leakage.check(filled, held_out.items_of(filled, version))
    assert everything.matches == 4  # the held-out rows are records of the project themselves
