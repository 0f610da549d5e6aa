"""`curator assess`, `promote`, `export-model`, `votes`, `compare` and `controls`: what a tuned model is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from curator.cli import console
from curator.cli.options import JsonOption, WorkspaceOption, actor, workspace_of
from curator.cli.train import BaseOption, LoraOption, RunArgument, SetOption, VersionArgument, config_of


def assess(
    run: RunArgument,
    workspace: WorkspaceOption = None,
    retention: Annotated[
        Path | None,
        typer.Option(
            "--retention", help="JSON lines with prompt and reference (default: the bundled general prompts)."
        ),
    ] = None,
    prompts: Annotated[int, typer.Option("--prompts", help="Held-out prompts that both models answer.")] = 48,
    as_json: JsonOption = False,
) -> None:
    """Compare base and tuned model on identical held-out records: what was learnt, what was lost."""
    from curator.runs import assessment
    from curator.samples import sample_folder

    with console.errors():
        assessed = assessment.assess(
            workspace_of(workspace),
            run,
            actor=actor(),
            retention=retention or sample_folder() / "retention.jsonl",
            prompts=prompts,
            on_progress=console.messages.print,
        )
        table = Table("", "base", "tuned", title=f"{assessed.records} records of the {assessed.split} split")
        table.add_row("loss, nats per response token", f"{assessed.nll_base:.4f}", f"{assessed.nll_tuned:.4f}")
        table.add_row("bits per byte", f"{assessed.bits_per_byte_base:.4f}", f"{assessed.bits_per_byte_tuned:.4f}")
        table.add_row(
            "probability of the end", f"{assessed.end_probability_base:.3f}", f"{assessed.end_probability_tuned:.3f}"
        )
        table.add_row(
            "answers that end", f"{assessed.stop_rate_base.value:.0%}", f"{assessed.stop_rate_tuned.value:.0%}"
        )
        for gate in assessed.gates:
            table.add_row(Text(f"{'ok' if gate.ok else 'NO'} {gate.name}"), Text(gate.explanation), "")
        console.show(assessed.model_dump(mode="json") | {"passed": assessed.passed}, as_json=as_json, human=table)


def promote(run: RunArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Promote a run whose gates hold: it learnt, it stops, it forgot nothing."""
    from curator.runs import promotion

    with console.errors():
        done = promotion.promote(workspace_of(workspace), run, actor=actor())
        console.show({"run": done.id, "promoted": True}, as_json=as_json, human=f"Run {done.id} is promoted.")


def export_model(
    run: RunArgument,
    out: Annotated[Path, typer.Option("--out", help="New folder for the model.")],
    workspace: WorkspaceOption = None,
    merged: Annotated[bool, typer.Option("--merged", help="Merge the adapter into its base.")] = False,
    undecided: Annotated[bool, typer.Option("--undecided", help="Though no decision releases it: for tests.")] = False,
    step: Annotated[int | None, typer.Option("--step", help="Of a kept checkpoint, instead of the best one.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the tuned model with its card: the adapter, or merged into the base."""
    from curator.runs.export import export_model as write

    with console.errors():
        opened = workspace_of(workspace)
        folder = write(opened, run, out, merged=merged, actor=actor(), undecided=undecided, step=step)
        console.show({"run": run, "folder": str(folder)}, as_json=as_json, human=f"The model is in {folder}.")


def votes(run: RunArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show how people voted between base and tuned model, names hidden."""
    from curator.review import votes as stage

    with console.errors():
        votes = stage.tally(workspace_of(workspace), run)
        table = Table(
            "tuned", "base", "ties", "both bad", "win rate", title=f"{votes.votes} votes, {votes.pairs} pairs"
        )
        rate = "" if votes.win_rate is None else f"{votes.win_rate:.0%} ({votes.lower:.0%} to {votes.upper:.0%})"
        table.add_row(str(votes.tuned), str(votes.base), str(votes.ties), str(votes.both_bad), rate)
        console.show(votes, as_json=as_json, human=table)


def controls(
    version: VersionArgument,
    base: BaseOption,
    workspace: WorkspaceOption = None,
    lora: LoraOption = False,
    settings: SetOption = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Runs that differ in nothing but the seed.")] = 3,
    curve: Annotated[str, typer.Option("--curve", help="Shares of the training records.")] = "0.25,0.5",
    as_json: JsonOption = False,
) -> None:
    """Train the runs that an expert asks for: several seeds, fewer records, shuffled responses; and compare them."""
    from curator import runs
    from curator.runs.comparison import control_runs

    with console.errors():
        opened = workspace_of(workspace)
        first = config_of(settings or (), base=base, method="lora" if lora else None)
        shares = [float(share) for share in curve.split(",") if share.strip()]
        rows: list[dict[str, Any]] = []
        for name, config in control_runs(first, seeds=seeds, shares=shares):
            console.messages.print(f"{name} ...")
            run = runs.train(opened, version, config, actor=actor(), on_wait=console.messages.print)
            losses = (None, None) if run.result is None else (run.result.heldout_base, run.result.heldout_tuned)
            rows.append(
                {
                    "control": name,
                    "run": run.id,
                    "heldout_nll_base": losses[0] and losses[0].nll,
                    "heldout_nll_tuned": losses[1] and losses[1].nll,
                }
            )
        table = Table("control", "run", "base", "tuned")
        for row in rows:
            numbers = [
                f"{row[key]:.4f}" if row[key] is not None else "" for key in ("heldout_nll_base", "heldout_nll_tuned")
            ]
            table.add_row(row["control"], row["run"], *numbers)
        console.show({"runs": rows}, as_json=as_json, human=table)
