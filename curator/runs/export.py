"""The export of a tuned model: the adapter as it was trained, or merged into its base, each with a model card.

A merge is checked before anything is handed out: both models must give the same loss on held-out records.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from curator import versions, whole
from curator.access import require
from curator.errors import NotFoundError, TrainingError
from curator.runs.folder import MANIFEST, assessment_of, checkpoint_of, folder_of, kept_checkpoints
from curator.runs.promotion import not_released
from curator.store import decisions, events
from curator.store import runs as stored_runs
from curator.training import checkpoint
from curator.training.evaluate import looked_at, record_losses, summary
from curator.training.labels import Example, prepare
from curator.training.learner import kept_in_fp32, place_model
from curator.training.objective import Route, set_attention
from curator.training.precision import round_to
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind
from schemas.run import Run
from schemas.version import Split

CARD = "README.md"
_CHECKED = 32
"""Held-out records on which adapter and merged model are compared."""
_SAME = 1e-3
"""Largest difference of their losses, nats per response token: fp32 arithmetic in another order."""


def export_model(
    workspace: Workspace,
    run_id: str,
    out: Path,
    *,
    merged: bool,
    actor: str,
    undecided: bool = False,
    step: int | None = None,
) -> Path:
    """Write a model as others use it: weights, tokenizer, template, manifest and model card. Returns the folder.

    Args:
        workspace: Where the run is.
        run_id: A run with a checkpoint.
        out: A folder that does not exist yet, or is empty.
        merged: Merge an adapter into its base; without effect on a fully fine-tuned model.
        actor: Who exports.
        undecided: Hand it out although no decision releases exactly this checkpoint; its card says so.
        step: Of a checkpoint that was kept beside the best one; decisions are about the best one only.

    Raises:
        AccessError: A server would write outside of the workspace's `exports/`.
        TrainingError: No decision releases the checkpoint, the folder is in use, or the merged model is not the
            adapted one.
        NotFoundError: There is no such run or checkpoint.
    """
    require(workspace, actor, Right.TRAIN)
    workspace.require_own(out)
    with workspace.read() as connection:
        run = stored_runs.get(connection, run_id)
    place = checkpoint_of(workspace, run) if step is None else _kept(workspace, run, step)
    why_not = None if undecided else _NOT_THE_BEST if step is not None else not_released(workspace, run)
    if why_not is not None:
        raise TrainingError(
            f"The model of run {run.id} is not released: {why_not}",
            hint="Decide with `curator decide`, or export it for tests with `--undecided`; its card will say so.",
        )
    if out.exists() and any(out.iterdir()):
        raise TrainingError(f"{out} is not empty.", hint="Name a new folder.")
    try:
        with whole.folder(out, replaces=False) as unfinished:
            stored = _write(workspace, run, place, unfinished, merged=merged)
            shutil.copy(folder_of(workspace, run.id) / MANIFEST, unfinished / MANIFEST)
            (unfinished / CARD).write_text(card(workspace, run, step=step) + stored, encoding="utf-8")
    except OSError as error:
        raise TrainingError(
            f"The model cannot be written: {error}.", hint="Free some space or name another folder."
        ) from error
    with workspace.write() as connection:
        detail = {"folder": str(out), "merged": merged, "undecided": undecided, "step": step}
        events.append(connection, Kind.MODEL_EXPORTED, run.id, actor=actor, at=workspace.clock(), detail=detail)
    return out


_NOT_THE_BEST = "it is not the checkpoint that was measured and decided on."


def _kept(workspace: Workspace, run: Run, step: int) -> Path:
    """The folder of a checkpoint that was kept beside the best one.

    Raises:
        NotFoundError: None of this step was kept.
    """
    kept = kept_checkpoints(workspace, run.id)
    if step not in kept:
        steps = ", ".join(map(str, kept)) or "none"
        raise NotFoundError(
            f"Run {run.id} keeps no checkpoint of step {step}.",
            hint=f"Kept are: {steps}. The setting keep_checkpoints says how many.",
        )
    return kept[step]


def _released(workspace: Workspace, run: Run) -> str:
    why_not = not_released(workspace, run)
    if why_not is not None:
        return f"**Not released.** {why_not}"
    with workspace.read() as connection:
        decision = decisions.of_system(connection, run.id)[0]
    return (
        f"**Released** by {decision.decided_by} on {decision.at:%Y-%m-%d}, for exactly this checkpoint (plan "
        f"{decision.plan}). The release report names the prompts, the bounds and the reviewers behind it."
    )


def card(workspace: Workspace, run: Run, *, step: int | None = None) -> str:
    """The model card: what it was made of, what was measured, and whether it was promoted, in plain words.

    Args:
        workspace: Where the run is.
        run: Behind the model.
        step: Of the weights, if they are not the best ones, about which everything else was measured and decided.
    """
    result, assessment = (run.result, assessment_of(workspace, run.id)) if step is None else (None, None)
    version = versions.find(workspace, run.version_id)
    lines = [
        f"# Model of run {run.id}",
        "",
        f"Fine-tuned ({run.config.method}) from `{Path(run.config.base).name}` on version `{version.id}` "
        f"({version.name or 'unnamed'}, {version.splits[Split.TRAIN]:,} training records) by {run.created_by}.",
        f"The loss counts response tokens only (prompt loss weight {run.config.prompt_loss_weight:g}, averaged per "
        f"{run.config.normalisation}).",
        *(
            [f"Its chat template has the defaults `{json.dumps(run.config.chat_template_kwargs, ensure_ascii=False)}`."]
            if run.config.chat_template_kwargs
            else []
        ),
        *(
            [f"Weights in the loss: {', '.join(f'`{rule}`' for rule in run.config.weights)}."]
            if run.config.weights
            else []
        ),
        "",
        "## May it be used?",
        "",
        f"**Promoted** on {run.promoted_at:%Y-%m-%d}." if run.promoted_at and step is None else "**Not promoted.**",
        _released(workspace, run) if step is None else f"**Not released**: weights of step {step}; {_NOT_THE_BEST}",
        "Promotion looks at learning, stopping and forgetting, and asks for that decision.",
        "",
    ]
    if assessment is not None:
        lines += [f"- {'holds' if gate.ok else 'FAILS'}: {gate.name}. {gate.explanation}" for gate in assessment.gates]
        lines += [
            "",
            "## Measured",
            "",
            f"On {assessment.records:,} records of the {assessment.split} split, the same for both models:",
            "",
            "| | Base | Tuned |",
            "|---|---|---|",
            f"| Loss, nats per response token | {assessment.nll_base:.4f} | {assessment.nll_tuned:.4f} |",
            f"| Bits per byte of response | {assessment.bits_per_byte_base:.4f} | "
            f"{assessment.bits_per_byte_tuned:.4f} |",
            f"| Probability of the end at the true end | {assessment.end_probability_base:.3f} | "
            f"{assessment.end_probability_tuned:.3f} |",
            f"| Answers that end by themselves, of {assessment.asked} | {assessment.stop_rate_base.value:.0%} | "
            f"{assessment.stop_rate_tuned.value:.0%} |",
        ]
    elif result is not None and result.heldout_base and result.heldout_tuned:
        lines += [
            "It was not assessed. Measured at the end of the run: held-out loss "
            f"{result.heldout_base.nll:.4f} before, {result.heldout_tuned.nll:.4f} after, nats per response token "
            f"({result.heldout_tuned.records:,} records).",
        ]
    return "\n".join([*lines, "", f"`{MANIFEST}` names every record, setting and file behind this model.", ""])


def _write(workspace: Workspace, run: Run, place: Path, folder: Path, *, merged: bool) -> str:
    """Write the weights as they are handed out. Returns what the card says of their arithmetic."""
    model = checkpoint.load_tuned(place)
    if isinstance(model, PeftModel) and not merged:
        shutil.copytree(place, folder, dirs_exist_ok=True)
        return ""
    tokenizer = checkpoint.load_tokenizer(str(place))
    loss = _Loss(workspace, run, tokenizer)
    trained = loss.of(model)
    if isinstance(model, PeftModel):
        model = model.merge_and_unload()
        merged_loss = loss.of(model)
        if abs(merged_loss - trained) > _SAME:
            raise TrainingError(
                f"The merged model is not the adapted one: loss {merged_loss:.4f} instead of {trained:.4f}.",
                hint="Export the adapter without merging.",
            )
    dtype = checkpoint.dtype_of(run.config.base)
    if dtype is torch.float32:
        checkpoint.write(model, tokenizer, folder)
        return ""
    set_attention(model, Route.PADDED)
    round_to(dtype, model, keep_fp32=kept_in_fp32(model))
    checkpoint.write(model, tokenizer, folder)
    name = str(dtype).removeprefix("torch.")
    rounded = loss.of(checkpoint.load_base(str(folder)))
    return (
        f"\nThe weights are in {name}, as those of the base; the run kept them in float32. On {loss.records} held-out "
        f"records the loss is {rounded:.4f} instead of {trained:.4f}, nats per response token.\n"
    )


class _Loss:
    """The loss of a model on some records that the run held out."""

    def __init__(self, workspace: Workspace, run: Run, tokenizer: PreTrainedTokenizerBase) -> None:
        examples: list[Example] = []
        for split in (Split.TEST, Split.VALIDATION, Split.TRAIN):
            rows = versions.rows(workspace, run.version_id, split=split)
            examples = examples or looked_at(prepare(rows, tokenizer, run.config).examples, _CHECKED)
        self._examples = examples
        self._config = run.config
        self._pad_id = int(tokenizer.pad_token_id)

    @property
    def records(self) -> int:
        """How many."""
        return len(self._examples)

    def of(self, model: PreTrainedModel) -> float:
        """Nats per response token."""
        objective, _ = place_model(model, self._config)
        losses = record_losses(objective, self._examples, split="export", pad_id=self._pad_id)
        return summary(losses, split="export").nll
