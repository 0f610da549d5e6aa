"""`curator topics` and `alike`: what the records of a project are about, and which are like one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from curator.cli import console
from curator.cli.options import JsonOption, ProjectOption, WorkspaceOption, actor, workspace_of
from curator.errors import CurationError
from schemas.alike import AlikeReport
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


def alike(
    record: Annotated[str | None, typer.Argument(help="Id of a record.")] = None,
    workspace: WorkspaceOption = None,
    project: ProjectOption = None,
    model: Annotated[
        Path | None,
        typer.Option("--model", help="Compare by the vectors of this language, embedding or model2vec model."),
    ] = None,
    count: Annotated[bool, typer.Option("--count", help="First count the vectors that are missing.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="How many records.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Show the records that are most like one, by their words (see `topics`) or by the vectors of a model."""
    from curator.curate import alike as stage

    with console.errors():
        if record is None and not count:
            raise CurationError("No record is named.", hint="Give the id of a record, or --count.")
        opened = workspace_of(workspace)
        embed = None
        if model is not None:
            from curator.runs.embedding import embedder_of

            embed = embedder_of(model)
        if count:
            with console.progress() as shown:
                task = shown.add_task("Counting vectors", total=None, note="")

                def tell(done: int, total: int) -> None:
                    shown.update(task, completed=done, total=total)

                if model is None or embed is None:
                    from curator.curate import topics as topic_stage

                    topic_stage.count(opened, project=project, actor=actor(), progress=tell)
                else:
                    stage.embed_all(opened, project=project, model=model, embed=embed, progress=tell)
        if record is None:
            console.show({"counted": True}, as_json=as_json, human="The vectors are counted.")
            return
        if model is None or embed is None:
            report = stage.by_words(opened, record, limit=limit)
        else:
            report = stage.by_model(opened, record, model=model, embed=embed, limit=limit)
        console.show(report, as_json=as_json, human=_neighbours(report))


def _neighbours(report: AlikeReport) -> Group:
    table = Table("Likeness", "Record", "State", "Instruction", "Response")
    for each in report.neighbours:
        texts = (Text(" ".join(text.split())[:80]) for text in (each.instruction, each.response))
        table.add_row(f"{each.likeness:.2f}", each.record_id, each.state, *texts)
    note = f"Compared with {report.compared:,} records by {report.by}."
    if report.not_compared:
        note += f" {report.not_compared:,} came in since."
    return Group(table, note)


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
