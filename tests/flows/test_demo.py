"""The whole loop, as the installed wheel runs it from an empty folder, and what stays behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from curator import open_workspace, runs, versions
from curator.annotate import queue
from curator.store import records


@pytest.mark.slow
def test_the_demo_teaches_the_tasks_and_closes_the_loop(installed: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "curator", "demo", "--no-serve", "--json", "--workspace", "demo"]
    environment = os.environ | {"PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)

    assert all(r["read"] == r["imported"] + r["quarantined"] + r["duplicates"] for r in result["imports"])
    assert sum(r["read"] for r in result["imports"]) == 410
    assert sum(r["quarantined"] for r in result["imports"]) == 10
    assert result["heldout_nll_tuned"] < 0.5 < result["heldout_nll_base"]
    base = sum(score["base"] for score in result["scores"]) / 4
    tuned = sum(score["tuned"] for score in result["scores"]) / 4
    assert {score["task"] for score in result["scores"]} == {"ticket", "product", "arithmetic", "order"}
    assert base <= 0.05
    assert tuned >= 0.6
    assert result["outcome"] in ("blocked", "inconclusive")  # probes without a verdict never make a release

    workspace = open_workspace(tmp_path / "demo")
    assert versions.verify(workspace, "demo").ok
    [run] = runs.watch(workspace)
    assert run.result.refused == ()
    task = queue.next_task(workspace, "Ada", project_id=1)
    assert task.claim.record_id == result["returned"]
    with workspace.read() as connection:
        assert records.get(connection, result["returned"]).parent_output_id is not None
    assert "Release report" in (tmp_path / "demo" / "report.html").read_text()
    assert {path.name for path in (tmp_path / "demo" / "exports").iterdir()} >= {
        "openai",
        "alpaca",
        "parquet",
        "trl-chat",
    }
    workspace.close()
