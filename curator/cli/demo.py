"""`curator demo`: the whole loop on the sample data, then the pages."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import TaskID
from rich.table import Table

from curator.cli import console
from curator.cli.options import JsonOption, WorkspaceOption, actor, workspace_of
from curator.cli.serve import HostOption, PortOption
from curator.settings import load
from curator.workspace import Workspace

if TYPE_CHECKING:
    from curator.demo import DemoResult


def demo(
    workspace: WorkspaceOption = None,
    host: HostOption = None,
    port: PortOption = None,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Stop after the table.")] = False,
    epochs: Annotated[int | None, typer.Option("--epochs", help="Passes over the data.", min=1)] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the whole loop once on the sample data, show what it did, and serve the pages."""
    with console.errors():
        began = time.monotonic()
        opened = workspace_of(workspace, create=True)
        result = _run(opened, epochs=epochs)
        seconds = time.monotonic() - began
        console.show(_plain(result, seconds), as_json=as_json, human=_table(result, seconds))
        folder = opened.folder
        opened.close()
    if not no_serve:
        arguments = ["--workspace", str(folder)]
        settings = load(host=host, port=port)
        arguments += ["--host", settings.host, "--port", str(settings.port)]
        sys.stdout.flush()
        # A fresh process: what training has left in memory should not stay with the server.
        os.execv(sys.executable, [sys.executable, "-m", "curator", "serve", *arguments])


def _run(opened: Workspace, *, epochs: int | None) -> DemoResult:
    # torch takes seconds to import: only the verbs that need it pay for it
    from curator.demo import run_demo

    with console.progress() as bar:
        tasks: dict[str, TaskID] = {}

        def on_progress(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total, note="")
            bar.update(tasks[stage], completed=done, total=total)

        return run_demo(opened, actor=actor(), epochs=epochs, on_progress=on_progress)


def _plain(result: DemoResult, seconds: float) -> dict[str, object]:
    losses = result.run.result
    return {
        "imports": [report.model_dump(mode="json", exclude={"issues"}) for report in result.imports],
        "annotated": result.annotated,
        "waiting": result.waiting,
        "version": result.version.id,
        "rows": result.version.rows,
        "run": result.run.id,
        "heldout_nll_base": losses and losses.heldout_base and losses.heldout_base.nll,
        "heldout_nll_tuned": losses and losses.heldout_tuned and losses.heldout_tuned.nll,
        "scores": [score.model_dump() for score in result.scores],
        "outputs": result.outputs,
        "flagged": result.flagged,
        "returned": result.returned,
        "outcome": result.decision.outcome,
        "report": str(result.report),
        "seconds": round(seconds, 1),
    }


def _table(result: DemoResult, seconds: float) -> Table:
    """The loop in one table: a line per stage."""
    table = Table("stage", "result", title=f"The loop on the sample data, {seconds:.0f} s")
    sums = [sum(getattr(report, name) for report in result.imports) for name in _COUNTS]
    table.add_row("import", "read {} = {} imported + {} quarantined + {} already known".format(*sums))
    table.add_row("annotate", f"{result.annotated} answered by the demo script, {result.waiting} wait for you")
    counts = ", ".join(f"{n} {split}" for split, n in result.version.splits.items())
    table.add_row("freeze", f"{result.version.rows} records ({counts}), version {result.version.id[:12]}")
    run = result.run.result
    if run is not None and run.heldout_base is not None and run.heldout_tuned is not None:
        before, after = run.heldout_base, run.heldout_tuned
        table.add_row("train", f"{run.steps} steps on {run.response_tokens} response tokens in {run.seconds:.0f} s")
        held_out = f"held-out loss {before.nll:.2f} -> {after.nll:.2f} nats per response token"
        table.add_row("", f"{held_out} ({after.records} records, split {after.split})")
    table.add_row("generate", f"{result.outputs} outputs of base and tuned model")
    for score in result.scores:
        measured = f"{score.task}: {score.measure} {score.base or 0:.2f} -> {score.tuned or 0:.2f}"
        table.add_row("", f"{measured} ({score.prompts} unseen prompts)")
    table.add_row("screen", f"{result.flagged} findings ask a person to look")
    if result.returned is not None:
        table.add_row("feedback", f"a flagged output is record {result.returned[:12]} in the queue now")
    table.add_row("decide", f"{result.decision.outcome}: {_reasons(result)}")
    table.add_row("report", str(result.report))
    return table


_COUNTS = ("read", "imported", "quarantined", "duplicates")


def _reasons(result: DemoResult) -> str:
    open_gates = [gate.name for gate in result.decision.gates if gate.status != "pass"]
    return f"{', '.join(open_gates)} not passed" if open_gates else "every gate passed"
