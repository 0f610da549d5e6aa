"""`curator duplicates`: records that say almost the same, and setting them aside."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from curator.cli import console
from curator.cli.options import JsonOption, ProjectOption, WorkspaceOption, actor, workspace_of
from curator.workspace import Workspace
from schemas.duplicate import DuplicateChange, DuplicateKind, DuplicateReport, KeepRule

_SHOWN = 10
_SAID = {
    DuplicateKind.BOTH: "the same instruction and response",
    DuplicateKind.INSTRUCTION: "the same instruction with different responses",
    DuplicateKind.RESPONSE: "the same response to different instructions",
}


def duplicates(
    workspace: WorkspaceOption = None,
    project: ProjectOption = None,
    kind: Annotated[DuplicateKind, typer.Option("--kind", help="On which side records say the same.")] = (
        DuplicateKind.BOTH
    ),
    keep: Annotated[
        KeepRule, typer.Option("--keep", help="Which record of a cluster is kept; the others settle ties.")
    ] = KeepRule.HUMAN,
    least: Annotated[
        float, typer.Option("--least", min=0.5, max=1.0, help="Jaccard index of three-word runs of near duplicates.")
    ] = 0.8,
    apply: Annotated[bool, typer.Option("--apply", help="Set aside what is found; else nothing changes.")] = False,
    despite_alarm: Annotated[
        bool, typer.Option("--despite-alarm", help="Set aside although an implausible share would go.")
    ] = False,
    undo: Annotated[
        int | None, typer.Option("--undo", metavar="SEARCH", help="Put back what this search set aside.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing, which is the default.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Find records that say almost the same; `--apply` sets them aside, each for the one that is kept."""
    from curator.curate import duplicates as stage  # numba takes half a second to load

    with console.errors():
        if dry_run and (apply or undo is not None):
            raise typer.BadParameter("--dry-run changes nothing, so it goes with neither --apply nor --undo.")
        opened = workspace_of(workspace)
        if undo is not None:
            back = _changed(opened, stage.put_back(opened, undo, actor=actor()))
            said = f"Put back {back.changed:,} records; {back.left:,} stay where a person moved them."
            console.show({"search": undo, "put_back": back.changed, "left": back.left}, as_json=as_json, human=said)
            return
        with console.progress() as shown:
            task = shown.add_task("Reading records", total=None, note="")
            found = stage.find(
                opened, project=project, kind=kind, keep=keep, least=least, actor=actor(),
                progress=lambda done, total: shown.update(task, completed=done, total=total),
            )  # fmt: skip
        change = None
        if apply:
            change = _changed(opened, stage.set_aside(opened, found.id, actor=actor(), despite_alarm=despite_alarm))
        examples = [
            each.model_dump(mode="json") | {"examples": [
                member.member.model_dump(mode="json", include={"record_id", "similarity", "other_similarity"})
                for member in stage.examples(opened, found.id, each.kept_id)[1]
            ]}
            for each in stage.clusters(opened, found.id, limit=_SHOWN)
        ]  # fmt: skip
        result = found.model_dump(mode="json") | {
            "search": found.id, "duplicates": found.members, "share": round(found.share, 4), "examples": examples,
            "removed": change.changed if change else 0, "left": change.left if change else 0,
        }  # fmt: skip
        console.show(result, as_json=as_json, human=_shown(found, change, examples))


def _changed(workspace: Workspace, job_id: int) -> DuplicateChange:
    from curator import jobs
    from curator.curate.duplicates import change_of

    return change_of(jobs.status(workspace, job_id).result)


def _shown(found: DuplicateReport, change: DuplicateChange | None, examples: list[dict[str, object]]) -> Group:
    title = f"{found.members:,} of {found.records:,} records repeat {found.clusters:,} others: {_SAID[found.kind]}"
    table = Table(title=title, title_justify="left")
    for column in ("Kept", "Others", "Most alike of the first"):
        table.add_column(column)
    for each in examples:
        some = each["examples"]
        assert isinstance(some, list)
        alike = ", ".join(f"{member['record_id']} ({member['similarity']:.2f})" for member in some[:3])
        table.add_row(str(each["kept_id"]), f"{each['members']:,}", alike)
    lines: list[str | Text] = []
    if found.alarm:
        lines.append(Text(found.alarm, style="bold red"))
    if change is not None:
        lines.append(f"Set aside {change.changed:,}; {change.left:,} stay. Undo: curator duplicates --undo {found.id}")
    elif found.kind is DuplicateKind.BOTH and found.members:
        lines.append("Nothing has changed; --apply sets them aside.")
    return Group(*([table] if examples else [title]), *lines)
