"""Conditions: a failed gate that a lead answers for until a day, and the use that a model is released for.

Both are sealed in the ledger of the system. An exemption covers what its signer saw: it ends on its day, with another
plan, or when the gate finds one defect more. A gate that is open has no exemption, since nothing was seen there yet,
and a harm of severity 4 has none at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import orjson

from curator import evidence
from curator.access import require
from curator.errors import ReleaseError
from curator.release.gates import CRITICAL_HARM
from curator.store import ledger, systems
from curator.workspace import Workspace
from schemas.account import Right
from schemas.release import Exemption, GateResult

_MOST_LETTERS = 4_000


def seal_exemption(workspace: Workspace, system_id: str, exemption: Exemption, *, actor: str) -> None:
    """Add an exemption to the ledger of a system, signed by `actor`."""
    require(workspace, actor, Right.DECIDE)
    content = exemption.model_dump(mode="json", exclude={"signed_by", "at"})
    _add(workspace, system_id, "exemption", content, actor=actor)


def end_exemption(workspace: Workspace, run_or_system: str, gate: str, *, reason: str, actor: str) -> None:
    """Take the exemptions of a gate back; they stay in the ledger, with the reason.

    Raises:
        ReleaseError: There is none, or no reason is given.
    """
    require(workspace, actor, Right.DECIDE)
    with workspace.read() as connection:
        system = systems.find(connection, run_or_system)
        signed = signed_exemptions(ledger.entries(connection, system.id))
    if gate not in signed:
        raise ReleaseError(f"Gate {gate} has no exemption.", hint=f"Name one of: {', '.join(signed) or 'none'}.")
    content: dict[str, object] = {
        "gate": gate,
        "reason": _said(reason, "An exemption is not taken back without a reason."),
    }
    _add(workspace, system.id, "exemption ended", content, actor=actor)


def state_use(workspace: Workspace, run_or_system: str, text: str, *, actor: str) -> None:
    """Store what a model is meant for, as the next decision and its report say it.

    Raises:
        ReleaseError: The text is empty or longer than 4,000 letters.
    """
    require(workspace, actor, Right.DECIDE)
    with workspace.read() as connection:
        system = systems.find(connection, run_or_system)
    _add(workspace, system.id, "use", {"text": _said(text, "The intended use is empty.")}, actor=actor)


def signed_exemptions(entries: Iterable[ledger.Entry]) -> dict[str, Exemption]:
    """The newest exemption of every gate that was not taken back, expired or not."""
    signed: dict[str, Exemption] = {}
    for entry in entries:
        if entry.kind == "exemption":
            exemption = Exemption(signed_by=entry.actor, at=entry.at, **orjson.loads(entry.content))
            signed[exemption.gate] = exemption
        elif entry.kind == "exemption ended":
            signed.pop(orjson.loads(entry.content)["gate"], None)
    return signed


def intended_use(entries: Sequence[ledger.Entry]) -> str:
    """What the model is meant for, as it was stated last; empty where it was not."""
    stated = [entry for entry in entries if entry.kind == "use"][-1:]
    return str(orjson.loads(stated[0].content)["text"]) if stated else ""


def covering(
    signed: Mapping[str, Exemption], gates: Sequence[GateResult], *, plan: str | None, now: datetime
) -> dict[str, Exemption]:
    """The exemptions that hold now, by the name of the failed gate that they cover."""
    return {
        gate.name: signed[gate.name]
        for gate in gates
        if gate.status == "fail"
        and gate.name in signed
        and ended_because(signed[gate.name], gate, plan=plan, now=now) is None
    }


def ended_because(exemption: Exemption, gate: GateResult, *, plan: str | None, now: datetime) -> str | None:
    """Why an exemption covers its gate no more, as a sentence; None while it does."""
    signed = f"The exemption that {exemption.signed_by} signed on {exemption.at:%Y-%m-%d}"
    if gate.name == CRITICAL_HARM:
        return f"{signed} does not hold: a harm of severity 4 has none."
    if now >= exemption.expires:
        return f"{signed} expired on {exemption.expires:%Y-%m-%d}."
    if plan != exemption.plan:
        return f"{signed} was for another review plan."
    if gate.defects > exemption.defects:
        return f"{signed} covered {exemption.defects} defects; {gate.defects} are known now."
    return None


def exemption_of(
    gate: GateResult, *, reason: str, expires: datetime, plan: str | None, actor: str, now: datetime
) -> Exemption:
    """The exemption of a gate as it stands, not stored yet.

    Raises:
        ReleaseError: The gate did not fail, is about severity 4, or reason or day are missing.
    """
    if gate.name == CRITICAL_HARM:
        raise ReleaseError(
            "A harm of severity 4 has no exemption.", hint="Correct the records that taught it and train again."
        )
    if gate.status != "fail":
        raise ReleaseError(
            f"Gate {gate.name} did not fail, it is {gate.status}: an exemption covers what was seen.",
            hint="Judge what is left; what is open can be decided neither way.",
        )
    if expires.tzinfo is None or expires <= now:
        raise ReleaseError(f"{expires:%Y-%m-%d %H:%M} is not a time to come.", hint="Name a later day.")
    return Exemption(
        gate=gate.name,
        reason=_said(reason, "An exemption needs a reason."),
        expires=expires.astimezone(UTC),
        signed_by=actor,
        at=now,
        plan=plan,
        defects=gate.defects,
    )


def _said(text: str, problem: str) -> str:
    plain = " ".join(text.replace("\x00", "").split())  # one paragraph: it stands in the lines of a signed card
    if not plain:
        raise ReleaseError(problem, hint="Say it in a sentence.")
    if len(plain) > _MOST_LETTERS:
        raise ReleaseError(f"That is {len(plain):,} letters long.", hint=f"At most {_MOST_LETTERS:,} are kept.")
    return plain


def _add(workspace: Workspace, system_id: str, kind: str, content: dict[str, object], *, actor: str) -> None:
    with workspace.write() as connection:
        system = systems.find(connection, system_id)
        if system.run_id is not None:
            systems.ensure_run(connection, system.run_id, actor=actor, at=workspace.clock())
        systems.lock(connection, system.id)
        evidence.add(workspace, connection, system.id, kind, content, actor=actor)
    evidence.anchor(workspace, system.id)
