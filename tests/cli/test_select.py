"""`curator select`: shown first, done on yes, taken back by its job."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from curator.cli.main import app
from tests.cli.test_json import Run, imported, run

__all__ = ["imported", "run"]


def test_select_shows_first_acts_on_yes_and_takes_back(run: Run, imported: object, tmp_path: Path) -> None:
    def refused(*words: str) -> None:
        result = CliRunner().invoke(app, ["select", *words, "--workspace", str(tmp_path / "workspace")])
        assert result.exit_code == 1, result.stdout

    shown = run("select", "state:accepted 1")
    assert (shown["matched"], shown["changed"], shown["job"]) == (12, 0, None)
    assert len(shown["sample"]) == 12
    looked = run("select", "state:accepted", "--replace", "Number (\\d)", "--by", "No. \\1")
    assert looked["changes"][0]["after"].startswith("No. ")
    refused("state:accepted", "--set", "reject", "--yes", "--expect", "another")
    done = run("select", "state:accepted 1", "--set", "reject", "--yes", "--expect", shown["fingerprint"])
    assert (done["matched"], done["changed"], done["state"]) == (12, 12, "done")
    assert run("select", "state:rejected")["matched"] == 12
    assert run("jobs", "show", str(done["job"]))["state"] == "done"
    undone = run("select", "--undo", str(done["job"]))
    assert (undone["undone"], undone["changed"], undone["state"]) == (12, 0, "undone")
    assert run("select", "state:rejected")["matched"] == 0
    refused("--undo", str(done["job"]))
    refused("", "--set", "dance", "--yes")
