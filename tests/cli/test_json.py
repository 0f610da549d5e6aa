"""`--json`: every verb prints exactly one JSON object on standard output, with the keys that scripts rely on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from curator.cli.main import app
from schemas.version import ExportFormat

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


def test_init_names_the_workspace(run: Run, tmp_path: Path) -> None:
    assert run("init")["workspace"] == str(tmp_path / "workspace")


def test_the_verbs_of_quarantine_print_rows(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{"instruction": "a", "output": ""}\n{"instruction": "b", "output": "c"}\n')
    assert run("import", str(file))["quarantined"] == 1
    assert len(run("quarantine", "list")["rows"]) == 1
    assert run("quarantine", "export", str(tmp_path / "out.jsonl"))["rows"] == 1
    assert run("quarantine", "retry")["rows"] == 1


def test_an_import_of_which_nothing_came_in_exits_with_1(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{"instruction": "a", "output": ""}\n')
    assert run("import", str(file), status=1)["imported"] == 0


def test_versions_are_listed_compared_and_verified(run: Run, imported: dict[str, Any], tmp_path: Path) -> None:
    first = run("freeze", "--name", "first")
    more = tmp_path / "more.jsonl"
    more.write_text('{"instruction": "Say pi.", "output": "3.14"}\n')
    run("import", str(more), "--accept")
    second = run("freeze", "--name", "second")
    assert {each["id"] for each in run("versions")["versions"]} == {first["version"], second["version"]}
    report = run("diff", "first", "second")
    assert (report["added"], report["removed"], report["edited"]) == (1, 0, 0)
    assert run("verify", "first") == {"version": first["version"], "ok": True, "problems": []}
    (tmp_path / "workspace" / "versions" / first["version"] / "manifest.json").write_text("{")
    broken = run("verify", "first", status=1)
    assert broken["ok"] is False
    assert broken["problems"][0] == "The manifest is not one: 1 of its fields are wrong or missing."


@pytest.mark.parametrize("format", sorted(set(ExportFormat) - {ExportFormat.PREFERENCE, ExportFormat.KTO}))
def test_an_export_lists_its_files(run: Run, imported: dict[str, Any], tmp_path: Path, format: str) -> None:
    run("freeze", "--name", "first")
    report = run("export", "first", "--format", format, "--out", str(tmp_path / "out"))
    assert report["rows"] == 30
    for file in report["files"]:
        content = (tmp_path / "out" / file["path"]).read_bytes()
        assert file["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.slow
def test_a_model_is_trained_asked_and_screened(
    run: Run, imported: dict[str, Any], tmp_path: Path, sample_data: Path
) -> None:
    base = ("--base", str(sample_data / "base_model"))
    run("freeze", "--name", "first")
    rows = run("tokens", "first", *base)["rows"]
    assert {"row_id", "split", "input_ids", "labels", "text"} <= rows[0].keys()
    assert run("tokens", "first", *base, "--row", rows[3]["row_id"])["rows"] == [rows[3]]
    trained = run("train", "first", *base, "--max-steps", "1", "--seed", "0")
    wanted = {"run", "checkpoint", "heldout_nll_base", "heldout_nll_tuned", "response_tokens"}
    assert wanted <= trained.keys()

    suite = tmp_path / "suite.jsonl"
    suite.write_text('{"id": "1", "prompt": "Say 100 in words."}\n')
    added = run("suite", "add", str(suite), "--name", "probes", "--purpose", "explore")
    assert (added["prompts"], added["matching_records"]) == (1, 0)
    assert run("generate", trained["run"], "--suite", "probes", "--max-new-tokens", "4")["outputs"] == 2
    assert run("screen", trained["run"])["outputs"] == 2


@pytest.mark.slow
def test_outputs_of_a_file_are_screened(run: Run, tmp_path: Path) -> None:
    file, findings = tmp_path / "outputs.jsonl", tmp_path / "findings.jsonl"
    file.write_text(json.dumps({"prompt": "Say it.", "output": "I cannot help with that."}) + "\n")
    run("screen", "--outputs", str(file), "--out", str(findings))
    lines = [json.loads(line) for line in findings.read_text().splitlines()]
    assert {"index", "detector", "status", "score", "flag"} <= lines[0].keys()


@pytest.mark.parametrize(
    ("words", "status"),
    [(("verify", "nothing"), 1), (("export", "nothing", "--format", "trl"), 2), (("freeze", "--split", "half"), 1)],
)
def test_what_goes_wrong_prints_nothing_on_standard_output(tmp_path: Path, words: tuple[str, ...], status: int) -> None:
    folder = str(tmp_path / "workspace")
    assert CliRunner().invoke(app, ["init", "--workspace", folder]).exit_code == 0
    result = CliRunner().invoke(app, [*words, "--workspace", folder, "--json"])
    assert (result.exit_code, result.stdout) == (status, "")
    assert result.stderr
