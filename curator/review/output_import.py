"""Outputs from elsewhere: what another program generated for the prompts of a suite, brought in word for word.

A row that cannot be used is counted and named, the others are stored. An output that is there already stays as it is:
other text for the same prompt and sample is refused, since verdicts may stand on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import orjson

from curator.access import require
from curator.errors import ReviewError
from curator.store import events, outputs, projects, suites, systems
from curator.store.outputs import NewOutput
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind
from schemas.review import ModelName, OutputsReport

_SHOWN = 20


def import_outputs(
    workspace: Workspace,
    file: Path,
    *,
    suite: str,
    actor: str,
    run: str | None = None,
    role: Literal["base", "tuned"] = "tuned",
    system: str | None = None,
    project: str | None = None,
) -> OutputsReport:
    """Store the outputs of a JSON lines file. Returns how many were new, how many prompts still have none.

    Args:
        workspace: Where to store.
        file: Rows with `prompt_id`, `output` and optionally `sample` (from 0).
        suite: Name or id of the suite whose prompts were asked.
        actor: Who brings them in.
        run: The run whose model said them; or else `system`.
        role: Which of the two models of the run.
        system: Name of a system that was not trained here; a new name makes a new system.
        project: Whose gates decide about a new system; by default the first one.

    Raises:
        NotFoundError: There is no such suite or run.
        ReviewError: The file cannot be read, or it is not said whose outputs these are.
    """
    require(workspace, actor, Right.REVIEW)
    if (run is None) == (system is None):
        raise ReviewError("It is not said whose outputs these are.", hint="Name either a run or a system.")
    with workspace.write() as connection:
        frozen = suites.get(connection, suite)
        now = workspace.clock()
        if run is not None:
            owner = systems.ensure_run(connection, run, actor=actor, at=now)
        else:
            project_id = projects.by_name(connection, project).id
            owner = systems.ensure_named(connection, str(system), project_id=project_id, actor=actor, at=now)
        model: ModelName = owner.target if run is None else role
        position = {prompt.id: n for n, prompt in enumerate(frozen.prompts)}
        there = {
            (output.prompt.id, output.sample): output.text
            for output in outputs.of_system(connection, owner.id, suite_id=frozen.id)
            if output.model == model
        }
        new: list[NewOutput] = []
        known, problems = 0, []
        for row in _rows(file):
            if isinstance(row, str):
                problems.append(row)
            elif row.prompt_id not in position:
                problems.append(f"Line {row.line}: suite {frozen.name} has no prompt {row.prompt_id!r}.")
            elif there.get((row.prompt_id, row.sample), row.text) != row.text:
                problems.append(
                    f"Line {row.line}: prompt {row.prompt_id!r}, sample {row.sample}, has another output already."
                )
            elif (row.prompt_id, row.sample) in there:
                known += 1
            else:
                there[row.prompt_id, row.sample] = row.text
                new.append(NewOutput(position[row.prompt_id], model, row.sample, row.text))
        outputs.add_many(connection, new, system_id=owner.id, suite_id=frozen.id, at=now)
        answered = {prompt_id for prompt_id, _ in there}
        report = OutputsReport(
            imported=len(new),
            missing=len(frozen.prompts) - len(answered),
            refused=len(problems),
            known=known,
            problems=tuple(problems[:_SHOWN]),
        )
        detail = {"suite": frozen.id, "model": model, "file": file.name, **report.model_dump(exclude={"problems"})}
        events.append(connection, Kind.OUTPUTS_IMPORT, owner.id, actor=actor, at=now, detail=detail)
    return report


class _Row(NamedTuple):
    line: int
    prompt_id: str
    text: str
    sample: int


def _rows(file: Path) -> Iterator[_Row | str]:
    """Every row of the file, or in words why it cannot be used."""
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _row(line, number)
    except OSError as error:
        raise ReviewError(f"{file} cannot be read: {error.strerror}.", hint="Check the path.") from error


def _row(line: bytes, number: int) -> _Row | str:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return f"Line {number} is not valid JSON: {error}."
    if not isinstance(row, dict) or not isinstance(row.get("output"), str) or "prompt_id" not in row:
        return f"Line {number} has no prompt_id, or no text in output."
    sample = row.get("sample", 0)
    if not isinstance(sample, int) or isinstance(sample, bool) or sample < 0:
        return f"Line {number}: sample {sample!r} is not a number from 0 on."
    if "\x00" in row["output"]:
        return f"Line {number}: the output holds a NUL character, which no database can store."
    return _Row(number, str(row["prompt_id"]), row["output"], sample)
