"""`curator compare`: two versions, two imports or two runs beside each other."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from curator.cli import console
from curator.cli.options import JsonOption, WorkspaceOption, workspace_of
from curator.errors import CuratorError, NotFoundError
from curator.quality import edits
from curator.workspace import Workspace
from schemas.comparison import ChangedRow, Comparison

_SHOWN = 5
_WIDTH = 300


class Compared(StrEnum):
    """What two names mean."""

    RUNS = "runs"
    VERSIONS = "versions"
    IMPORTS = "imports"


def compare(
    a: Annotated[str, typer.Argument(help="A version or a run by name or id; with --of imports, its number.")],
    b: Annotated[str, typer.Argument(help="What it is compared with.")],
    workspace: WorkspaceOption = None,
    of: Annotated[
        Compared | None,
        typer.Option("--of", help="What A and B are; by default runs or versions, whichever there are."),
    ] = None,
    examples: Annotated[int, typer.Option("--examples", min=0, help="Rows to show of each kind of change.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Compare two versions or imports (rows, texts, make-up), or two runs (settings, held-out losses)."""
    with console.errors():
        opened = workspace_of(workspace)
        meant = of or _meant(opened, a, b)
        if meant is Compared.RUNS:
            _show(_runs(opened, a, b), as_json=as_json)
        elif meant is Compared.VERSIONS:
            from curator.versions import comparison

            _show(comparison.compare(opened, a, b, examples=examples), as_json=as_json)
        else:
            from curator.curate import import_comparison

            numbers = [_number(each) for each in (a, b)]
            _show(import_comparison.compare(opened, *numbers, examples=examples), as_json=as_json)


def _meant(workspace: Workspace, a: str, b: str) -> Compared:
    """What both names are, where that is plain."""
    from curator.store import runs, versions

    fitting: list[Compared] = []
    with workspace.read() as connection:
        for meant, get in ((Compared.RUNS, runs.get), (Compared.VERSIONS, versions.get)):
            try:
                for name in (a, b):
                    get(connection, name)
            except CuratorError:
                continue
            fitting.append(meant)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise NotFoundError(f"{a} and {b} are runs and versions.", hint="Say which with --of runs or --of versions.")
    raise NotFoundError(
        f"{a} and {b} are neither two runs nor two versions.",
        hint="`curator versions` and `curator runs` list them; imports are compared with --of imports.",
    )


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise NotFoundError(f"{text} is not the number of an import.", hint="`curator imports list` lists them.")
    return int(text)


def _runs(workspace: Workspace, a: str, b: str) -> BaseModel:
    from curator.runs import comparison
    from curator.store import runs

    with workspace.read() as connection:
        return comparison.compare(workspace, runs.get(connection, a), runs.get(connection, b))


def _show(compared: BaseModel, *, as_json: bool) -> None:
    console.show(
        compared, as_json=as_json, human=_rows(compared) if isinstance(compared, Comparison) else _run_table(compared)
    )


def _run_table(compared: BaseModel) -> RenderableType:
    from schemas.assessment import RunComparison

    assert isinstance(compared, RunComparison)
    table = Table("", compared.a, compared.b)
    for name, (one, other) in compared.settings.items():
        table.add_row(name, one, other)
    if compared.change is not None:
        table.add_row("held-out loss", f"{compared.nll_a:.4f}", f"{compared.nll_b:.4f}")
        bounds = "" if compared.lower is None else f"{compared.lower:+.4f} to {compared.upper:+.4f}"
        table.add_row("change", f"{compared.change:+.4f}", bounds)
    return table


def _rows(compared: Comparison) -> RenderableType:
    kinds = ("same", "added", "removed", "edited", "relabelled", "moved")
    counts = ", ".join(f"{getattr(compared, kind):,} {kind}" for kind in kinds)
    head = " -> ".join(f"{side.title} ({side.rows:,} rows)" for side in (compared.before, compared.after))
    shown = [_example(each) for some in compared.examples.values() for each in some[:_SHOWN]]
    table = Table("", "", "before", "after", title="How both are made up", title_justify="left")
    for each in compared.distributions:
        for n, bar in enumerate(each.bars):
            name = Text(each.name if n == 0 else "")
            table.add_row(name, Text(bar.value), _share(bar.before, each.before), _share(bar.after, each.after))
    return Group(Text(head), counts, "", *shown, "", table)


def _example(row: ChangedRow) -> Text:
    line = Text(f"{row.change}: ", style="bold")
    if row.before is None or row.after is None:
        only = row.after or row.before
        assert only is not None
        return line.append(f"{only.context} -> {only.response}".replace("\n", " ")[:_WIDTH], style="not bold")
    if row.change == "moved":
        return line.append(f"{row.before.split} -> {row.after.split}: {row.after.context}"[:_WIDTH], style="not bold")
    if row.change == "relabelled":
        said = [f"{each.labels} {list(each.groups)}" for each in (row.before, row.after)]
        return line.append(f"{said[0]} -> {said[1]}: {row.after.context}"[:_WIDTH], style="not bold")
    style = {"same": "not bold", "added": "not bold green", "removed": "not bold red strike"}
    for before, after in ((row.before.context, row.after.context), (row.before.response, row.after.response)):
        for piece in edits.word_diff(before, after):
            line.append(piece.text, style=style[piece.kind])
        line.append("\n")
    return line


def _share(count: int, total: int) -> str:
    return f"{count:,}" if not total else f"{count:,} ({count / total:.1%})"
