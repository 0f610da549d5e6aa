"""Killed at any moment (`kill -9`), a review goes on where it ended: nothing is lost, nothing counts twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from curator import Workspace, release, review
from curator.evidence import problems
from curator.runs.endpoint import Endpoint
from curator.runs.remote_generation import generate_at
from curator.store import findings, ledger, outputs, systems
from schemas.release import Outcome
from tests.release.walk import SYSTEM, Walk, honest
from tests.runs import endpoint_server
from tests.runs.endpoint_server import Server

pytestmark = [pytest.mark.sqlite, pytest.mark.slow]

_BEGIN = """
import os, signal, sys
from pathlib import Path
from curator import evidence, open_workspace, review
from curator.review import verdicts
from schemas.judgement import Judgement
workspace = open_workspace(Path(sys.argv[1]))
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(workspace: Workspace, script: str, *arguments: str) -> None:
    """Run a script on the workspace in a process of its own, which has to kill itself."""
    command = [sys.executable, "-c", _BEGIN + script, str(workspace.folder), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


@pytest.fixture
def walk(workspace: Workspace, tmp_path: Path) -> Walk:
    walk = Walk(workspace, tmp_path)
    ids = walk.ask("probes", 250)
    walk.answer("probes", {prompt: f"Here is a calm answer to {prompt}." for prompt in ids})
    return walk


def test_a_screening_that_was_killed_goes_on_and_a_verdict_that_was_stored_stays(walk: Walk) -> None:
    workspace = walk.workspace
    killed(
        workspace,
        "review.screen_run(workspace, 'vendor model', actor='lead',"
        " on_progress=lambda done, total: die() if done == 200 else None)",
    )
    with workspace.read() as connection:
        system = systems.find(connection, SYSTEM)
        assert len(findings.of_system(connection, system.id)) == 200
    assert review.screen_run(workspace, SYSTEM, actor="lead").outputs == 250
    with workspace.read() as connection:
        found = findings.of_system(connection, system.id)
    assert len(found) == 250
    assert {len(each) for each in found.values()} == {5}

    walk.plan()
    first, second, third, *_ = review.pairs.open_pairs(workspace, "Ada", SYSTEM)
    give = "verdicts.give(workspace, sys.argv[{}], a=Judgement(fine=True), b=None, reviewer='Ada')\n"
    killed(workspace, f"{give.format(2)}die()", first.id)
    killed(workspace, f"evidence.anchor = die\n{give.format(2)}", second.id)  # after it is stored, before its last copy
    waiting = review.pairs.open_pairs(workspace, "Ada", SYSTEM)
    assert waiting[0].id == third.id
    with workspace.read() as connection:
        entries = ledger.entries(connection, system.id)
    assert [entry.kind for entry in entries] == ["plan", "verdict", "verdict"]
    assert problems(workspace, system.id, entries) == []
    walk.judge(honest)
    assert walk.decide().outcome is Outcome.RELEASE
    assert release.assess(workspace, SYSTEM).gates[0].judged == 95


@pytest.fixture
def server() -> Iterator[Server]:
    with endpoint_server.running() as running:
        yield running


def test_a_generation_that_was_killed_asks_only_what_is_missing(
    workspace: Workspace, tmp_path: Path, server: Server
) -> None:
    ids = Walk(workspace, tmp_path).ask("probes", 12)
    killed(
        workspace,
        "from curator.runs.endpoint import Endpoint\n"
        "from curator.runs.remote_generation import generate_at\n"
        "generate_at(workspace, Endpoint(url=sys.argv[2], model='m', at_once=1), 'probes', system='theirs',"
        " actor='lead', on_progress=lambda done, total: die() if done == 5 else None)",
        server.url,
    )
    before = len(server.asked)
    assert 5 <= before <= 6
    report = generate_at(
        workspace, Endpoint(url=server.url, model="m", at_once=1), "probes", system="theirs", actor="lead"
    )
    assert (report.outputs, report.new) == (12, 7)
    assert len(server.asked) - before <= 7
    with workspace.read() as connection:
        stored = outputs.of_system(connection, systems.find(connection, "theirs").id)
    assert [each.prompt.id for each in stored] == ids
