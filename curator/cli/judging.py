"""`curator review` beside plan and pairs: corrections, disputes, agreement, and what became of what was sent back."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from curator import review
from curator.cli import console
from curator.cli.options import JsonOption, WorkspaceOption, workspace_of
from curator.cli.review import ReviewerOption, SystemArgument, review_app
from curator.review import comfort, follow_up
from curator.review.reviewer_agreement import agreement_of
from curator.review.sides import Side
from curator.review.verdict_file import judgement_of
from curator.stats.agreement import Agreement
from schemas.feedback import FollowUp
from schemas.judgement import Judgement

__all__ = ["review_app"]

PairArgument = Annotated[str, typer.Argument(help="Id of a pair, as `curator review pairs` lists it.")]


class SideName(StrEnum):
    """The two outputs of a pair, as the reviewer saw them."""

    A = "a"
    B = "b"


class RelationName(StrEnum):
    """How the answers to two swapped prompts compare."""

    EQUIVALENT = "equivalent"
    JUSTIFIED = "justified"
    UNJUSTIFIED = "unjustified"
    CANNOT_TELL = "cannot tell"


SideOption = Annotated[SideName, typer.Option("--side", help="Which output, as the reviewer sees the pair.")]


@review_app.command("correct")
def correct(
    pair: PairArgument,
    reviewer: ReviewerOption,
    side: SideOption = SideName.A,
    corrected: Annotated[str | None, typer.Option("--corrected", help="What it should have said.")] = None,
    instruction: Annotated[str | None, typer.Option("--instruction", help="A variant of the prompt.")] = None,
    prefer: Annotated[bool, typer.Option("--prefer", help="As a preference pair, this output the worse one.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the annotator.")] = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a judged output back to the annotation queue: corrected, or as the worse half of a preference pair."""
    with console.errors():
        opened = workspace_of(workspace)
        output_id = review.feedback.output_behind(opened, pair, _side(side), reviewer=reviewer)
        send = review.feedback.prefer if prefer else review.feedback.to_queue
        record = send(opened, output_id, actor=reviewer, corrected=corrected, instruction=instruction, reason=reason)
        console.show({"record": record}, as_json=as_json, human=f"Record {record} waits for an annotator.")


