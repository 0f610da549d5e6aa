"""`curator select`: shown first, done on yes, taken back by its job."""

from __future__ import annotations

from tests.cli.test_json import Run, imported, run

__all__ = ["imported", "run"]


def test_select_shows_first_acts_on_yes_and_takes_back(run: Run, imported: object) -> None:
    shown = run("select", "state:accepted 1")
    assert (shown["matched"], shown["changed"], shown["job"]) == (12, 0, None)
    assert len(shown["sample"]) == 12
    looked = run("select", "state:accepted", "--replace", "Number (\\d)", "--by", "No. \\1")
    assert looked["changes"][0]["after"].startswith("No. ")
    run("select", "state:accepted", "--set", "reject", "--yes", "--expect", "another", status=1)
    done = run("select", "state:accepted 1", "--set", "reject", "--yes", "--expect", shown["fingerprint"])
    assert (done["matched"], done["changed"], done["state"]) == (12, 12, "done")
    assert run("select", "state:rejected")["matched"] == 12
    assert run("jobs", "show", str(done["job"]))["state"] == "done"
    undone = run("select", "--undo", str(done["job"]))
    assert (undone["undone"], undone["changed"], undone["state"]) == (12, 0, "undone")
    assert run("select", "state:rejected")["matched"] == 0
    run("select", "--undo", str(done["job"]), status=1)
    run("select", "", "--set", "dance", "--yes", status=1)
