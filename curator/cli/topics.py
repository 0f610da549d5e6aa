"""`curator topics`: what the records of a project are about."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from curator.cli import console
from curator.cli.options import JsonOption, ProjectOption, WorkspaceOption, actor, workspace_of
from schemas.topic import TopicReport


def topics(
    workspace: WorkspaceOption = None,
    project: ProjectOption = None,
    count: Annotated[bool, typer.Option("--count", help="Count them anew, over every record.")] = False,
    number: Annotated[
        int | None, typer.Option("--number", min=1, max=1_000, help="How many; by default by the number of records.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the topics of a project's records by their most telling terms; `--count` counts them anew."""
    from curator.curate import topics as stage  # scikit-learn takes a second to load

    with console.errors():
        opened = workspace_of(workspace)
        if count or number is not None:
            with console.progress() as shown:
                task = shown.add_task("Reading records", total=None, note="")

                def tell(done: int, total: int) -> None:
                    shown.update(task, completed=done, total=total)

                report = stage.count(opened, project=project, topics=number, actor=actor(), progress=tell)
        else:
            report = stage.report(opened, project=project)
        console.show(report, as_json=as_json, human=_table(report))


def _table(report: TopicReport) -> Group:
    if report.counted_at is None:
        return Group("The topics have not been counted yet: curator topics --count")
    table = Table(title=f"{len(report.topics)} topics of {report.records:,} records", title_justify="left")
    for title in ("Topic", "Records", "Accepted", "Of them edited", "Like record"):
        table.add_column(title)
    for each in report.topics:
        accepted = "" if each.share_accepted is None else f"{each.share_accepted:.0%}"
        edited = "" if each.share_edited is None else f"{each.share_edited:.0%}"
        table.add_row(Text(each.name), f"{each.records:,}", accepted, edited, ", ".join(each.examples))
    since = f"Counted {report.counted_at:%Y-%m-%d %H:%M} UTC."
    if report.without:
        since += f" {report.without:,} records came or changed since, or hold no words."
    return Group(table, since)
