"""`curator leakage`: evaluation items among the records that train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from curator.cli import console
from curator.cli.options import JsonOption, ProjectOption, WorkspaceOption, workspace_of
from schemas.leakage import LeakageReport

_SHOWN = 10
_EXCERPT = 120


def leakage(
    workspace: WorkspaceOption = None,
    project: ProjectOption = None,
    version: Annotated[
        str | None, typer.Option("--version", help="Look in the training rows of this version instead.")
    ] = None,
    against: Annotated[
        list[Path] | None, typer.Option("--against", help="File of evaluation items (may be repeated).")
    ] = None,
    against_version: Annotated[
        list[str] | None,
        typer.Option("--against-version", help="Version whose validation and test rows to look for (may be repeated)."),
    ] = None,
    suite: Annotated[
        list[str] | None,
        typer.Option("--suite", help="Only these suites (may be repeated); by default all, unless files are named."),
    ] = None,
    least: Annotated[
        float, typer.Option("--least", min=0.3, max=1.0, help="Share of an item's three-word runs that must be there.")
    ] = 0.8,
    as_json: JsonOption = False,
) -> None:
    """Look for prompts of suites, items of files and held-out rows among the records; nothing is changed."""
    from curator.curate import leakage as stage  # numba takes half a second to load
    from curator.versions import held_out

    with console.errors():
        opened = workspace_of(workspace)
        items = [] if against and not suite else stage.suite_items(opened, suite)
        items += [item for file in against or () for item in stage.read_items(file)]
        items += [item for each in against_version or () for item in held_out.items_of(opened, each)]
        if version is not None:
            report = held_out.check(opened, version, items, least=least)
        else:
            report = stage.check(opened, items, project=project, least=least)
        console.show(report, as_json=as_json, human=_shown(report))


def _shown(report: LeakageReport) -> Group:
    table = Table(title=f"{report.matches:,} of {report.records:,} records of {report.searched} hold an item")
    for column in ("Looked for", "Items", "Records"):
        table.add_column(column)
    for source in report.sources:
        table.add_row(Text(source.name), f"{source.items:,}", f"{source.matches:,}")
    lines = []
    for match in report.shown[:_SHOWN]:
        what = "answer" if match.is_answer else "item"
        lines.append(Text(f"\n{match.share:.0%} of {what} {match.item_id} of {match.source} in {match.record_id}"))
        lines += [Text(f"  {' '.join(text.split())[:_EXCERPT]}") for text in (match.item_text, match.instruction)]
    return Group(table, *lines)
