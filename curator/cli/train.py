"""`curator train`, `runs`, `rename`, `stop`, `resume`, `delete`, `preflight`, `tokens` and `losses`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from curator.cli import console
from curator.cli.options import JsonOption, WorkspaceOption, actor, workspace_of
from curator.errors import TrainingError
from schemas.preflight import Preflight
from schemas.run import Activity, HeldOutLoss, Run, TrainConfig

if TYPE_CHECKING:
    from curator.training.loop import Step
    from curator.workspace import Workspace

VersionArgument = Annotated[str, typer.Argument(help="Name, id or the beginning of an id of a version.")]
RunArgument = Annotated[str, typer.Argument(help="Name of a run, its id, or the beginning of its id.")]
BaseOption = Annotated[str, typer.Option("--base", help="Folder of a causal language model.")]
LoraOption = Annotated[bool, typer.Option("--lora", help="Train low-rank adapters instead of every weight.")]
EpochsOption = Annotated[int | None, typer.Option("--epochs", help="Passes over the data.")]
MaxStepsOption = Annotated[int | None, typer.Option("--max-steps", help="Stop after this many steps.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Order of the records and start of the adapters.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any other setting of a training, by its name; see the guide."),
]


def train(
    version: VersionArgument,
    base: BaseOption,
    workspace: WorkspaceOption = None,
    lora: LoraOption = False,
    epochs: EpochsOption = None,
    max_steps: MaxStepsOption = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", help="Peak learning rate.")] = None,
    records_per_step: Annotated[
        int | None, typer.Option("--records-per-step", help="Records per optimiser step.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", help="Longest record.")] = None,
    seed: SeedOption = 0,
    allow_download: Annotated[bool, typer.Option("--allow-download", help="Let a hub name be fetched.")] = False,
    settings: SetOption = None,
    name: Annotated[str, typer.Option("--name", help="Of the run (default: version, base and method).")] = "",
    note: Annotated[str, typer.Option("--note", help="What to remember about the run.")] = "",
    detach: Annotated[bool, typer.Option("--detach", help="Put it into the queue and return at once.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fine-tune a model on the responses of a version. Ctrl+C stops after the step, with the checkpoint saved."""
    # torch takes seconds to import: only the verbs that need it pay for it
    from curator import runs

    with console.errors():
        config = config_of(
            settings or (),
            base=base,
            method="lora" if lora else None,
            epochs=epochs,
            max_steps=max_steps,
            learning_rate=learning_rate,
            records_per_step=records_per_step,
            max_tokens=max_tokens,
            seed=seed,
            allow_download=allow_download,
        )
        opened = workspace_of(workspace)
        if detach:
            run = runs.start(opened, version, config, actor=actor(), name=name, note=note)
            human = f"Run {run.name} is in the queue ({run.id})."
            console.show({"run": run.id, "name": run.name, "state": run.state}, as_json=as_json, human=human)
            return
        with console.progress() as bar:
            run = runs.train(
                opened,
                version,
                config,
                actor=actor(),
                name=name,
                note=note,
                on_wait=console.messages.print,
                **_shown_in(bar),
            )
        _show(opened, run, as_json=as_json)


