"""`curator project`, `curator answers`, `curator agreement`, `curator team`: what a lead does without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from curator.annotate import agreement as agreeing
from curator.annotate import answer_import, settings, suggestion_import
from curator.annotate import team as team_of
from curator.cli import console
from curator.cli.options import JsonOption, ProjectOption, WorkspaceOption, actor, workspace_of
from curator.stats.agreement import Agreement
from curator.store import projects
from curator.workspace import Workspace
from schemas.importing import FieldMap, Format

answers_app = typer.Typer(add_completion=False, help="Answers of annotators.", no_args_is_help=True)


def project(
    name: Annotated[str | None, typer.Argument(help="Name of the project (default: the first one).")] = None,
    workspace: WorkspaceOption = None,
    create: Annotated[bool, typer.Option("--create", help="Make it.")] = False,
    change: Annotated[list[str] | None, typer.Option("--set", help="setting=value; may be repeated.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a project, make one, or change its settings."""
    with console.errors():
        opened = workspace_of(workspace)
        if create:
            settings.create(opened, name or "", actor=actor())
        with opened.read() as connection:
            found = projects.by_name(connection, name)
        if change:
            values = dict(_pair(each, option="--set") for each in change)
            found = settings.change(opened, project_id=found.id, actor=actor(), **values)
        shown = {"name": found.name} | {each: getattr(found, each) for each in settings.CHANGEABLE}
        table = Table("setting", "value")
        for key, value in shown.items():
            table.add_row(key, str(value))
        console.show(shown, as_json=as_json, human=table)


@answers_app.command("import")
def import_answers(
    file: Annotated[Path, typer.Argument(help="The file that the records came from.")],
    question: Annotated[str, typer.Option("--question", help="Id of the question; made if the project has none.")],
    annotator: Annotated[list[str], typer.Option("--annotator", help="name=column; one per annotator.")],
    workspace: WorkspaceOption = None,
    format: Annotated[Format | None, typer.Option("--format", help="By default recognised.")] = None,
    mapping: Annotated[list[str] | None, typer.Option("--map", help="field=column, where names differ.")] = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import answers from another tool: one column of a file per annotator."""
    with console.errors():
        found = answer_import.import_answers(
            workspace_of(workspace),
            file,
            question=question,
            annotators=dict(_pair(each, option="--annotator") for each in annotator),
            actor=actor(),
            format=format,
            field_map=FieldMap(columns=dict(_pair(each, option="--map") for each in mapping or [])),
            project=project,
        )
        human = (
            f"{found.rows} rows, {found.matched} of known records: {found.answers} answers stored, {found.already} "
            f"known before, {found.empty} empty; {found.conflicts} records wait for a decision"
        )
        console.show(found._asdict(), as_json=as_json, human=human)


@answers_app.command("suggest")
def suggest(
    file: Annotated[Path, typer.Argument(help="The file that the records came from.")],
    question: Annotated[str, typer.Option("--question", help="Id of the question.")],
    column: Annotated[str, typer.Option("--column", help="Holds the option that is proposed.")],
    source: Annotated[str, typer.Option("--source", help="Who proposes, as annotators read it.")],
    workspace: WorkspaceOption = None,
    score: Annotated[str | None, typer.Option("--score", help="Column with a score from 0 to 1.")] = None,
    format: Annotated[Format | None, typer.Option("--format", help="By default recognised.")] = None,
    mapping: Annotated[list[str] | None, typer.Option("--map", help="field=column, where names differ.")] = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store what a model or a rule proposes for a question; annotators see it with its source and score."""
    with console.errors():
        found = suggestion_import.import_suggestions(
            workspace_of(workspace),
            file,
            question=question,
            column=column,
            source=source,
            actor=actor(),
            score_column=score,
            format=format,
            field_map=FieldMap(columns=dict(_pair(each, option="--map") for each in mapping or [])),
            project=project,
        )
        human = f"{found.rows} rows: {found.stored} stored, {found.unknown} of unknown records, {found.empty} empty"
        console.show(found._asdict(), as_json=as_json, human=human)


def agreement(workspace: WorkspaceOption = None, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Show how far annotators agree on each question, with intervals."""
    with console.errors():
        opened = workspace_of(workspace)
        found = agreeing.report(opened, project_id=_project_id(opened, project))
        table = Table("question", "records", "agree", "alpha", "AC1", "positive")
        for row in found.questions:
            positive = "" if row.positive is None else _shown(row.positive)
            cells = (_shown(row.percent), _shown(row.alpha), _shown(row.ac1), positive)
            table.add_row(row.title, str(row.percent.records), *cells)
        console.show(
            {
                "records": found.records,
                "people": found.people,
                "questions": [_plain(row._asdict()) for row in found.questions],
                "pairs": [pair._asdict() for pair in found.pairs],
            },
            as_json=as_json,
            human=table,
        )


def team(workspace: WorkspaceOption = None, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Show what each annotator did: answers, active time, edits, gold records."""
    with console.errors():
        opened = workspace_of(workspace)
        found = team_of(opened, project_id=_project_id(opened, project))
        table = Table("annotator", "answers", "today", "active hours", "gold right")
        for member in found.members:
            gold = f"{member.gold_right} of {member.gold_given}" if member.gold_given else "none"
            table.add_row(member.name, str(member.answers), str(member.today), f"{member.hours:.2f}", gold)
        plain = {
            "members": [member._asdict() for member in found.members],
            "days": [day._asdict() for day in found.days],
        }
        console.show(plain, as_json=as_json, human=table)


def _project_id(workspace: Workspace, name: str | None) -> int:
    with workspace.read() as connection:
        return projects.by_name(connection, name).id


def _pair(text: str, *, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise typer.BadParameter(f"{option} {text!r} is not name=value")
    return name.strip(), value.strip()


def _shown(found: Agreement) -> str:
    if found.value is None:
        return "not defined"
    between = "" if found.interval is None else f" [{found.interval.lower:.2f}, {found.interval.upper:.2f}]"
    return f"{found.value:.2f}{between}"


def _plain(value: Any) -> Any:
    """Named tuples as objects, so that JSON names what it holds."""
    if hasattr(value, "_asdict"):
        return {key: _plain(each) for key, each in value._asdict().items()}
    return {key: _plain(each) for key, each in value.items()} if isinstance(value, dict) else value
