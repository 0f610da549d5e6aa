"""`curator profile` and `curator check`: what the records of a project look like, and what the rules say of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from curator import jobs
from curator.cli import console
from curator.cli.options import JsonOption, ProjectOption, WorkspaceOption, actor, workspace_of
from curator.curate import checks
from curator.curate import profile as profiling
from curator.curate.engine import EngineName
from curator.store import projects
from schemas.profile import Count, Profile, RuleState, Spread

EngineOption = Annotated[EngineName, typer.Option("--engine", help="Where to count: here, processes or ray.")]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes or tasks at a time; by default one per core.")
]


def profile(
    workspace: WorkspaceOption = None,
    project: ProjectOption = None,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", help="Ask only this rule (may be repeated), also one that is off.")
    ] = None,
    examples: Annotated[int, typer.Option("--examples", min=0, help="Records to name for each rule.")] = 5,
    run_on: EngineOption = EngineName.HERE,
    workers: WorkersOption = None,
    address: Annotated[str | None, typer.Option("--address", help="Of the Ray cluster.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Count a project's records, and what the rules find in them; nothing is changed."""
    with console.errors():
        asked = checks.named(rule) if rule else None
        result = profiling.profile(
            workspace_of(workspace), project=project, asked=asked, examples=examples, run_on=run_on, workers=workers,
            address=address,
        )  # fmt: skip
        console.show(result, as_json=as_json, human=_tables(result))


def check(
    workspace: WorkspaceOption = None,
    project: ProjectOption = None,
    on: Annotated[list[str] | None, typer.Option("--on", help="First switch this rule on (may be repeated).")] = None,
    off: Annotated[list[str] | None, typer.Option("--off", help="First switch this rule off (repeat).")] = None,
    background: Annotated[bool, typer.Option("--background", help="Start a job and do not wait for it.")] = False,
    run_on: EngineOption = EngineName.HERE,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the rules that are on about all records, and keep the answers for filters and pages."""
    with console.errors():
        opened = workspace_of(workspace)
        with opened.read() as connection:
            meant = projects.by_name(connection, project)
        for names, is_on in ((on, True), (off, False)):
            for name in names or ():
                checks.choose(opened, name, project_id=meant.id, actor=actor(), is_on=is_on)
        job_id = checks.start(opened, project=meant, actor=actor(), run_on=run_on, workers=workers, detach=background)
        if not background:
            with console.progress() as progress:
                shown = progress.add_task("Records", total=None)
                jobs.execute(
                    opened, job_id, on_progress=lambda done, total: progress.update(shown, completed=done, total=total)
                )
        states = checks.states(opened, project_id=meant.id)
        found = {"job": jobs.status(opened, job_id), "rules": states}
        console.show(found, as_json=as_json, human=_states(states))


def _states(states: Sequence[RuleState]) -> Table:
    table = Table(title="Rules", title_justify="left")
    for title in ("Rule", "On", "Level", "Hits", "Failed", "Right of judged", "Answers"):
        table.add_column(title, no_wrap=title == "Rule")
    for each in states:
        right = "" if each.precision is None else f"{each.precision:.0%} of {each.judged}"
        on = "yes" if each.is_on else "no"
        table.add_row(each.rule, on, each.level, f"{each.hits:,}", f"{each.failed:,}", right, each.stands)
    return table


def _tables(result: Profile) -> Group:
    facts = Table(show_header=False, title=f"{result.records:,} records", title_justify="left")
    for name, counts in (
        ("State", result.states), ("Source", result.sources), ("Licence", result.licences),
        ("Language", result.languages), ("Shape", result.shapes),
    ):  # fmt: skip
        facts.add_row(name, Text(_listed(counts)))
    for name, spread in (
        ("Messages", result.messages), ("Characters before the response", result.prompt_characters),
        ("Characters of the response", result.response_characters),
    ):  # fmt: skip
        facts.add_row(name, _spread(spread))
    found = Table(title="Rules", title_justify="left")
    found.add_column("Rule", no_wrap=True)
    for title in ("Level", "Records", "Right of judged", "An example"):
        found.add_column(title)
    hit = [each for each in result.rules if each.records or each.failed]
    for each in sorted(hit, key=lambda each: -each.records):
        right = "" if each.precision is None else f"{each.precision:.0%} of {each.judged}"
        example = each.examples[0].quote if each.examples else ""
        count = f"{each.records:,}" + (f" ({each.failed:,} failed: {each.error})" if each.failed else "")
        found.add_row(each.rule, each.level, Text(count), right, Text(example))
    clean = [each.rule for each in result.rules if each not in hit]
    notes = [f"Hit nothing: {', '.join(clean)}."] if clean else []
    notes += [f"Not asked: {', '.join(result.off)} (--rule asks)."] if result.off else []
    return Group(facts, *([found] if hit else []), *notes)


def _listed(counts: tuple[Count, ...], most: int = 6) -> str:
    shown = [f"{each.value or 'not said'} {each.records:,}" for each in counts[:most]]
    return ", ".join(shown) + (f", and {len(counts) - most} more" if len(counts) > most else "")


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return ""
    return f"{spread.least:,} to {spread.most:,}, median {spread.median:,}, 5 to 95 %: {spread.p5:,} to {spread.p95:,}"
