"""`curator trainability`: which records a run could train on."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from curator.cli import console
from curator.cli.options import JsonOption, ProjectOption, WorkspaceOption, workspace_of
from curator.cli.train import BaseOption, SetOption, config_of
from schemas.trainability import Obstacle, Trainability

TITLES = {
    Obstacle.TOO_LONG: "has too many tokens",
    Obstacle.NOTHING_TRAINS: "has no token that carries loss",
    Obstacle.SPECIAL_TOKEN: "spells a control token",
    Obstacle.TEMPLATE: "cannot be said by the template",
}


def trainability(
    base: BaseOption,
    version: Annotated[
        str | None, typer.Argument(help="A version by name or id; without one, the project's records as they stand.")
    ] = None,
    workspace: WorkspaceOption = None,
    project: ProjectOption = None,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", help="Longest record.")] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="Look at so many records, drawn at random.")
    ] = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """See which records a run would train on, rendered with the base's template, and why not the others."""
    from curator.runs import trainability as stage

    with console.errors():
        opened = workspace_of(workspace)
        config = config_of(settings or (), base=base, max_tokens=max_tokens)
        with console.progress() as shown:
            task = shown.add_task("Rendering records", total=None, note="")

            def tell(done: int, total: int) -> None:
                shown.update(task, completed=done, total=total)

            if version is None:
                report = stage.of_project(opened, config, project=project, most=sample, progress=tell)
            else:
                report = stage.of_version(opened, version, config, most=sample, progress=tell)
        console.show(report, as_json=as_json, human=_told(report))


def _told(report: Trainability) -> Group:
    of = f"{report.looked_at:,} of {report.records:,}" if report.looked_at < report.records else f"{report.records:,}"
    lines = [f"{report.trains:,} of {of} records train, with at most {report.max_tokens:,} tokens each."]
    if report.lengths is not None:
        each = report.lengths
        lines.append(
            f"Tokens of a record: median {each.median:,}, 95 % have at most {each.p95:,}, 99 % {each.p99:,}, "
            f"all {each.most:,}."
        )
    table = Table("A record that", "Records", "An example", "Why")
    for obstacle in report.obstacles:
        example = obstacle.examples[0]
        table.add_row(TITLES[obstacle.obstacle], f"{obstacle.records:,}", Text(example.excerpt), Text(example.reason))
    return Group(*lines, *([table] if report.obstacles else []))
