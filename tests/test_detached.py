"""Processes that outlive their starter: alive or not, the end of their log, and the environment of all that train."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from curator import detached
from schemas.process import ProcessMark

PRINTS = "import os; print(os.environ['GOMP_SPINCOUNT'])"


def finished(mark: ProcessMark) -> None:
    with suppress(psutil.NoSuchProcess):
        psutil.Process(mark.id).wait()


def test_a_detached_process_leaves_its_log_and_is_known_to_be_gone(tmp_path: Path) -> None:
    mark = detached.start([sys.executable, "-c", "print('one' * 2000, 'end')"], log=tmp_path / "log")
    finished(mark)
    assert not detached.is_alive(mark)
    assert detached.log_tail(tmp_path / "log").endswith("one end\n")
    assert len(detached.log_tail(tmp_path / "log")) == 4000
    assert detached.log_tail(tmp_path / "none") == ""


def test_a_later_process_with_the_same_id_is_another_one() -> None:
    mine = detached.own_mark()
    assert detached.is_alive(mine)
    assert not detached.is_alive(mine._replace(started=mine.started - 60))


def test_a_run_in_the_foreground_has_the_environment_of_a_detached_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    code = (
        "import os, sys\nfrom typer.testing import CliRunner\nfrom curator.cli.main import app\n"
        "CliRunner().invoke(app, ['init', '--workspace', sys.argv[1]])\n"
        "print(os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "workspace")]
    here = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    finished(detached.start([sys.executable, "-c", PRINTS], log=tmp_path / "log"))
    assert here == [detached.log_tail(tmp_path / "log").strip(), "False"]


def test_a_setting_of_the_user_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "GOMP_SPINCOUNT", "7")
    finished(detached.start([sys.executable, "-c", PRINTS], log=tmp_path / "log"))
    assert detached.log_tail(tmp_path / "log") == "7\n"
