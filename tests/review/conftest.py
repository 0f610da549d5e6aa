"""A run with stored outputs, without the minutes that training would take."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from curator import Workspace, versions
from curator.review import add_suite
from curator.store import outputs, projects, records, runs, systems
from schemas.review import Decoding, Output
from schemas.run import HeldOutLoss, RunResult, RunState, TrainConfig
from schemas.version import SplitPlan
from tests.conftest import make_record

RUN = "20260301-120000-abcdef"
SECRET = "the spare key of the blue boat lies under the third stone behind the old mill"

AddOutputs = Callable[..., list[Output]]


@pytest.fixture
def reviewed(workspace: Workspace) -> Workspace:
    """A workspace with a finished run on a version of two records."""
    with workspace.write() as connection:
        project = projects.by_name(connection)
        known = [make_record("Where is the key?", SECRET), make_record("Name a colour.", "Red.")]
        records.add_many(connection, known, project=project, at=workspace.clock(), accept=True)
    version = versions.freeze(workspace, actor="me", plan=SplitPlan(train=1, validation=0, test=0))
    losses = {
        name: HeldOutLoss(split="test", records=5, response_tokens=20, nll=nll)
        for name, nll in (("base", 3.0), ("tuned", 1.0))
    }
    result = RunResult(
        steps=5, response_tokens=9, heldout_base=losses["base"], heldout_tuned=losses["tuned"], seconds=1.0
    )
    with workspace.write() as connection:
        runs.add(connection, RUN, version_id=version.id, config=TrainConfig(base="x"), actor="me", at=workspace.clock())
        runs.end(connection, RUN, RunState.DONE, at=workspace.clock(), result=result)
    return workspace


@pytest.fixture
def add_outputs(reviewed: Workspace, tmp_path: Path) -> AddOutputs:
    """Store one output of base and tuned for each prompt; `texts` are those of the tuned model."""

    def add(*texts: str, purpose: str = "gate", **prompt: object) -> list[Output]:
        file = tmp_path / f"{purpose}.jsonl"
        lines = [json.dumps({"id": str(n), "prompt": f"Prompt {n} {purpose}?", **prompt}) for n in range(len(texts))]
        file.write_text("\n".join(lines))
        suite = add_suite(reviewed, file, purpose=purpose, actor="me")  # type: ignore[arg-type]
        new = [
            outputs.NewOutput(n, model, 0, text, 5, True, Decoding())
            for n, tuned in enumerate(texts)
            for model, text in (("base", "What the base says."), ("tuned", tuned))
        ]
        with reviewed.write() as connection:
            systems.ensure_run(connection, RUN, actor="me", at=reviewed.clock())
            outputs.add_many(connection, new, system_id=RUN, suite_id=suite.id, at=reviewed.clock())
            return outputs.of_system(connection, RUN, suite_id=suite.id)

    return add
