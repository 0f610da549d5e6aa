"""The verbs of a review beside plan and verdicts, as a script calls them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from curator import Workspace, review
from curator.cli.main import app
from schemas.judgement import Judgement
from tests.review.conftest import RUN, SECRET, AddOutputs, add_outputs, reviewed

__all__ = ["add_outputs", "reviewed"]

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def call(reviewed: Workspace) -> Call:
    """Run a verb of `curator review` with `--json`. Returns what it printed."""

    def run(verb: str, *arguments: str, code: int = 0) -> dict[str, Any]:
        command = ["review", verb, *arguments, "--workspace", str(reviewed.folder), "--json"]
        result = CliRunner().invoke(app, command)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout) if code == 0 else {}

    return run


def test_a_script_corrects_names_the_record_and_settles(
    reviewed: Workspace, add_outputs: AddOutputs, call: Call
) -> None:
    add_outputs(f"Well, {SECRET}, they say.")
    review.screen_run(reviewed, RUN, actor="me")
    review.draw(reviewed, RUN, actor="me")
    for reviewer, wrong in (("Ada", Judgement(unfactual=True, note="Untrue.")), ("Ben", Judgement(fine=True))):
        [pair] = call("pairs", RUN, "--reviewer", reviewer)["pairs"]
        sides = [wrong if SECRET in pair[side] else Judgement(fine=True) for side in "ab"]
        review.verdicts.give(reviewed, pair["pair"], a=sides[0], b=sides[1], reviewer=reviewer)
        if reviewer == "Ada":
            name, side = pair["pair"], "a" if SECRET in pair["a"] else "b"
    about = (name, "--side", side, "--reviewer", "Ada")
    record = call("correct", *about, "--instruction", "A variant?", "--corrected", "A colour.")["record"]
    pair_record = call("correct", *about, "--prefer", "--instruction", "Another variant?", "--corrected", "Blue.")
    call("correct", *about, "--corrected", "A colour.", code=1)  # the prompt of a gate suite never trains
    [nearest, *_] = call("nearest", *about)["rows"]
    call("taught", name, nearest["record_ids"][0], "--side", side, "--reviewer", "Ada", "--reason", "It tells.")
    sent = call("followed", RUN, "--reviewer", "Ada")["sent"]
    assert [each["sent"]["kind"] for each in sent] == ["corrected", "preference", "taught"]
    assert [each["sent"]["record_id"] for each in sent[:2]] == [record, pair_record["record"]]
    [dispute] = call("disputes", RUN, "--reviewer", "Cy")["disputes"]
    reasons = {opinion[side]["note"] for opinion in dispute["opinions"] for side in "ab"}
    assert reasons == {"Untrue.", ""}
    call("adjudicate", name, "--reviewer", "Cy", "--a", "fine", "--b", "fine", "--reason", "It is true.")
    assert call("disputes", RUN, "--reviewer", "Dan")["disputes"] == []
    [measured] = call("agreement", RUN, "--reviewer", "Ada")["agreement"]
    assert (measured["outputs"], measured["percent"]["value"]) == (2, 0.5)
    call("skip", name, "--reviewer", "Eve", "--escalate")
