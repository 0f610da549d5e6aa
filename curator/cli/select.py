"""`curator select`: records by a query, and one act on all of them."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from curator import jobs
from curator.cli import console
from curator.cli.options import JsonOption, ProjectOption, WorkspaceOption, actor, workspace_of
from curator.curate import bulk
from curator.curate.act_text import FORMS, parse_act
from curator.errors import CurationError
from curator.store import projects
from curator.workspace import Workspace
from schemas.act import Act, ActReport, Replace

_EXCERPT = 90


def select(
    query: Annotated[str, typer.Argument(help="Which records, as in state:waiting source:faq.jsonl.")] = "",
    workspace: WorkspaceOption = None,
    project: ProjectOption = None,
    act: Annotated[str | None, typer.Option("--set", help=f"What to do with them: {FORMS}.")] = None,
    replace: Annotated[str | None, typer.Option("--replace", help="Pattern to replace in their responses.")] = None,
    by: Annotated[str, typer.Option("--by", help="What stands in its place.")] = "",
    plain: Annotated[bool, typer.Option("--plain", help="The pattern is plain text.")] = False,
    all_messages: Annotated[bool, typer.Option("--all-messages", help="Replace in prompts, too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Act; without it, what would be done is shown.")] = False,
    expect: Annotated[
        str | None, typer.Option("--expect", help="Act only if these are the records that were shown: their mark.")
    ] = None,
    undo: Annotated[int | None, typer.Option("--undo", help="Take the act of this job back.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Choose records and do one thing to all of them; without --yes nothing is changed."""
    with console.errors():
        opened = workspace_of(workspace)
        if undo is not None:
            _undo(opened, undo, as_json=as_json)
            return
        said = parse_act(act) if act else None
        if replace is not None:
            where = "all messages" if all_messages else "responses"
            said = Replace.model_validate({"pattern": replace, "by": by, "is_plain": plain, "where": where})
        with opened.read() as connection:
            project_id = projects.by_name(connection, project).id
        selected = bulk.choose(opened, query, project_id=project_id)
        if said is None or not yes:
            _show_preview(opened, selected, said, as_json=as_json)
            return
        if expect is not None and expect != selected.fingerprint:
            raise CurationError(
                f"These are not the records that were shown: {selected.matched:,} with mark {selected.fingerprint}.",
                hint="Look at them again, without --yes.",
            )
        begun = bulk.begin(opened, selected, said, actor=actor(), detach=False)
        _work(opened, begun.id, "Acting")
        _show_report(bulk.report(opened, begun.id), as_json=as_json)


def _work(opened: Workspace, job_id: int, what: str) -> None:
    with console.progress() as progress:
        task = progress.add_task(what, note="")
        jobs.execute(opened, job_id, on_progress=lambda done, of: progress.update(task, completed=done, total=of))


def _undo(opened: Workspace, act_id: int, *, as_json: bool) -> None:
    job = bulk.take_back(opened, act_id, actor=actor(), detach=False)
    _work(opened, job.id, "Taking back")
    _show_report(bulk.report(opened, act_id), as_json=as_json)


def _show_preview(opened: Workspace, selected: bulk.Selection, act: Act | None, *, as_json: bool) -> None:
    shown = bulk.preview(opened, selected, act)
    result = {
        "matched": shown.matched, "changed": 0, "job": None, "fingerprint": shown.fingerprint,
        "states": {state.value: n for state, n in shown.states.items()}, "claimed": shown.claimed,
        "sample": [each.id for each in shown.sample],
        "changes": [{"id": each.record_id, "before": each.before.response, "after": each.after.response}
                    for each in shown.changes],
    }  # fmt: skip
    table = Table(title=f"{shown.matched:,} records, mark {shown.fingerprint}", title_justify="left")
    for title in ("Record", "State", "Instruction", "Response"):
        table.add_column(title)
    changed = {each.record_id: each.after for each in shown.changes}
    for each in shown.sample if not changed else []:
        table.add_row(each.id, each.state.value, _short(each.now.instruction), _short(each.now.response))
    for change in shown.changes:
        table.add_row(change.record_id, "before", _short(change.before.instruction), _short(change.before.response))
        table.add_row("", "after", _short(change.after.instruction), _short(change.after.response))
    held = f" Annotators have {shown.claimed:,} of them open; those are left out." if shown.claimed else ""
    note = f"Nothing was changed.{held} Add --yes to act." if act else f"Nothing was changed.{held} Add --set to act."
    console.show(result, as_json=as_json, human=Group(table, Text(note)))


def _show_report(report: ActReport, *, as_json: bool) -> None:
    lines = [f"{report.changed:,} of {report.matched:,} records changed, {report.undone:,} taken back."]
    lines += [f"  left out: {n:,}, {why}" for why, n in report.left_out.items()]
    lines += [f"  kept as they are: {n:,}, {why}" for why, n in report.kept.items()]
    if not report.undone:
        lines.append(f"Take it back with curator select --undo {report.id}.")
    result = report.model_dump(mode="json") | {"job": report.id}
    console.show(result, as_json=as_json, human=Text("\n".join(lines)))


def _short(text: str) -> Text:
    line = " ".join(text[: 2 * _EXCERPT].split())
    return Text(line if len(line) <= _EXCERPT else line[:_EXCERPT] + "…")
