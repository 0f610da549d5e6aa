"""`curator quarantine`: the rows that failed an import, as a queue of work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curator.cli import console
from curator.cli.import_data import field_map_of, issue_table
from curator.cli.options import JsonOption, ProjectOption, WorkspaceOption, actor, workspace_of
from curator.ingest import quarantine
from curator.ingest.quarantine import Chosen
from schemas.importing import Format

quarantine_app = typer.Typer(add_completion=False, help="Rows that failed an import.", no_args_is_help=True)

RuleOption = Annotated[str | None, typer.Option("--rule", help="Only rows that this rule kept out.")]
FileOption = Annotated[str | None, typer.Option("--file", help="Only rows of the file with this name.")]
RowsOption = Annotated[list[int] | None, typer.Option("--row", help="Only the row with this id (may be repeated).")]


@quarantine_app.command("list")
def list_rows(
    workspace: WorkspaceOption = None,
    project: ProjectOption = None,
    rule: RuleOption = None,
    file_name: FileOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the rows that wait to be fixed."""
    with console.errors():
        rows = quarantine.waiting(workspace_of(workspace), project=project, chosen=Chosen(rule, file_name))
        console.show({"rows": rows}, as_json=as_json, human=issue_table(row.issue for row in rows))


@quarantine_app.command("export")
def export_rows(
    file: Annotated[Path, typer.Argument(help="JSON lines file to write.")],
    workspace: WorkspaceOption = None,
    project: ProjectOption = None,
    rule: RuleOption = None,
    file_name: FileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the waiting rows with their reasons into a file."""
    with console.errors():
        rows = quarantine.export(workspace_of(workspace), file, project=project, chosen=Chosen(rule, file_name))
        console.show({"rows": rows, "file": str(file)}, as_json=as_json, human=f"{rows} rows written to {file}.")


@quarantine_app.command("retry")
def retry_rows(
    workspace: WorkspaceOption = None,
    project: ProjectOption = None,
    rule: RuleOption = None,
    file_name: FileOption = None,
    rows: RowsOption = None,
    format: Annotated[Format | None, typer.Option("--format", help="By default that of their import.")] = None,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="field=column, in place of the mapping of their import.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check the waiting rows again and import those that pass."""
    with console.errors():
        report = quarantine.retry(
            workspace_of(workspace),
            actor=actor(),
            project=project,
            chosen=Chosen(rule, file_name, rows or None),
            format=format,
            field_map=field_map_of(mapping) if mapping else None,
        )
        human = (
            f"{report.rows} rows = {report.imported} imported + {report.duplicates} already known + "
            f"{report.still_failing} still failing"
        )
        console.show(report, as_json=as_json, human=human)


@quarantine_app.command("discard")
def discard_rows(
    reason: Annotated[str, typer.Option("--reason", help="Why they are not needed.")],
    workspace: WorkspaceOption = None,
    project: ProjectOption = None,
    rule: RuleOption = None,
    file_name: FileOption = None,
    rows: RowsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let rows wait no longer that are not needed; they are kept with the reason."""
    with console.errors():
        chosen = Chosen(rule, file_name, rows or None)
        opened = workspace_of(workspace)
        ended = quarantine.discard(opened, actor=actor(), reason=reason, project=project, chosen=chosen)
        console.show({"rows": ended}, as_json=as_json, human=f"{ended} rows discarded.")
