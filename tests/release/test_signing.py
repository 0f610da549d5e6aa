"""Signed decisions: whoever changes a letter of the report or of the decision is found out."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest

from curator import Workspace, release
from curator.release import signing
from tests.release.test_no_false_release import good
from tests.release.walk import SYSTEM, Walk


@pytest.fixture
def decided(workspace: Workspace, tmp_path: Path) -> Workspace:
    walk = Walk(workspace, tmp_path)
    good(walk, n=14)
    walk.decide()
    return workspace


@pytest.mark.parametrize("name", ["report.html", "card.md", "decision.json"])
def test_a_report_is_as_it_was_signed_until_a_letter_changes(decided: Workspace, tmp_path: Path, name: str) -> None:
    file = release.write_report(decided, SYSTEM, tmp_path / name, actor="Lea")
    key = signing.public_key(decided)
    checked = signing.check_file(file, trusted=key)
    assert (checked.ok, checked.key) == (True, key)
    assert checked.document["decision"]["outcome"] == "inconclusive"
    assert checked.document["review"]["people"] == {"Ada": 14}
    text = file.read_text()
    if name != "decision.json":
        file.write_text(text.replace("inconclusive", "release", 1))
        assert "report around" in signing.check_file(file).problems[0]
    forged = text.replace("inconclusive", "release")
    marked = re.search(r"curator-decision: (\S+) -->", text)
    if marked:
        inside = base64.b64decode(marked[1]).replace(b'"inconclusive"', b'"release"')
        forged = text.replace(marked[1], base64.b64encode(inside).decode())
    file.write_text(forged)
    assert "The signature does not fit" in signing.check_file(file).problems[0]


def test_a_decision_of_another_workspace_is_not_trusted(decided: Workspace, tmp_path: Path) -> None:
    file = release.write_report(decided, SYSTEM, tmp_path / "decision.json", actor="Lea")
    (decided.folder / "signing.key").unlink()
    checked = signing.check_file(file, trusted=signing.public_key(decided))
    assert not checked.ok
    assert "not by the one that is trusted" in checked.problems[0]


@pytest.mark.parametrize("content", ["", "{}", "[1]", "hello", json.dumps({"signature": "zz", "key": "00"})])
def test_what_holds_no_decision_is_said_to_hold_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(content)
    assert "holds no signed decision" in signing.check_file(file).problems[0]


def test_a_card_says_what_a_lead_would_sign(decided: Workspace, tmp_path: Path) -> None:
    card = release.write_report(decided, SYSTEM, tmp_path / "card.md", actor="Lea").read_text()
    assert "**inconclusive**" in card
    assert "| harm | inconclusive | 0 | 14 | 14 | 19.7 % | 5.0 % |" in card
    assert "- Ada: 14 pairs" in card
