"""`curator train`, `runs`, `stop` and `tokens`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from curator.cli import console
from curator.cli.options import JsonOption, WorkspaceOption, actor, workspace_of
from schemas.run import HeldOutLoss, Run, TrainConfig

if TYPE_CHECKING:
    from curator.training.loop import Step

VersionArgument = Annotated[str, typer.Argument(help="Name, id or the beginning of an id of a version.")]
RunArgument = Annotated[str, typer.Argument(help="Id of a run or its beginning.")]
BaseOption = Annotated[str, typer.Option("--base", help="Folder of a causal language model.")]


def train(
    version: VersionArgument,
    base: BaseOption,
    workspace: WorkspaceOption = None,
    lora: Annotated[bool, typer.Option("--lora", help="Train low-rank adapters instead of every weight.")] = False,
    epochs: Annotated[int | None, typer.Option("--epochs", help="Passes over the data.")] = None,
    max_steps: Annotated[int | None, typer.Option("--max-steps", help="Stop after this many steps.")] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", help="Peak learning rate.")] = None,
    records_per_step: Annotated[
        int | None, typer.Option("--records-per-step", help="Records per optimiser step.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", help="Longest record.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Order of the records and start of the adapters.")] = 0,
    allow_download: Annotated[bool, typer.Option("--allow-download", help="Let a hub name be fetched.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fine-tune a model on the responses of a version. Ctrl+C stops after the step, with the checkpoint saved."""
    # torch takes seconds to import: only the verbs that need it pay for it
    from curator import training

    with console.errors():
        given: dict[str, Any] = {
            "epochs": epochs,
            "max_steps": max_steps,
            "learning_rate": learning_rate,
            "records_per_step": records_per_step,
            "max_tokens": max_tokens,
        }
        chosen = {name: value for name, value in given.items() if value is not None}
        method = "lora" if lora else "full"
        config = TrainConfig(base=base, method=method, seed=seed, allow_download=allow_download, **chosen)
        opened = workspace_of(workspace)
        with console.progress() as bar:
            task = bar.add_task("Training", total=None, note="")

            def on_step(step: Step, steps: int) -> None:
                note = "" if step.loss is None else f"loss {step.loss:.3f}"
                bar.update(task, completed=step.step, total=steps, note=note)

            run = training.train(opened, version, config, actor=actor(), on_step=on_step)
        console.show(_summary(run, str(training.checkpoint_of(opened, run))), as_json=as_json, human=_human(run))


def runs(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List all runs, newest first."""
    from curator import training

    with console.errors():
        found = training.watch(workspace_of(workspace))
        table = Table("run", "state", "version", "method", "steps", "base", "tuned", "reason")
        for run in found:
            losses = [_nll(loss) for loss in _losses(run)]
            steps = str(run.result.steps if run.result else run.steps_planned or "")
            table.add_row(
                run.id, run.state, run.version_id[:12], run.config.method, steps, *losses, Text(run.reason or "")
            )
        console.show({"runs": found}, as_json=as_json, human=table)


def stop(run: RunArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Ask a run to finish its step, save its checkpoint and stop."""
    from curator import training

    with console.errors():
        asked = training.request_stop(workspace_of(workspace), run, actor=actor())
        human = "It stops after its step." if asked else "It has already ended."
        console.show({"run": run, "asked": asked}, as_json=as_json, human=human)


def tokens(
    version: VersionArgument,
    base: BaseOption,
    workspace: WorkspaceOption = None,
    row: Annotated[str | None, typer.Option("--row", help="Only the row with this id.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show records exactly as the trainer sees them: every token, and which carry loss."""
    from curator import training

    with console.errors():
        found = list(training.token_rows(workspace_of(workspace), version, base=base, row_id=row))
        human = Text()
        for each in found:
            human.append(f"{each.row_id} ({each.split})\n", style="bold")
            for text, label in zip(each.text, each.labels, strict=True):
                human.append(text, style="dim" if label == -100 else "green")
            human.append("\n")
        console.show({"rows": found}, as_json=as_json, human=human)


def _losses(run: Run) -> tuple[HeldOutLoss | None, HeldOutLoss | None]:
    return (None, None) if run.result is None else (run.result.heldout_base, run.result.heldout_tuned)


def _nll(loss: HeldOutLoss | None) -> str:
    return "" if loss is None else f"{loss.nll:.3f}"


def _summary(run: Run, checkpoint: str) -> dict[str, Any]:
    base, tuned = _losses(run)
    return {
        "run": run.id,
        "state": run.state,
        "checkpoint": checkpoint,
        "heldout_nll_base": base and base.nll,
        "heldout_nll_tuned": tuned and tuned.nll,
        "response_tokens": run.result.response_tokens if run.result else None,
        "steps": run.result.steps if run.result else None,
        "refused": list(run.result.refused) if run.result else [],
    }


def _human(run: Run) -> str:
    base, tuned = _losses(run)
    lines = [f"Run {run.id} is {run.state}."]
    if run.result is not None:
        lines.append(
            f"{run.result.steps} steps on {run.result.response_tokens} response tokens in {run.result.seconds:.0f} s."
        )
        if run.result.refused:
            lines.append(f"{len(run.result.refused)} records were left out: {run.result.refused[0]}")
    if base is not None and tuned is not None:
        counted = f"{base.response_tokens} response tokens of {base.records} records, split {base.split}"
        lines.append(f"Held-out loss {base.nll:.3f} before, {tuned.nll:.3f} after (nats per token over {counted}).")
    return "\n".join(lines)
