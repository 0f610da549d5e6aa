"""`curator import` and `curator quarantine`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from curator.cli import console
from curator.cli.options import JsonOption, ProjectOption, WorkspaceOption, actor, workspace_of
from curator.ingest import import_file, quarantine
from schemas.importing import FieldMap, Format, ImportReport, RowIssue

quarantine_app = typer.Typer(add_completion=False, help="Rows that failed an import.", no_args_is_help=True)


def import_data(
    file: Annotated[
        Path,
        typer.Argument(help="JSON, JSON lines, CSV, Parquet, Arrow or Excel, also packed (.gz, .zst); or a folder."),
    ],
    workspace: WorkspaceOption = None,
    format: Annotated[Format | None, typer.Option("--format", help="By default recognised.")] = None,
    mapping: Annotated[list[str] | None, typer.Option("--map", help="field=column, as in response=answer.")] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Take the records as already reviewed.")] = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import a file of instruction-response pairs; bad rows go to quarantine, good ones go on."""
    with console.errors():
        field_map = _field_map(mapping or [])
        opened = workspace_of(workspace, create=True)
        with console.progress() as bar:
            task = bar.add_task(f"Importing {file.name}", total=None, note="")
            report = import_file(
                opened,
                file,
                actor=actor(),
                format=format,
                field_map=field_map,
                accept=accept,
                project=project,
                on_progress=lambda read: bar.update(task, completed=read),
            )
        console.show(report, as_json=as_json, human=summary(report))
    if report.imported + report.duplicates == 0:
        console.messages.print("Nothing came in. Check the mapping and the format; the rows are in quarantine.")
        raise typer.Exit(1)


def summary(report: ImportReport) -> RenderableType:
    """The sum of an import and its first bad rows, for people."""
    lines = [_line(each) for each in (*report.parts, report)]
    text = Text("\n".join(lines))
    return Group(text, _issues(report.issues)) if report.issues else text


def _line(report: ImportReport) -> str:
    return (
        f"{report.file} ({report.format}): read {report.read} = {report.imported} imported + "
        f"{report.quarantined} quarantined + {report.duplicates} already known"
    )


@quarantine_app.command("list")
def list_rows(workspace: WorkspaceOption = None, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the rows that wait to be fixed."""
    with console.errors():
        rows = quarantine.waiting(workspace_of(workspace), project=project)
        console.show({"rows": rows}, as_json=as_json, human=_issues([row.issue for row in rows]))


@quarantine_app.command("export")
def export_rows(
    file: Annotated[Path, typer.Argument(help="JSON lines file to write.")],
    workspace: WorkspaceOption = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the waiting rows with their reasons into a file."""
    with console.errors():
        rows = quarantine.export(workspace_of(workspace), file, project=project)
        console.show({"rows": rows, "file": str(file)}, as_json=as_json, human=f"{rows} rows written to {file}.")


@quarantine_app.command("retry")
def retry_rows(workspace: WorkspaceOption = None, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Check the waiting rows again and import those that pass."""
    with console.errors():
        report = quarantine.retry(workspace_of(workspace), actor=actor(), project=project)
        human = (
            f"{report.rows} rows = {report.imported} imported + {report.duplicates} already known + "
            f"{report.still_failing} still failing"
        )
        console.show(report, as_json=as_json, human=human)


def _field_map(pairs: list[str]) -> FieldMap:
    columns = {}
    for pair in pairs:
        field, equals, column = pair.partition("=")
        if not (equals and field and column):
            raise typer.BadParameter(f"{pair!r} is not of the form field=column", param_hint="--map")
        if field in columns:
            raise typer.BadParameter(f"{field} is mapped twice", param_hint="--map")
        columns[field] = column
    return FieldMap(columns=columns)


def _issues(issues: tuple[RowIssue, ...] | list[RowIssue]) -> Table:
    table = Table("line", "field", "rule", "problem")
    for issue in issues:
        table.add_row(str(issue.line), Text(issue.field), issue.rule, Text(issue.problem))
    return table
