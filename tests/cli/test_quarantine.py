"""`curator quarantine` and `curator imports`: the queue of failed rows, and taking an import back."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.test_json import Run, run

__all__ = ["run"]


def test_the_queue_of_failed_rows_is_worked_off_from_the_command_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "sums.jsonl"
    rows = [{"question": f"Add {n}.", "answer": str(n), "note": None} for n in range(3)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{broken\n")
    wrong = ("--map", "instruction=question", "--map", "response=note")
    assert run("import", str(file), *wrong, status=1)["quarantined"] == 4
    listed = run("quarantine", "list", "--rule", "missing-field")["rows"]
    assert [row["issue"]["line"] for row in listed] == [1, 2, 3]
    right = ("--map", "instruction=question", "--map", "response=answer")
    assert run("quarantine", "retry", "--row", str(listed[0]["id"]), *right)["imported"] == 1
    report = run("quarantine", "retry", "--file", "sums.jsonl", *right)
    assert (report["rows"], report["imported"], report["still_failing"]) == (3, 2, 1)
    assert run("quarantine", "discard", "--reason", "It is cut off.")["rows"] == 1
    assert run("quarantine", "list")["rows"] == []


def test_an_import_is_taken_back_from_the_command_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "sums.jsonl"
    file.write_text('{"prompt": "a", "completion": "b"}\n')
    assert run("import", str(file))["imported"] == 1
    [made] = run("imports", "list")["imports"]
    assert (made["file_name"], made["imported"], made["undone_by"]) == ("sums.jsonl", 1, None)
    assert run("imports", "undo", str(made["id"]))["removed"] == 1
    assert run("imports", "list")["imports"][0]["undone_by"] is not None
    assert run("import", str(file))["imported"] == 1
