"""`curator generate`."""

from __future__ import annotations

from typing import Annotated

import typer

from curator.cli import console
from curator.cli.options import JsonOption, WorkspaceOption, actor, workspace_of
from schemas.review import Decoding


def generate(
    run: Annotated[str, typer.Argument(help="Id of a run or its beginning.")],
    suite: Annotated[str, typer.Option("--suite", help="Name or id of a prompt suite.")],
    workspace: WorkspaceOption = None,
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", help="Longest output.")] = 128,
    temperature: Annotated[float, typer.Option("--temperature", help="0 is greedy decoding.")] = 0.0,
    samples: Annotated[int, typer.Option("--samples", help="Outputs per prompt.")] = 1,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the first sample.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Let base and tuned model answer every prompt of a suite; goes on where it was interrupted."""
    # torch takes seconds to import: only the verbs that need it pay for it
    from curator.runs.generation import generate as generate_outputs

    with console.errors():
        decoding = Decoding(max_new_tokens=max_new_tokens, temperature=temperature, samples=samples, seed=seed)
        opened = workspace_of(workspace)
        with console.progress() as bar:
            task = bar.add_task("Generating", total=None, note="")

            def on_progress(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)

            report = generate_outputs(opened, run, suite, decoding=decoding, actor=actor(), on_progress=on_progress)
        human = f"{report.outputs} outputs are stored, {report.new} of them new."
        console.show(report, as_json=as_json, human=human)
