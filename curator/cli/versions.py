"""`curator freeze`, `versions`, `diff`, `verify` and `export`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from curator import versions as stage
from curator.cli import console
from curator.cli.options import JsonOption, ProjectOption, WorkspaceOption, actor, workspace_of
from curator.errors import NotFoundError, VersionError
from curator.store import runs
from curator.store import versions as version_store
from curator.workspace import Workspace
from schemas.run import Run, RunVerification
from schemas.version import ExportFormat, MergedSplits, Split, SplitPlan, VerifyReport, Version

VersionArgument = Annotated[str, typer.Argument(help="Name, id or the beginning of an id.")]


def freeze(
    workspace: WorkspaceOption = None,
    project: ProjectOption = None,
    name: Annotated[str | None, typer.Option(help="Name for people; the id is the content's hash.")] = None,
    split: Annotated[str, typer.Option(help="Shares of the splits.")] = "train=.8,validation=.1,test=.1",
    stratify: Annotated[
        str | None, typer.Option(help="Label of which every value gets its share of each split.")
    ] = None,
    salt: Annotated[str, typer.Option(help="Change it to draw another split.")] = SplitPlan().salt,
    merged_splits: Annotated[
        MergedSplits,
        typer.Option(help="Where records that were frozen into different splits and belong together now go."),
    ] = MergedSplits.REFUSE,
    as_json: JsonOption = False,
) -> None:
    """Freeze the accepted records of a project into an immutable version."""
    with console.errors():
        opened = workspace_of(workspace)
        plan = split_plan(split).model_copy(update={"stratify_by": stratify, "salt": salt})
        version = stage.freeze(
            opened, project=project, name=name, plan=plan, merged_splits=merged_splits, actor=actor()
        )
        warnings = stage.manifest(opened, version.id).warnings
        for warning in warnings:
            console.messages.print(f"Note: {warning}", markup=False)
        result = {
            "version": version.id,
            "rows": version.rows,
            "splits": version.splits,
            "name": version.name,
            "warnings": warnings,
        }
        console.show(result, as_json=as_json, human=_table([version]))


def split_plan(text: str) -> SplitPlan:
    """Shares of the splits from text such as `train=.8,validation=.1,test=.1`; a split that is not named gets none.

    Raises:
        VersionError: The text cannot be read.
    """
    shares = {Split.TRAIN.value: 0.0, Split.VALIDATION.value: 0.0, Split.TEST.value: 0.0}
    for part in text.split(","):
        name, _, share = part.partition("=")
        try:
            if name.strip() not in shares:
                raise ValueError
            shares[name.strip()] = float(share)
        except ValueError as error:
            raise VersionError(
                f"Split {part!r} cannot be read.", hint="Write train=.8,validation=.1,test=.1"
            ) from error
    return SplitPlan(**shares)


def versions(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the frozen versions, newest first."""
    with console.errors():
        with workspace_of(workspace).read() as connection:
            found = version_store.newest_first(connection)
        console.show({"versions": found}, as_json=as_json, human=_table(found))


def diff(
    a: VersionArgument, b: VersionArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """Show what changed from version A to version B."""
    with console.errors():
        report = stage.diff(workspace_of(workspace), a, b)
        kinds = ("added", "removed", "edited", "relabelled", "moved")
        lines = [", ".join(f"{getattr(report, kind)} {kind}" for kind in kinds)]
        lines += [
            f"{each.change} after a review: record {each.record_id}, {each.kind.value}" for each in report.reviewed
        ]
        console.show(report, as_json=as_json, human="\n".join(lines))


def verify(
    name: Annotated[str, typer.Argument(help="A version by name or id, or a run by its id.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that a version is what its id says, or a run what its manifest says; status 1 when they are not."""
    with console.errors():
        opened = workspace_of(workspace)
        run = _run_called(opened, name)
        report: VerifyReport | RunVerification
        if run is None:
            report = stage.verify(opened, name)
            human = f"Version {report.version[:12]} is intact."
        else:
            from curator.runs import manifest  # torch takes seconds to import

            report = manifest.verify(opened, run)
            human = f"Run {run.id} is intact: version, base, labels, order and weights."
        human = human if report.ok else "\n".join(report.problems)
        console.show(report, as_json=as_json, human=human)
    if not report.ok:
        raise typer.Exit(1)


def _run_called(workspace: Workspace, name: str) -> Run | None:
    """The run with this id; None where the name is that of a version, or of nothing."""
    try:
        stage.find(workspace, name)
    except NotFoundError:
        with suppress(NotFoundError), workspace.read() as connection:
            return runs.get(connection, name)
    return None


def export(
    version: VersionArgument,
    format: Annotated[ExportFormat, typer.Option("--format", help="Shape of the export.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write into.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a version in the shape that a trainer reads."""
    with console.errors():
        report = stage.export(workspace_of(workspace), version, format=format, out=out, actor=actor())
        table = Table("file", "bytes", "sha256", title=f"{report.rows} rows in {report.folder}")
        for file in report.files:
            table.add_row(file.path, f"{file.bytes:,}", file.sha256)
        console.show(report, as_json=as_json, human=table)


def _table(versions: list[Version]) -> Table:
    table = Table("version", "name", "rows", "train", "validation", "test", "frozen", "by")
    for version in versions:
        counts = [f"{version.splits[split]:,}" for split in Split]
        when = f"{version.created_at:%Y-%m-%d %H:%M} UTC"
        table.add_row(version.id[:12], version.name or "", f"{version.rows:,}", *counts, when, version.created_by)
    return table
