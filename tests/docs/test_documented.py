"""The guide speaks of what there is: every command, every setting, every format, and links that lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from curator.cli.main import VERBS, app
from curator.settings import Settings
from schemas.importing import Format
from schemas.version import ExportFormat

REPOSITORY = Path(__file__).resolve().parents[2]
GUIDE = "\n".join(file.read_text(encoding="utf-8") for file in sorted((REPOSITORY / "docs" / "guide").glob("*.md")))
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
ELSEWHERE = {"init", "serve", "demo"}  # in the README, or made by the first import


@pytest.mark.parametrize("name", VERBS)
def test_every_command_is_documented(name: str) -> None:
    assert name in ELSEWHERE or re.search(rf"^    curator {name}\b", GUIDE, re.MULTILINE), f"curator {name}"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{name}`" in GUIDE
    assert f"CURATOR_{name.upper()}" in GUIDE


@pytest.mark.parametrize("format", [*Format, *ExportFormat])
def test_every_format_is_documented(format: str) -> None:
    assert f"`{format}`" in GUIDE


def test_the_promised_commands_and_options_are_there() -> None:
    group = typer.main.get_command(app)
    promised = {
        "import": {"--format", "--map", "--accept", "--project"},
        "freeze": {"--name", "--split"},
        "export": {"--format", "--out"},
        "tokens": {"--row", "--base"},
        "train": {"--base", "--lora", "--epochs", "--max-steps", "--seed"},
        "generate": {"--suite"},
        "screen": {"--outputs", "--out"},
        "report": {"--out"},
        "serve": {"--host", "--port"},
        "demo": {"--no-serve"},
    }
    for name, options in promised.items():
        command = group.get_command(None, name)  # type: ignore[attr-defined]
        offered = {option for parameter in command.params for option in parameter.opts}
        assert options | {"--workspace"} <= offered, name


@pytest.mark.parametrize("text", [README, GUIDE], ids=["readme", "guide"])
def test_links_lead_somewhere(text: str) -> None:
    folder = REPOSITORY if text is README else REPOSITORY / "docs" / "guide"
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (folder / link).exists(), link