def resume(run: RunArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Go on with a run that stopped or failed, exactly where its state was saved."""
    from curator import runs

    with console.errors():
        opened = workspace_of(workspace)
        with console.progress() as bar:
            done = runs.resume_here(opened, run, actor=actor(), **_shown_in(bar))
        _show(opened, done, as_json=as_json)


def rename(
    run: RunArgument,
    name: Annotated[str, typer.Argument(help="What people call it from now on.")],
    workspace: WorkspaceOption = None,
    note: Annotated[str | None, typer.Option("--note", help="What to remember about it.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Give a run another name, and a note."""
    from curator import runs

    with console.errors():
        named = runs.describe(workspace_of(workspace), run, name=name, note=note, actor=actor())
        shown = {"run": named.id, "name": named.name, "note": named.note}
        console.show(shown, as_json=as_json, human=f"Run {named.id} is called {named.name}.")


def delete(run: RunArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Remove the weights, metrics and log of a run; its outputs and verdicts stay."""
    from curator import runs

    with console.errors():
        runs.delete(workspace_of(workspace), run, actor=actor())
        console.show({"run": run, "deleted": True}, as_json=as_json, human=f"Run {run} is deleted.")


def runs(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List all runs, newest first."""
    from curator import runs

    with console.errors():
        all_runs = runs.watch(workspace_of(workspace))
        table = Table("name", "state", "steps", "base", "tuned", "reason", "note")
        table.add_column("id", no_wrap=True)
        for run in all_runs:
            losses = [_nll(loss) for loss in _losses(run)]
            steps = str(run.result.steps if run.result else run.steps_planned or "")
            reason = run.reason or (run.result.stopped_early if run.result else None) or ""
            table.add_row(Text(run.name), run.state, steps, *losses, Text(reason), Text(run.note), run.id)
        console.show({"runs": all_runs}, as_json=as_json, human=table)


def stop(run: RunArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Ask a run to finish its step, save its checkpoint and stop."""
    from curator import runs

    with console.errors():
        asked = runs.request_stop(workspace_of(workspace), run, actor=actor())
        human = "It stops after its step." if asked else "It has already ended."
        console.show({"run": run, "asked": asked}, as_json=as_json, human=human)


def preflight(
    version: VersionArgument,
    base: BaseOption,
    workspace: WorkspaceOption = None,
    lora: LoraOption = False,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a run would do, how long it would take, and what speaks against it; status 1 when something does."""
    from curator.runs.preflight import preflight as check

    with console.errors():
        config = config_of(settings or (), base=base, method="lora" if lora else None)
        preview = check(workspace_of(workspace), version, config)
        console.show(
            preview.model_dump(mode="json") | {"ok": preview.ok}, as_json=as_json, human=_preflight_table(preview)
        )
    if not preview.ok:
        raise typer.Exit(1)


def tokens(
    version: VersionArgument,
    base: BaseOption,
    workspace: WorkspaceOption = None,
    row: Annotated[str | None, typer.Option("--row", help="Only the row with this id.")] = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show records as the trainer sees them: token ids, and which of them carry loss."""
    from curator import runs

    with console.errors():
        rows = list(runs.token_rows(workspace_of(workspace), version, config_of(settings or (), base=base), row_id=row))
        human = Text()
        for each in rows:
            human.append(f"{each.row_id} ({each.split})\n", style="bold")
            for text, label in zip(each.text, each.labels, strict=True):
                human.append(text, style="dim" if label == -100 else "green")
            human.append("\n")
        console.show({"rows": rows}, as_json=as_json, human=human)


def losses(
    run: RunArgument,
    workspace: WorkspaceOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Every record, not only the doubtful ones.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the records of a run that deserve a second look, by their losses before, while and after."""
    from curator.runs.losses import record_histories
    from curator.store import runs as stored_runs

    with console.errors():
        opened = workspace_of(workspace)
        with opened.read() as connection:
            histories = record_histories(opened, stored_runs.get(connection, run))
        shown = histories if everything else [each for each in histories if each.doubts]
        title = f"{len(shown):,} of {len(histories):,} records; nats per response token"
        table = Table("record", "split", "before", "last epoch", "after", "why", "instruction", title=title)
        for each in shown[:50]:
            numbers = ["" if value is None else f"{value:.3f}" for value in (each.before, each.last, each.after)]
            table.add_row(each.row_id[:12], each.split, *numbers, ", ".join(each.doubts), Text(each.instruction[:60]))
        console.show({"records": shown, "measured": len(histories)}, as_json=as_json, human=table)


def config_of(settings: Sequence[str], **by_name: Any) -> TrainConfig:
    """The settings of a training: those by_name by name, then `NAME=VALUE` pairs.

    Raises:
        TrainingError: A pair has no name that is known.
        ValidationError: A value cannot be used.
    """
    values: dict[str, Any] = {name: value for name, value in by_name.items() if value is not None}
    for pair in settings:
        name, sign, value = pair.partition("=")
        if not sign or name not in TrainConfig.model_fields:
            known = ", ".join(sorted(TrainConfig.model_fields))
            raise TrainingError(f"There is no setting {name} of a training.", hint=f"Write NAME=VALUE; known: {known}.")
        if name in ("leave_out", "trackers", "weights"):
            values.setdefault(name, [])
            values[name] = [*values[name], value]
        else:
            values[name] = None if value == "none" and name in _OPTIONAL else value
    return TrainConfig.model_validate(values)


_OPTIONAL = frozenset(name for name, field in TrainConfig.model_fields.items() if field.default is None) | {
    "early_stopping"
}


def _shown_in(bar: Any) -> dict[str, Any]:
    """What tells a run's listeners to a progress bar."""
    task = bar.add_task("Training", total=None, note="")

    def on_step(step: Step, steps: int) -> None:
        note = "" if step.loss is None else f"loss {step.loss:.3f}"
        bar.update(task, description="Training", completed=step.step, total=steps, note=note)

    def on_activity(activity: Activity) -> None:
        bar.update(
            task, description=activity.doing.capitalize(), completed=activity.done, total=activity.total, note=""
        )

    return {"on_step": on_step, "on_activity": on_activity}


def _show(workspace: Workspace, run: Run, *, as_json: bool) -> None:
    from curator import runs

    folder = runs.folder_of(workspace, run.id) / "checkpoint"
    kept = list(runs.kept_checkpoints(workspace, run.id))
    summary = _summary(run, str(folder) if folder.is_dir() else None) | {"kept_steps": kept}
    human = _human(run) + (
        f"\nKept beside the best weights: those of steps {', '.join(map(str, kept))}." if kept else ""
    )
    console.show(summary, as_json=as_json, human=human)


def _losses(run: Run) -> tuple[HeldOutLoss | None, HeldOutLoss | None]:
    return (None, None) if run.result is None else (run.result.heldout_base, run.result.heldout_tuned)


def _nll(loss: HeldOutLoss | None) -> str:
    return "" if loss is None else f"{loss.nll:.3f}"


def _summary(run: Run, checkpoint: str | None) -> dict[str, Any]:
    base, tuned = _losses(run)
    return {
        "run": run.id,
        "name": run.name,
        "state": run.state,
        "checkpoint": checkpoint,
        "heldout_nll_base": base and base.nll,
        "heldout_nll_tuned": tuned and tuned.nll,
        "response_tokens": run.result.response_tokens if run.result else None,
        "steps": run.result.steps if run.result else None,
        "best_step": run.result.best_step if run.result else None,
        "stopped_early": run.result.stopped_early if run.result else None,
        "refused": list(run.result.refused) if run.result else [],
    }


def _human(run: Run) -> str:
    base, tuned = _losses(run)
    lines = [f"Run {run.name} is {run.state} ({run.id})."]
    if run.result is not None:
        measuring = f", {run.result.measuring_seconds:.0f} s of them measuring" if run.result.measuring_seconds else ""
        lines.append(
            f"{run.result.steps} steps on {run.result.response_tokens} response tokens in {run.result.seconds:.0f} s"
            f"{measuring}."
        )
        if run.result.stopped_early:
            lines.append(run.result.stopped_early)
        if run.result.refused:
            lines.append(f"{len(run.result.refused)} records were left out: {run.result.refused[0]}")
    if base is not None and tuned is not None:
        counted = f"{base.response_tokens} response tokens of {base.records} records, split {base.split}"
        lines.append(f"Held-out loss {base.nll:.3f} before, {tuned.nll:.3f} after (nats per token over {counted}).")
    return "\n".join(lines)


def _preflight_table(preview: Preflight) -> Table:
    table = Table("", "", show_header=False, title="Before the start")
    share = preview.response_tokens / preview.tokens if preview.tokens else 0
    table.add_row("records", ", ".join(f"{count:,} {split}" for split, count in preview.records.items()))
    table.add_row("left out", f"{len(preview.refused):,}" + (f": {preview.refused[0]}" if preview.refused else ""))
    table.add_row("tokens", f"{preview.tokens:,}, of which {share:.0%} carry loss; longest record {preview.longest:,}")
    table.add_row(
        "shared prompts", f"save {1 - 1 / preview.sharing:.0%} of the tokens" if preview.sharing > 1 else "none"
    )
    if preview.weighed:
        table.add_row("weights", Text("; ".join(preview.weighed)))
    table.add_row("steps", f"{preview.steps:,}")
    table.add_row("parameters", f"{preview.parameters:,}, of which {preview.trained_parameters:,} train")
    table.add_row("estimates", estimate(preview))
    for check in preview.checks:
        table.add_row(
            Text("ok " if check.ok else "NO ", style="green" if check.ok else "bold red") + Text(check.name),
            Text(check.explanation),
        )
    return table


def estimate(preview: Preflight) -> str:
    """Time, memory and disk in words."""
    minutes = "unknown time" if preview.seconds is None else f"about {max(1, round(preview.seconds / 60)):,} min"
    return f"{minutes}, {preview.memory_bytes / 2**30:.1f} GiB of memory, {preview.disk_bytes / 2**30:.1f} GiB of disk"
