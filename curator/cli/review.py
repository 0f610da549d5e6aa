"""`curator suite`, `outputs`, `screen`, `review`, `verdicts`, `feedback`, `decide` and `report`."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from curator import review
from curator.cli import console
from curator.cli.options import JsonOption, ProjectOption, WorkspaceOption, actor, workspace_of
from curator.store import suites
from schemas.release import GateResult
from schemas.review import FindingStatus, Plan, ScreenReport

suite_app = typer.Typer(add_completion=False, help="Frozen prompts that models are asked.", no_args_is_help=True)

outputs_app = typer.Typer(add_completion=False, help="What models said to the prompts.", no_args_is_help=True)
review_app = typer.Typer(add_completion=False, help="Which outputs people judge, in which order.", no_args_is_help=True)
verdicts_app = typer.Typer(add_completion=False, help="What people say about outputs.", no_args_is_help=True)

RunArgument = Annotated[str, typer.Argument(help="Id of a run or its beginning.")]
conditions_app = typer.Typer(
    add_completion=False, help="Under which conditions a model goes out.", no_args_is_help=True
)

SystemArgument = Annotated[str, typer.Argument(metavar="RUN-OR-SYSTEM", help="A run, or a system without one.")]
AgainstOption = Annotated[
    str | None, typer.Option("--against", help="Another run or system, judged on the same suites, to compare with.")
]
ReviewerOption = Annotated[str, typer.Option("--reviewer", help="Who judges; stands beside every verdict.")]


class Role(StrEnum):
    """The two models of a run."""

    BASE = "base"
    TUNED = "tuned"


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
            held = ", ".join(f"{each.record} ({each.prompt})" for each in summary.matches[:5])
            human += f" {summary.matching_records} records hold a prompt or an answer of it, in any wording: {held}"
            human += " ..." if summary.matching_records > 5 else "."
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


@outputs_app.callback()
def _outputs() -> None:
    """What models said to the prompts; a group with one verb would otherwise be that verb."""


@outputs_app.command("import")
def import_outputs(
    file: Annotated[
        Path, typer.Argument(help="JSON lines, JSON or CSV with prompt_id and output; a log of inspect_ai or lm-eval.")
    ],
    suite: Annotated[str, typer.Option("--suite", help="Name or id of the suite that was asked.")],
    workspace: WorkspaceOption = None,
    run: Annotated[str | None, typer.Option("--run", help="The run whose model said them.")] = None,
    role: Annotated[Role, typer.Option("--role", help="Which model of the run.")] = Role.TUNED,
    system: Annotated[str | None, typer.Option("--system", help="Or the name of a system without a run.")] = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring in outputs that another program generated."""
    if (run is None) == (system is None):
        raise typer.BadParameter("give either --run or --system")
    with console.errors():
        report = review.import_outputs(
            workspace_of(workspace),
            file,
            suite=suite,
            actor=actor(),
            run=run,
            role="base" if role is Role.BASE else "tuned",
            system=system,
            project=project,
        )
        _name_problems(report.problems)
        human = f"{report.imported} outputs imported, {report.known} known, {report.refused} refused; "
        console.show(report, as_json=as_json, human=f"{human}{report.missing} prompts have none yet.")
        if not report.imported and not report.known:
            raise typer.Exit(1)


