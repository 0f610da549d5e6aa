"""Two imports side by side: what is counted is what a plain comparison of their files counts."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curator import CuratorError, Workspace
from curator.cli.main import app
from curator.curate.import_comparison import compare
from curator.ingest import import_file, recent_imports, undo_import
from schemas.importing import FieldMap

Row = dict[str, str]


def rows(count: int) -> list[Row]:
    draw = random.Random(2)
    words = ["tide", "harbour", "flour", "oven", "judge", "verdict", "planet", "orbit", "violin", "chord"]
    return [
        {
            "instruction": f"{' '.join(draw.sample(words, 4))} {n}?",
            "output": " ".join(draw.sample(words, 5)),
            "kind": "a",
        }
        for n in range(count)
    ]


def imported(workspace: Workspace, folder: Path, name: str, some: list[Row]) -> int:
    file = folder / name
    file.write_text("".join(json.dumps(row) + "\n" for row in some))
    import_file(workspace, file, actor="me", field_map=FieldMap(columns={"labels.kind": "kind"}))
    return recent_imports(workspace, project_id=1)[0].id


@pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
def test_every_count_is_that_of_a_plain_comparison(workspace: Workspace, tmp_path: Path) -> None:
    old = rows(60)
    new = [dict(row) for row in old]
    for n in range(10):
        new[n]["output"] += " and more"  # the same prompt
    new[10]["instruction"] = f"Please: {new[10]['instruction']}"  # the same line, most words the same
    new[11] = {"instruction": "Something else entirely here", "output": "without one word in common", "kind": "a"}
    for n in range(20, 25):
        new[n]["kind"] = "b"
    del new[50:54]
    new += [{"instruction": f"Fresh {n}?", "output": "Yes.", "kind": "a"} for n in range(3)]
    before = imported(workspace, tmp_path, "old.jsonl", old)
    after = imported(workspace, tmp_path, "new.jsonl", new)
    compared = compare(workspace, before, after, examples=100)
    texts = [{(row["instruction"], row["output"]) for row in some} for some in (old, new)]
    assert compared.same == len(texts[0] & texts[1])
    assert (compared.edited, compared.paired_by) == (11, {"prompt": 10, "line": 1})
    assert compared.added == len(texts[1] - texts[0]) - 11 == 4
    assert compared.removed == len(texts[0] - texts[1]) - 11 == 5
    assert compared.relabelled == 5
    assert {each.after.labels["kind"] for each in compared.examples["relabelled"]} == {"b"}
    assert {each.before.labels["kind"] for each in compared.examples["relabelled"]} == {"a"}
    assert {each.after.context for each in compared.examples["added"]} >= {f"Fresh {n}?" for n in range(3)}
    sources = next(each for each in compared.distributions if each.name == "source")
    assert {bar.value: (bar.before, bar.after) for bar in sources.bars} == {"old.jsonl": (60, 0), "new.jsonl": (0, 59)}
    back = compare(workspace, after, before)
    assert (back.added, back.removed, back.edited, back.same) == (5, 4, 11, compared.same)


def test_an_import_that_was_undone_or_never_was_is_not_compared(workspace: Workspace, tmp_path: Path) -> None:
    first = imported(workspace, tmp_path, "a.jsonl", rows(2))
    with pytest.raises(CuratorError, match="There is no import 99"):
        compare(workspace, first, 99)
    undo_import(workspace, first, actor="me")
    with pytest.raises(CuratorError, match="was undone"):
        compare(workspace, first, first)


def test_the_command_compares_imports_by_their_numbers(workspace: Workspace, tmp_path: Path) -> None:
    first, second = (imported(workspace, tmp_path, f"{n}.jsonl", rows(n)) for n in (3, 5))
    where = ["--of", "imports", "--workspace", str(workspace.folder)]
    printed = json.loads(CliRunner().invoke(app, ["compare", str(first), str(second), *where, "--json"]).stdout)
    assert (printed["kind"], printed["same"], printed["added"]) == ("imports", 3, 2)
    assert "is not the number of an import" in CliRunner().invoke(app, ["compare", "x", "y", *where]).output
