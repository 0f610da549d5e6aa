"""Outputs from elsewhere: what another program generated for the prompts of a suite, brought in word for word.

Which formats there are, `output_formats` knows. A row that cannot be used is counted and named, the others are stored.
An output that is there already stays as it is: other text for the same prompt and sample is refused, since verdicts may
stand on it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from curator.access import require
from curator.errors import ReviewError
from curator.quality.normal_form import normal_form
from curator.review.output_formats import Row, read_rows
from curator.store import events, outputs, projects, suites, systems
from curator.store.outputs import NewOutput
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind
from schemas.review import ModelName, OutputsReport, Suite

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
    """Store the outputs of a file. Returns how many were new, how many prompts still have none.

    Args:
        workspace: Where to store.
        file: JSON lines, a JSON list or CSV with `prompt_id`, `output` (or `messages`) and optionally `sample`, from 0;
            a log of inspect_ai (`.eval` or `.json`); samples of lm-eval (`--log_samples`).
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
            (output.prompt.id, output.sample): (output.text, output.turns)
            for output in outputs.of_system(connection, owner.id, suite_id=frozen.id)
            if output.model == model
        }
        new: list[NewOutput] = []
        known, problems = 0, []
        questions = _Questions(frozen)
        for row in read_rows(file):
            if isinstance(row, str):
                problems.append(row)
                continue
            try:
                prompt_id = questions.prompt_of(row)
            except _AnotherQuestionError as error:
                problems.append(f"{row.place}: {error}.")
                continue
            place, said = (prompt_id, row.sample), (row.text, row.turns)
            if there.get(place, said) != said:
                problems.append(f"{row.place}: prompt {prompt_id!r}, sample {row.sample}, has another output already.")
            elif place in there:
                known += 1
            else:
                there[place] = said
                new.append(
                    NewOutput(position[prompt_id], model, row.sample, row.text, stopped=row.stopped, turns=row.turns)
                )
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


class _AnotherQuestionError(Exception):
    """An output that answers no prompt of the suite, with the reason as the end of a sentence."""


class _Questions:
    """Finds which prompt of a suite an output answers. Where a file tells the question, the question decides."""

    def __init__(self, frozen: Suite) -> None:
        self._name = frozen.name
        self._text_of = {prompt.id: normal_form(prompt.prompt) for prompt in frozen.prompts}
        self._id_of = {text: prompt_id for prompt_id, text in self._text_of.items()}

    def prompt_of(self, row: Row) -> str:
        """The id of the prompt that a row answers."""
        named = row.prompt_id if row.prompt_id in self._text_of else None
        if row.asked is None:
            if named is None:
                raise _AnotherQuestionError(f"suite {self._name} has no prompt {row.prompt_id!r}")
            return named
        asked = normal_form(row.asked)
        if named is not None:
            if self._text_of[named] not in asked:  # examples or instructions may stand around it
                raise _AnotherQuestionError(f"the model was asked something else than prompt {named!r}")
            return named
        if asked in self._id_of:
            return self._id_of[asked]
        ends = {prompt_id: asked.rfind(text) + len(text) for prompt_id, text in self._text_of.items() if text in asked}
        if not ends:
            raise _AnotherQuestionError(f"the model was asked none of the prompts of suite {self._name}")
        return max(ends, key=lambda prompt_id: (ends[prompt_id], len(self._text_of[prompt_id])))  # examples come first
