"""`curator subset`: choose records by quality and diversity, beside a random arm."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from curator.cli import console
from curator.cli.options import JsonOption, ProjectOption, WorkspaceOption, actor, workspace_of
from schemas.subset import SubsetRecipe, SubsetReport

_FIGURES = (
    ("Topics", "topics"), ("As evenly as so many", "even_topics"), ("Imports", "imports"), ("Coverage", "coverage"),
    ("Quality", "quality"), ("Median response, characters", "median_response"), ("All responses", "responses"),
)  # fmt: skip


def subset(
    count: Annotated[int, typer.Argument(min=1, help="How many records.")],
    query: Annotated[str, typer.Argument(help="Records to choose from.")] = SubsetRecipe(count=1).query,
    workspace: WorkspaceOption = None,
    project: ProjectOption = None,
    quality: Annotated[
        float, typer.Option("--quality", min=0, max=1, help="Weight of quality beside diversity.")
    ] = 0.3,
    balance: Annotated[
        float, typer.Option("--balance", min=0, max=1, help="Topics share the places by size (1) or alike (0).")
    ] = 0.5,
    shortest: Annotated[int, typer.Option("--shortest", min=0, help="Shortest good response, characters.")] = 0,
    longest: Annotated[int | None, typer.Option("--longest", min=1, help="Longest good response, characters.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the random arm.")] = 0,
    label: Annotated[str | None, typer.Option("--label", help="Label both arms with this name.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Choose records by quality and diversity, beside as many drawn at random with the same figures."""
    from curator.curate import subset as stage

    with console.errors():
        recipe = SubsetRecipe(
            query=query, count=count, seed=seed, quality=quality, balance=balance, shortest=shortest, longest=longest
        )
        opened = workspace_of(workspace)
        report = stage.select(opened, recipe, project=project)
        result = report.model_dump(mode="json")
        if label is not None:
            queries = stage.label(opened, report, label, actor=actor())
            result["queries"] = {"chosen": queries[0], "random": queries[1]}
        console.show(result, as_json=as_json, human=_told(report, label))


def _told(report: SubsetReport, label: str | None) -> Group:
    table = Table("", *(f"{each.name} ({each.records:,})" for each in report.arms))
    for title, name in _FIGURES:
        table.add_row(title, *(_figure(getattr(each, name)) for each in report.arms))
    topics = Table("Topic", "all", "chosen", "random")
    for each in report.topics:
        topics.add_row(Text(each.topic), f"{each.all:,}", f"{each.chosen:,}", f"{each.random:,}")
    judged = ", ".join(report.judged_by) or "nothing that was counted"
    notes = [f"Quality is judged by {judged}."]
    notes += [f"{report.without:,} records have no vector: curator topics --count"] if report.without else []
    notes += [f"Labelled {label} and {label}.random."] if label else []
    return Group(table, topics, *notes)


def _figure(value: float | None) -> str:
    return "not counted" if value is None else f"{value:,}"
