"""`curator jobs`: work that goes on in the background: how far it is, its end, and going on with it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from curator import jobs
from curator.cli import console
from curator.cli.options import JsonOption, WorkspaceOption, actor, workspace_of
from schemas.job import Job

jobs_app = typer.Typer(add_completion=False, help="Work that goes on in the background.", no_args_is_help=True)

JobArgument = Annotated[int, typer.Argument(help="Number of the job.")]


@jobs_app.command("list")
def list_jobs(
    workspace: WorkspaceOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, the newest first.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List the newest jobs."""
    with console.errors():
        newest = jobs.listed(workspace_of(workspace), limit=limit)
        console.show({"jobs": newest}, as_json=as_json, human=_table(newest) if newest else "There are no jobs yet.")


@jobs_app.command("show")
def show_job(job: JobArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show one job."""
    with console.errors():
        _show(jobs.status(workspace_of(workspace), job), as_json=as_json)


@jobs_app.command("cancel")
def cancel_job(job: JobArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Ask a job to end; what it did stays done."""
    with console.errors():
        _show(jobs.cancel(workspace_of(workspace), job, actor=actor()), as_json=as_json)


@jobs_app.command("resume")
def resume_job(
    job: Annotated[int | None, typer.Argument(help="Number of the job; by default all that were interrupted.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go on with a job that was interrupted or cancelled, or that failed."""
    with console.errors():
        opened = workspace_of(workspace)
        if job is not None:
            _show(jobs.resume(opened, job, actor=actor()), as_json=as_json)
            return
        resumed = [jobs.status(opened, each) for each in jobs.revive(opened)]
        human = _table(resumed) if resumed else "No job was interrupted."
        console.show({"jobs": resumed}, as_json=as_json, human=human)


def _show(job: Job, *, as_json: bool) -> None:
    console.show(job, as_json=as_json, human=_table([job]))


def _table(jobs_shown: list[Job]) -> Table:
    table = Table()
    for title in ("Job", "What", "State", "Done", "By", "Since (UTC)", "Problem"):
        table.add_column(title)
    for job in jobs_shown:
        of = "" if job.total is None else f" of {job.total:,}"
        table.add_row(
            str(job.id), job.kind, str(job.state), f"{job.done:,}{of}", job.actor, f"{job.created_at:%Y-%m-%d %H:%M}",
            " ".join(filter(None, (job.problem, job.hint))),
        )  # fmt: skip
    return table
