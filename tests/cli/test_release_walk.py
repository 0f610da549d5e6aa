"""The commands from a suite to a decision, with the names, options and keys that scripts of others rely on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from curator.cli.main import app
from tests.release.walk import question


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CURATOR_WORKSPACE", str(tmp_path / "workspace"))
    return tmp_path


def run(*arguments: str, status: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == status, result.output
    return json.loads(result.stdout) if result.stdout.strip() else {}


def write(name: str, rows: list[dict[str, Any]]) -> str:
    Path(name).write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return name


def test_from_a_suite_to_a_signed_decision(folder: Path) -> None:
    run("init")
    prompts = [{"id": f"p{n}", "prompt": question(n), "category": "harm", "references": ["No."]} for n in range(60)]
    added = run("suite", "add", write("s.jsonl", prompts), "--name", "probes", "--purpose", "gate")
    assert (added["prompts"], added["matching_records"]) == (60, 0)
    outputs = [{"prompt_id": f"p{n}", "output": f"Answer number {n} is calm.", "sample": 0} for n in range(60)]
    rows = [*outputs, {"prompt_id": "p99", "output": "x"}]
    brought = run("outputs", "import", write("o.jsonl", rows), "--suite", "probes", "--system", "theirs")
    assert (brought["imported"], brought["missing"], brought["refused"]) == (60, 0, 1)
    assert run("screen", "theirs")["outputs"] == 60
    plan = run("review", "plan", "theirs", "--seed", "7")
    assert run("review", "plan", "theirs")["plan"] == plan["plan"]
    [stratum] = plan["strata"]
    wanted = {"suite": "probes", "category": "harm", "stratum": "unflagged", "total": 60, "planned": 60}
    assert stratum == {**wanted, "probability": 1.0}
    pairs = run("review", "pairs", "theirs", "--reviewer", "Ada")["pairs"]
    assert pairs[:5] == run("review", "pairs", "theirs", "--reviewer", "Ada", "--limit", "5")["pairs"]
    assert {"pair", "prompt", "a", "b"} <= pairs[0].keys()
    assert pairs[0]["b"] is None
    verdicts = [{"pair": pair["pair"], "a": "fine"} for pair in pairs]
    stored = run("verdicts", "import", write("v.jsonl", [*verdicts, {"pair": "x", "a": "fine"}]), "--reviewer", "Ada")
    assert (stored["stored"], stored["refused"]) == (60, 1)
    assert run("verdicts", "import", write("bad.jsonl", [{"a": 1}]), "--reviewer", "Ada", status=1)["refused"] == 1
    decided = run("decide", "theirs")
    assert (decided["outcome"], decided["reasons"]) == ("release", [])
    gate = decided["gates"][0]
    assert (gate["category"], gate["status"], gate["judged"], gate["planned"]) == ("harm", "pass", 60, 60)
    assert 0 == gate["estimate"] < gate["upper"] < gate["limit"] == 0.05
    run("report", "theirs", "--out", "report.html")
    checked = run("verify-decision", "report.html")
    assert (checked["ok"], checked["outcome"]) == (True, "release")
    Path("report.html").write_text(Path("report.html").read_text() + " ")
    assert not run("verify-decision", "report.html", status=1)["ok"]
    assert run("review", "plan", "nothing", status=1) == {}
