"""`curator profile`: what the records of a project look like."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from curator.cli import console
from curator.cli.options import JsonOption, ProjectOption, WorkspaceOption, workspace_of
from curator.curate import profile as profiling
from curator.errors import CurationError
from curator.quality import rules
from schemas.profile import Count, Profile, Spread


def profile(
    workspace: WorkspaceOption = None,
    project: ProjectOption = None,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", help="Ask only this rule (may be repeated), also one that is off.")
    ] = None,
    examples: Annotated[int, typer.Option("--examples", min=0, help="Records to name for each rule.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Count a project's records, and what the rules find in them; nothing is changed."""
    with console.errors():
        try:
            asked = rules.rules_named(rule) if rule else None
        except ValueError as error:
            names = ", ".join(each.name for each in rules.every_rule())
            raise CurationError(str(error), hint=f"The rules are {names}.") from error
        result = profiling.profile(workspace_of(workspace), project=project, asked=asked, examples=examples)
        console.show(result, as_json=as_json, human=_tables(result))


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
