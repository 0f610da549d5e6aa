"""`curator import` and `curator imports`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from curator.cli import console
from curator.cli.options import JsonOption, ProjectOption, WorkspaceOption, actor, workspace_of
from curator.ingest import import_file, recent_imports, undo_import
from schemas.importing import FieldMap, Format, ImportReport, RowIssue

imports_app = typer.Typer(add_completion=False, help="Imports that were made, and undoing one.", no_args_is_help=True)


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
        field_map = field_map_of(mapping or [])
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
    if report.unread:
        lines += [
            f"Not read: {', '.join(report.unread)}. They stay with the row as it came; where a model should learn "
            "them, undo the import and map them (--map)."
        ]
    if report.still_waiting:
        lines.append(
            f"{report.still_waiting} of the known records still wait for an annotator: an earlier import brought them "
            "to be annotated. Undo that one (curator imports undo), and they are accepted as this one brought them."
        )
    text = Text("\n".join(lines))
    return Group(text, issue_table(report.issues)) if report.issues else text


def _line(report: ImportReport) -> str:
    return (
        f"{report.file} ({report.format}): read {report.read} = {report.imported} imported + "
        f"{report.quarantined} quarantined + {report.duplicates} already known"
    )


@imports_app.command("list")
def list_imports(workspace: WorkspaceOption = None, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the newest imports with their counts."""
    with console.errors():
        batches = recent_imports(workspace_of(workspace), project=project, limit=50)
        table = Table("import", "when (UTC)", "file", "read", "imported", "quarantined", "known", "by", "undone by")
        for batch in batches:
            counts = (str(n) for n in (batch.read, batch.imported, batch.quarantined, batch.duplicates))
            when = f"{batch.created_at:%Y-%m-%d %H:%M}"
            table.add_row(str(batch.id), when, batch.file_name, *counts, batch.actor, batch.undone_by or "")
        plain = [{name: value for name, value in batch._asdict().items() if name != "settings"} for batch in batches]
        console.show({"imports": plain}, as_json=as_json, human=table)


@imports_app.command("undo")
def undo(
    batch: Annotated[int, typer.Argument(metavar="IMPORT", help="Its number, from curator imports list.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the records of an import out of the queue again, but for those that were worked on."""
    with console.errors():
        report = undo_import(workspace_of(workspace), batch, actor=actor())
        human = (
            f"{report.file_name}: {report.removed} records removed, {len(report.kept)} stay since they were worked on, "
            f"{report.shared} stand with another import of the same content, "
            f"{report.quarantined} rows no longer wait in quarantine, {report.reopened} wait there again"
        )
        console.show(report, as_json=as_json, human="\n".join([human, *report.kept]))


def field_map_of(pairs: list[str]) -> FieldMap:
    """The mapping that `--map field=column` options say."""
    columns = {}
    for pair in pairs:
        field, equals, column = pair.partition("=")
        if not (equals and field and column):
            raise typer.BadParameter(f"{pair!r} is not of the form field=column", param_hint="--map")
        if field in columns:
            raise typer.BadParameter(f"{field} is mapped twice", param_hint="--map")
        columns[field] = column
    return FieldMap(columns=columns)


def issue_table(issues: Iterable[RowIssue]) -> Table:
    """Rows with what is wrong with them, for people."""
    table = Table("line", "field", "rule", "problem")
    for issue in issues:
        table.add_row(str(issue.line), Text(issue.field), issue.rule, Text(issue.problem))
    return table
