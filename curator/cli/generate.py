"""`curator generate`."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import HttpUrl

from curator.cli import console
from curator.cli.options import JsonOption, WorkspaceOption, actor, workspace_of
from curator.runs.endpoint import Endpoint
from curator.runs.remote_generation import generate_at
from schemas.review import Decoding


def generate(
    run: Annotated[str, typer.Argument(metavar="RUN-OR-SYSTEM", help="A run; with --endpoint the name of a system.")],
    suite: Annotated[str, typer.Option("--suite", help="Name or id of a prompt suite.")],
    workspace: WorkspaceOption = None,
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", help="Longest output.")] = 128,
    temperature: Annotated[float, typer.Option("--temperature", help="0 is greedy decoding.")] = 0.0,
    samples: Annotated[int, typer.Option("--samples", help="Outputs per prompt.")] = 1,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the first sample.")] = 0,
    endpoint: Annotated[
        str | None, typer.Option(help="OpenAI-compatible address to ask, as http://host:8000/v1.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name of the model at the endpoint.")] = None,
    key_variable: Annotated[str | None, typer.Option(help="Environment variable with the key of the endpoint.")] = None,
    at_once: Annotated[int, typer.Option(min=1, max=256, help="Requests to the endpoint at the same time.")] = 4,
    requests_per_minute: Annotated[float | None, typer.Option(help="Most requests that begin in a minute.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Let base and tuned model answer every prompt of a suite; goes on where it was interrupted."""
    if (endpoint is None) != (model is None):
        raise typer.BadParameter("give --endpoint and --model together")
    with console.errors():
        decoding = Decoding(max_new_tokens=max_new_tokens, temperature=temperature, samples=samples, seed=seed)
        opened = workspace_of(workspace)
        with console.progress() as bar:
            task = bar.add_task("Generating", total=None, note="")

            def on_progress(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)

            if endpoint is None:
                # torch takes seconds to import: only the verbs that need it pay for it
                from curator.runs.generation import generate as generate_outputs

                report = generate_outputs(opened, run, suite, decoding=decoding, actor=actor(), on_progress=on_progress)
            else:
                report = generate_at(
                    opened,
                    Endpoint(
                        url=HttpUrl(endpoint),
                        model=str(model),
                        key_variable=key_variable,
                        at_once=at_once,
                        requests_per_minute=requests_per_minute,
                    ),
                    suite,
                    system=run,
                    decoding=decoding,
                    actor=actor(),
                    on_progress=on_progress,
                )
        human = f"{report.outputs} outputs are stored, {report.new} of them new."
        console.show(report, as_json=as_json, human=human)
