"""`--json`: every verb prints exactly one JSON object on standard output, with the keys that scripts rely on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from curator.cli.main import app

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a verb on a workspace of its own and returns the one object that it prints."""

    def run(*words: str, status: int = 0) -> dict[str, Any]:
        result = CliRunner().invoke(app, [*words, "--workspace", str(tmp_path / "workspace"), "--json"])
        assert result.exit_code == status, f"{result.stderr}\n{result.exception!r}"
        printed = json.loads(result.stdout)
        assert isinstance(printed, dict)
        return printed

    run("init")
    return run


@pytest.fixture
def imported(run: Run, tmp_path: Path) -> dict[str, Any]:
    """What the import of 30 accepted rows prints."""
    file = tmp_path / "rows.jsonl"
    rows = [{"instruction": f"Say number {n} in words.", "output": f"Number {n}."} for n in range(30)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return run("import", str(file), "--accept")


def test_import_counts_its_rows(imported: dict[str, Any]) -> None:
    assert {key: imported[key] for key in ("read", "imported", "quarantined", "duplicates", "format")} == {
        "read": 30,
        "imported": 30,
        "quarantined": 0,
        "duplicates": 0,
        "format": "alpaca",
    }


def test_freeze_prints_its_version_and_splits(run: Run, imported: dict[str, Any]) -> None:
    frozen = run("freeze", "--split", "train=.5,validation=.25,test=.25")
    assert len(frozen["version"]) == 64
    assert frozen["rows"] == 30 == sum(frozen["splits"].values())
    assert list(frozen["splits"]) == ["train", "validation", "test"]
