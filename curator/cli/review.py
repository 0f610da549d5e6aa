"""`curator suite`, `screen`, `feedback`, `decide` and `report`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from curator import review
from curator.cli import console
from curator.cli.options import JsonOption, WorkspaceOption, actor, workspace_of
from curator.store import suites
from schemas.release import GateResult
from schemas.review import FindingStatus, ScreenReport

suite_app = typer.Typer(add_completion=False, help="Frozen prompts that models are asked.", no_args_is_help=True)

RunArgument = Annotated[str, typer.Argument(help="Id of a run or its beginning.")]


class Purpose(StrEnum):
    """What a suite is for."""

    GATE = "gate"
    EXPLORE = "explore"


@suite_app.command("add")
def add_suite(
    file: Annotated[Path, typer.Argument(help="JSON lines with id, prompt, category, reference ...")],
    workspace: WorkspaceOption = None,
    name: Annotated[str | None, typer.Option(help="By default the name of the file.")] = None,
    purpose: Annotated[Purpose, typer.Option(help="gate: decides, never trains. explore: may train.")] = Purpose.GATE,
    as_json: JsonOption = False,
) -> None:
    """Freeze the prompts of a file into a suite."""
    with console.errors():
        opened = workspace_of(workspace, create=True)
        summary = review.add_suite(opened, file, name=name, purpose=purpose.value, actor=actor())
        human = f"Suite {summary.name} ({summary.purpose}) has {summary.prompts} prompts."
        if summary.matching_records:
            human += f" {summary.matching_records} records share a prompt with it."
        console.show(summary, as_json=as_json, human=human)


@suite_app.command("list")
def list_suites(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List all suites."""
    with console.errors():
        with workspace_of(workspace).read() as connection:
            found = suites.summaries(connection)
        table = Table("suite", "purpose", "prompts", "id")
        for each in found:
            table.add_row(Text(each.name), each.purpose, str(each.prompts), each.id[:12])
        console.show({"suites": found}, as_json=as_json, human=table)


def screen(
    run: Annotated[str | None, typer.Argument(help="Id of a run or its beginning.")] = None,
    workspace: WorkspaceOption = None,
    outputs: Annotated[Path | None, typer.Option("--outputs", help="JSON lines with prompt and output.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="File for the findings on --outputs.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Let every detector judge the outputs of a run, or those of a file."""
    if (run is None) == (outputs is None) or (outputs is None) != (out is None):
        raise typer.BadParameter("give either a run, or both --outputs and --out")
    with console.errors():
        if outputs is not None and out is not None:
            report = review.screen_file(outputs, out)
        else:
            opened = workspace_of(workspace)
            with console.progress() as bar:
                task = bar.add_task("Screening", total=None, note="")
                report = review.screen_run(
                    opened,
                    str(run),
                    actor=actor(),
                    on_progress=lambda done, total: bar.update(task, completed=done, total=total),
                )
        console.show(report, as_json=as_json, human=_counts(report))


def feedback(
    output: Annotated[int, typer.Argument(help="Id of an output.")],
    workspace: WorkspaceOption = None,
    corrected: Annotated[str | None, typer.Option("--corrected", help="The right response.")] = None,
    instruction: Annotated[str | None, typer.Option("--instruction", help="A variant of the prompt.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Send an output back to the annotation queue as a corrected record."""
    with console.errors():
        opened = workspace_of(workspace)
        record = review.feedback.to_queue(opened, output, actor=actor(), corrected=corrected, instruction=instruction)
        console.show({"record": record}, as_json=as_json, human=f"Record {record} waits for an annotator.")


def decide(run: RunArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Decide about a release by the gates of the project, and store the decision."""
    # torch takes seconds to import: only the verbs that need it pay for it
    from curator import release

    with console.errors():
        decision = release.decide(workspace_of(workspace), run, actor=actor())
        table = gate_table(decision.gates)
        table.title = f"{decision.outcome}"
        console.show(decision, as_json=as_json, human=table)


def report(
    run: RunArgument,
    out: Annotated[Path, typer.Option("--out", help="HTML file to write.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the decision with its evidence as one HTML file."""
    from curator import release

    with console.errors():
        written = release.write_report(workspace_of(workspace), run, out)
        console.show({"file": str(written)}, as_json=as_json, human=f"Report in {written}")


def gate_table(gates: tuple[GateResult, ...]) -> Table:
    """Gates as a table for people."""
    table = Table("gate", "result", "evidence")
    for gate in gates:
        table.add_row(gate.name, gate.status, gate.explanation)
    return table


def _counts(report: ScreenReport) -> Table:
    table = Table("detector", "flagged", *(status.value for status in FindingStatus), title=f"{report.outputs} outputs")
    for detector, counted in sorted(report.counts.items()):
        table.add_row(detector, str(report.flagged[detector]), *(str(counted[status]) for status in FindingStatus))
    return table