@review_app.command("nearest")
def nearest(
    pair: PairArgument,
    reviewer: ReviewerOption,
    side: SideOption = SideName.A,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most rows to list.")] = 5,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the training rows of the run's version that are most like an output."""
    with console.errors():
        opened = workspace_of(workspace)
        output_id = review.feedback.output_behind(opened, pair, _side(side), reviewer=reviewer)
        rows = review.feedback.nearest_records(opened, output_id, reviewer=reviewer, limit=limit)
        table = Table("records", "similarity", "instruction", "response")
        for each in rows:
            numbers = (" ".join(each.record_ids), f"{each.similarity:.2f}")
            table.add_row(*numbers, Text(each.instruction), Text(each.response))
        console.show({"rows": rows}, as_json=as_json, human=table)


@review_app.command("taught")
def taught(
    pair: PairArgument,
    record: Annotated[str, typer.Argument(help="Id of the record that taught it.")],
    reviewer: ReviewerOption,
    reason: Annotated[str, typer.Option("--reason", help="What is wrong with it, for the annotators.")],
    side: SideOption = SideName.A,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a training record that taught a defective output back to the annotators."""
    with console.errors():
        opened = workspace_of(workspace)
        output_id = review.feedback.output_behind(opened, pair, _side(side), reviewer=reviewer)
        review.feedback.blame(opened, output_id, record, actor=reviewer, reason=reason)
        console.show({"record": record}, as_json=as_json, human=f"Record {record} waits for an annotator.")


@review_app.command("skip")
def skip(
    pair: PairArgument,
    reviewer: ReviewerOption,
    escalate: Annotated[bool, typer.Option("--escalate", help="Pass it on: the next person reads it first.")] = False,
    note: Annotated[str, typer.Option("--note", help="For the lead, with --escalate.")] = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Leave a pair to others."""
    with console.errors():
        opened = workspace_of(workspace)
        if escalate:
            comfort.escalate(opened, pair, reviewer=reviewer, note=note)
        else:
            comfort.skip(opened, pair, reviewer=reviewer)
        console.show({"skipped": pair}, as_json=as_json, human=f"Pair {pair} goes to others.")


@review_app.command("disputes")
def disputes(
    system: SystemArgument, reviewer: ReviewerOption, workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """List the pairs on which two reviewers disagree and that this third person may settle."""
    with console.errors():
        waiting = review.adjudication.disputes(workspace_of(workspace), reviewer, system)
        table = Table("pair", "prompt", "said of a", "said of b")
        rows = []
        for each in waiting:
            first, second = ([_words(o.a) for o in each.opinions], [_words(o.b) for o in each.opinions])
            table.add_row(each.pair.id, Text(each.pair.prompt.prompt), "; ".join(first), "; ".join(second))
            opinions = [opinion._asdict() for opinion in each.opinions]
            shown = {"pair": each.pair.id, "prompt": each.pair.prompt.prompt, "a": each.pair.a, "b": each.pair.b}
            rows.append(shown | {"opinions": opinions})
        console.show({"disputes": rows}, as_json=as_json, human=table)


@review_app.command("adjudicate")
def adjudicate(
    pair: PairArgument,
    reviewer: ReviewerOption,
    a: Annotated[str, typer.Option("--a", help="As in a file of verdicts.")],
    reason: Annotated[str, typer.Option("--reason", help="What decided it.")],
    b: Annotated[str | None, typer.Option("--b", help="Where there are two outputs.")] = None,
    relation: Annotated[RelationName | None, typer.Option("--relation", help="Of two swapped prompts.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Settle what two reviewers disagree about, as a third person who does not know the names."""
    with console.errors():
        second = None if b is None else judgement_of(b)
        review.adjudication.settle(
            workspace_of(workspace),
            pair,
            a=judgement_of(a),
            b=second,
            reason=reason,
            adjudicator=reviewer,
            relation=None if relation is None else relation.value,
        )
        console.show({"settled": pair}, as_json=as_json, human=f"Pair {pair} is settled.")


@review_app.command("agreement")
def agreement(
    system: SystemArgument, reviewer: ReviewerOption, workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """Show how far reviewers agree by themselves, per category, with 95 % intervals."""
    with console.errors():
        measured = agreement_of(workspace_of(workspace), system, reviewer=reviewer)
        table = Table("category", "read twice", "agree", "positive agreement", "AC1", "alpha of severity")
        for each in measured:
            statistics = (each.percent, each.positive, each.ac1, each.severity)
            table.add_row(each.category, str(each.outputs), *map(_interval, statistics))
        console.show({"agreement": [each.plain() for each in measured]}, as_json=as_json, human=table)


@review_app.command("followed")
def followed(
    system: SystemArgument, reviewer: ReviewerOption, workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """Show what became of what was sent back from here, and how this run answers what earlier ones got wrong."""
    with console.errors():
        opened = workspace_of(workspace)
        sent = follow_up.sent_from(opened, system, reviewer=reviewer)
        answered = follow_up.answered_by(opened, system, reviewer=reviewer)
        table = Table("prompt", "sent back as", "record", "state", "trained", "then", "now")
        for each in (*sent, *answered):
            table.add_row(*_follow_up(each))
        console.show({"sent": sent, "answered": answered}, as_json=as_json, human=table)


def _side(name: SideName) -> Side:
    return "A" if name is SideName.A else "B"


def _words(judgement: Judgement | None) -> str:
    if judgement is None:
        return ""
    said = ", ".join(judgement.defects) or "fine"
    return f"{said} ({judgement.note})" if judgement.note else said


def _interval(measured: Agreement) -> str:
    if measured.value is None:
        return ""
    if measured.interval is None:
        return f"{measured.value:.2f}"
    return f"{measured.value:.2f} ({measured.interval.lower:.2f} to {measured.interval.upper:.2f})"


def _follow_up(each: FollowUp) -> tuple[str, ...]:
    now = "" if each.now is None else ", ".join(each.now) or "fine"
    trained = "" if each.trained is None else "yes" if each.trained else "no"
    before = ", ".join(each.before) or "fine"
    place = f"{each.suite}/{each.prompt_id}"
    return (place, each.sent.kind.value, each.sent.record_id, each.state.value, trained, before, now)
