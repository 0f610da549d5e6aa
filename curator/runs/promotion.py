"""Promotion: the gates that an assessed run must pass before it may be used, and the mark that it did."""

from __future__ import annotations

from curator import evidence
from curator.access import require
from curator.errors import TrainingError
from curator.runs.folder import assessment_of
from curator.runs.manifest import changed_weights
from curator.store import events
from curator.store import runs as stored_runs
from curator.workspace import Workspace
from schemas.account import Right
from schemas.assessment import Assessment, PromotionGate
from schemas.event import Kind
from schemas.run import Run

STOP_RATE = 0.95
"""Smallest share of answers that must end by themselves."""
FORGOTTEN = 0.10
"""Largest rise of the loss on general prompts, nats per response token."""


def promotion_gates(assessment: Assessment) -> tuple[PromotionGate, ...]:
    """What must hold before a run may be promoted, in plain words."""
    learnt = assessment.upper is not None and assessment.upper < 0
    interval = "no interval"
    if assessment.lower is not None:
        interval = f"95 % interval {assessment.lower:+.3f} to {assessment.upper:+.3f}"
    stopped = assessment.stop_rate_tuned
    gates = [
        PromotionGate(
            name="it learnt",
            ok=learnt,
            explanation=f"The held-out loss changed by {assessment.change:+.3f} nats per token ({interval}, "
            f"{assessment.groups} groups); the whole interval must lie below 0.",
        ),
        PromotionGate(
            name="it stops",
            ok=stopped.value >= STOP_RATE,
            explanation=f"{stopped.found} of {stopped.n} answers ended by themselves; at least {STOP_RATE:.0%} must.",
        ),
    ]
    if assessment.retention_nll_base is not None and assessment.retention_nll_tuned is not None:
        rise = assessment.retention_nll_tuned - assessment.retention_nll_base
        gates.append(
            PromotionGate(
                name="it remembers",
                ok=rise <= FORGOTTEN,
                explanation=f"The loss on general prompts changed by {rise:+.3f} nats per token; "
                f"at most {FORGOTTEN:+.2f} is allowed.",
            )
        )
    else:
        gates.append(
            PromotionGate(
                name="it remembers",
                ok=False,
                explanation="Nothing was measured on general prompts; give a retention set to the assessment.",
            )
        )
    return tuple(gates)


def not_released(workspace: Workspace, run: Run) -> str | None:
    """Why the model of a run may not go out, in words; None where a decision releases exactly these weights."""
    reason = evidence.may_go_out(workspace, run.id, checkpoint=evidence.checkpoint_hash(workspace, run.id))
    if reason is None and (changed := changed_weights(workspace, run)):
        reason = changed[0]
    return reason


def promote(workspace: Workspace, run_id: str, *, actor: str) -> Run:
    """Mark a run as promoted. Returns it.

    Raises:
        TrainingError: It was not assessed, a gate does not hold, or no decision releases exactly this checkpoint.
    """
    require(workspace, actor, Right.DECIDE)
    with workspace.write() as connection:
        run = stored_runs.get(connection, run_id)
        assessment = assessment_of(workspace, run.id)
        if assessment is None:
            raise TrainingError(f"Run {run.id} was not assessed.", hint="Assess it first.")
        failed = [gate for gate in assessment.gates if not gate.ok]
        if failed:
            raise TrainingError(
                f"Run {run.id} cannot be promoted: {failed[0].explanation}",
                hint="Mend the data or the settings and train again.",
            )
    why_not = not_released(workspace, run)
    if why_not is not None:
        raise TrainingError(
            f"Run {run.id} cannot be promoted: {why_not}", hint="Review its outputs and decide with `curator decide`."
        )
    with workspace.write() as connection:
        stored_runs.promote(connection, run.id, at=workspace.clock())
        events.append(connection, Kind.RUN_PROMOTED, run.id, actor=actor, at=workspace.clock())
        return stored_runs.get(connection, run.id)