@review_app.command("plan")
def plan(
    system: SystemArgument,
    workspace: WorkspaceOption = None,
    sequential: Annotated[bool, typer.Option("--sequential", help="Judge in order until it suffices.")] = False,
    seed: Annotated[int | None, typer.Option("--seed", help="Of the order drawn; it stays in later plans.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw and seal which outputs people judge; do it before the first verdict."""
    with console.errors():
        drawn = review.draw(
            workspace_of(workspace), system, actor=actor(), sequential=True if sequential else None, seed=seed
        )
        result = {
            "plan": drawn.id,
            "system": drawn.system_id,
            "sequential": drawn.sequential,
            "seed": drawn.seed,
            "pairs": len(drawn.pairs),
            "strata": list(drawn.strata),
            "predecessor": drawn.predecessor,
            "changes": list(drawn.changes),
        }
        console.show(result, as_json=as_json, human=_strata(drawn))


@review_app.command("pairs")
def pairs(
    system: SystemArgument,
    reviewer: ReviewerOption,
    workspace: WorkspaceOption = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Most pairs to list.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List what a reviewer has not judged yet, in the order of the plan and with the sides drawn for them."""
    with console.errors():
        waiting = review.pairs.open_pairs(workspace_of(workspace), reviewer, system, limit=limit)
        table = Table("pair", "prompt", "a", "b")
        for each in waiting:
            table.add_row(each.id, Text(each.prompt.prompt), Text(each.a), Text(each.b or ""))
        rows = [
            {
                "pair": each.id,
                "prompt": each.prompt.prompt,
                "system": each.prompt.system,
                "a": each.a,
                "b": each.b,
                "b_prompt": each.b_prompt and each.b_prompt.prompt,
                "a_turns": each.a_turns,
                "b_turns": each.b_turns,
            }
            for each in waiting
        ]
        console.show({"pairs": rows}, as_json=as_json, human=table)


@review_app.command("suspects")
def suspects(
    system: SystemArgument,
    reviewer: ReviewerOption,
    workspace: WorkspaceOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most pairs to list.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List outputs beyond the plan, the most doubtful first: a defect found there counts, a "fine" proves nothing."""
    with console.errors():
        found = review.suspects(workspace_of(workspace), system, reviewer=reviewer, limit=limit)
        table = Table("pair", "prompt", "a", "b", title=f"Ordered by the verdicts so far (AUC {found.auc:.2f})")
        for each in found.pairs:
            table.add_row(each.id, Text(each.prompt.prompt), Text(each.a), Text(each.b or ""))
        rows = [{"pair": each.id, "prompt": each.prompt.prompt, "a": each.a, "b": each.b} for each in found.pairs]
        console.show({"pairs": rows, "auc": found.auc}, as_json=as_json, human=table)


@verdicts_app.command("import")
def import_verdicts(
    file: Annotated[Path, typer.Argument(help="JSON lines with pair, a and, for two outputs, b.")],
    reviewer: ReviewerOption,
    workspace: WorkspaceOption = None,
    script: Annotated[
        bool, typer.Option("--script", help="A program said this under the name: it is shown, but decides nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Store what a reviewer said: fine, broken, unfactual, biased or harmful:SEVERITY, several joined by +."""
    with console.errors():
        report = review.import_verdicts(workspace_of(workspace), file, reviewer=reviewer, by_script=script)
        _name_problems(report.problems)
        human = f"{report.stored} verdicts stored, {report.known} said before, {report.refused} refused."
        console.show(report, as_json=as_json, human=human)
        if not report.stored and not report.known:
            raise typer.Exit(1)


@verdicts_app.command("withdraw")
def withdraw(
    pair: Annotated[str, typer.Argument(help="Id of a pair that the reviewer judged.")],
    reviewer: ReviewerOption,
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands beside the verdict.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a verdict back; it stays in the ledger with the reason."""
    with console.errors():
        review.verdicts.withdraw(workspace_of(workspace), pair, reviewer=reviewer, reason=reason)
        console.show({"withdrawn": pair}, as_json=as_json, human=f"The verdict on {pair} is withdrawn.")


def screen(
    run: Annotated[str | None, typer.Argument(metavar="RUN-OR-SYSTEM", help="A run, or a system without one.")] = None,
    workspace: WorkspaceOption = None,
    outputs: Annotated[Path | None, typer.Option("--outputs", help="JSON lines with prompt and output.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="File for the findings on --outputs.")] = None,
    also: Annotated[Path | None, typer.Option("--also", help="TOML file that names detectors with weights.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Let every detector judge the outputs of a run, or those of a file."""
    if (run is None) == (outputs is None) or (outputs is None) != (out is None):
        raise typer.BadParameter("give either a run, or both --outputs and --out")
    with console.errors():
        own = review.read_detectors(also) if also is not None else []
        if outputs is not None and out is not None:
            report = review.screen_file(outputs, out, also=own)
        else:
            opened = workspace_of(workspace)
            with console.progress() as bar:
                task = bar.add_task("Screening", total=None, note="")
                report = review.screen_run(
                    opened,
                    str(run),
                    actor=actor(),
                    also=own,
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


def decide(
    run: SystemArgument,
    workspace: WorkspaceOption = None,
    against: AgainstOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide about a release by the gates of the project, and store the decision."""
    # torch takes seconds to import: only the verbs that need it pay for it
    from curator import release

    with console.errors():
        opened = workspace_of(workspace)
        other = None if against is None else release.assess(opened, against)
        decision = release.decide(opened, run, actor=actor())
        stands = release.assess(opened, run)
        result = {
            **decision.model_dump(mode="json"),
            "left": list(release.prospect(stands).gates),
            "changes": release.against_base(opened, stands),
            "against": [] if other is None else release.against_another(opened, stands, other),
            "rates": release.powered_rates(opened, stands),
        }
        table = gate_table(decision.gates)
        table.title = f"{decision.outcome}"
        console.show(result, as_json=as_json, human=table)


def report(
    run: SystemArgument,
    out: Annotated[Path, typer.Option("--out", help="File to write: .html, .md or .json (the signed decision).")],
    workspace: WorkspaceOption = None,
    against: AgainstOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the decision with its evidence as one HTML file."""
    from curator import release

    with console.errors():
        opened = workspace_of(workspace)
        written = release.write_report(opened, run, out, actor=actor(), against=against)
        stands = release.assess(opened, run)
        result = {
            "file": str(written),
            "outcome": stands.outcome.value,
            "reasons": list(stands.reasons),
            "gates": stands.gates,
            "left": list(release.prospect(stands).gates),
            "changes": release.against_base(opened, stands),
        }
        console.show(result, as_json=as_json, human=f"Report in {written}")


@conditions_app.command("exempt")
def exempt(
    run: SystemArgument,
    gate: Annotated[str, typer.Option("--gate", help="Name of a gate that failed, or its category.")],
    reason: Annotated[str, typer.Option("--reason", help="Why the model may go out all the same.")],
    until: Annotated[datetime, typer.Option("--until", formats=["%Y-%m-%d"], help="Day on which it ends (UTC).")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer for a gate that failed, until a day; never for a harm of severity 4."""
    from curator import release

    with console.errors():
        expires = until.replace(tzinfo=UTC)
        signed = release.exempt(workspace_of(workspace), run, gate, reason=reason, expires=expires, actor=actor())
        human = f"{signed.signed_by} answers for {signed.gate} until {signed.expires:%Y-%m-%d}. Decide again."
        console.show(signed, as_json=as_json, human=human)


@conditions_app.command("end")
def end_exemption(
    run: SystemArgument,
    gate: Annotated[str, typer.Option("--gate", help="Name of the gate.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands beside the exemption.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an exemption back; a decision that stands on it lets no model go out any more."""
    from curator import release

    with console.errors():
        release.end_exemption(workspace_of(workspace), run, gate, reason=reason, actor=actor())
        console.show({"gate": gate}, as_json=as_json, human=f"The exemption for {gate} is taken back.")


@conditions_app.command("use")
def state_use(
    run: SystemArgument,
    text: Annotated[str, typer.Argument(help="What the model is meant for.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """State the intended use, which stands in the decision and its report."""
    from curator import release

    with console.errors():
        release.state_use(workspace_of(workspace), run, text, actor=actor())
        console.show({"use": text}, as_json=as_json, human="The next decision says so.")


def verify_decision(
    file: Annotated[Path, typer.Argument(help="A signed decision, or a report that carries one.")],
    workspace: WorkspaceOption = None,
    key: Annotated[str | None, typer.Option("--key", help="Public key that must have signed it.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check that a decision and its report are as they were signed; status 1 when they are not."""
    from curator.release import signing

    with console.errors():
        trusted = key
        if key is None and workspace is not None:
            trusted = signing.public_key(workspace_of(workspace))
        checked = signing.check_file(file, trusted=trusted)
        result = {
            "ok": checked.ok,
            "problems": list(checked.problems),
            "key": checked.key,
            "outcome": (checked.document.get("decision") or {}).get("outcome"),
        }
        human = f"{file.name} is as it was signed by {checked.key}." if checked.ok else " ".join(checked.problems)
        console.show(result, as_json=as_json, human=human)
        if not checked.ok:
            raise typer.Exit(1)


def gate_table(gates: tuple[GateResult, ...]) -> Table:
    """Gates as a table for people."""
    table = Table("gate", "result", "evidence")
    for gate in gates:
        table.add_row(gate.name, gate.status, gate.explanation)
    return table


def _strata(drawn: Plan) -> Table:
    kind = "sequential" if drawn.sequential else "of a fixed size"
    title = f"Plan {drawn.id}, {kind}: {len(drawn.pairs)} pairs to judge"
    table = Table("suite", "category", "stratum", "prompts", "planned", "probability", title=title)
    for line in drawn.strata:
        numbers = (str(line.total), str(line.planned), f"{line.probability:.2f}")
        table.add_row(Text(line.suite), line.category, line.stratum, *numbers)
    return table


def _name_problems(problems: tuple[str, ...]) -> None:
    for problem in problems:
        console.messages.print(problem, markup=False)


def _counts(report: ScreenReport) -> Table:
    table = Table("detector", "flagged", *(status.value for status in FindingStatus), title=f"{report.outputs} outputs")
    for detector, counted in sorted(report.counts.items()):
        table.add_row(detector, str(report.flagged[detector]), *(str(counted[status]) for status in FindingStatus))
    return table
