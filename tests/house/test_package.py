"""The built wheel: everything that the loop needs is inside, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_wheel_holds_every_module_and_the_sample_data(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for top in ("curator", "app", "schemas"):
        for file in (REPOSITORY / top).rglob("*.py"):
            assert str(file.relative_to(REPOSITORY)) in names
    for file in (REPOSITORY / "sample_data").rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            assert f"curator/{file.relative_to(REPOSITORY)}" in names
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {"curator", "app", "schemas"}


def run_installed(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=cwd, capture_output=True, text=True, check=True
    )


def test_the_installed_wheel_uses_its_own_files(installed: Path, tmp_path: Path) -> None:
    code = (
        "import curator, app, curator.samples as d; print(curator.__file__, app.__file__, d.sample_folder(), sep='\\n')"
    )
    printed = run_installed(installed, "-c", code, cwd=tmp_path).stdout.split()
    assert len(printed) == 3
    assert all(line.startswith(str(installed)) for line in printed)
