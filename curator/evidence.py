"""Evidence that shows when it was changed: the secret of a workspace, and its sealed ledgers.

The secret is a file beside the database. A person who can write to the database but not read that file can neither
guess on which side of a pair a model stands nor change a verdict unseen. A copy of each ledger's last seal lies in
`ledger/`, so that a ledger which lost its end is told from one that never was longer.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from curator import whole
from curator.errors import StoreError
from curator.store import Connection, decisions, ledger, projects, suites, systems
from curator.workspace import Workspace
from schemas.release import Decision, Outcome
from schemas.review import Plan, System

_SECRET = "secret.key"
_BYTES = 32


def secret(workspace: Workspace, purpose: str) -> bytes:
    """A key for one purpose, derived from the secret of the workspace, which is made when it is first asked for.

    Raises:
        StoreError: The file cannot be read or written.
    """
    return hmac.new(stored_key(workspace, _SECRET), purpose.encode(), hashlib.sha256).digest()


def stored_key(workspace: Workspace, name: str) -> bytes:
    """The 32 random bytes in a file of the workspace folder, which is made when it is first asked for.

    Raises:
        StoreError: The file cannot be read or written.
    """
    file = workspace.folder / name
    try:
        if not file.exists():
            _make_secret(file)
        stored = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise StoreError(
            f"The key of the workspace, {file}, cannot be used: {error}.", hint="Restore it from a backup."
        ) from error
    if len(stored) != _BYTES:
        raise StoreError(f"The key of the workspace, {file}, is damaged.", hint="Restore it from a backup.")
    return stored


def add(
    workspace: Workspace, connection: Connection, system_id: str, kind: str, content: dict[str, Any], *, actor: str
) -> ledger.Entry:
    """Add an entry to the ledger of a system, which the caller has locked. Returns it; `anchor` follows the commit."""
    if ledger.last(connection, system_id) is not None:
        _refuse_without_secret(workspace)
    key = secret(workspace, "ledger")
    return ledger.append(connection, system_id, kind, content, actor=actor, at=workspace.clock(), key=key)


def anchor(workspace: Workspace, system_id: str) -> None:
    """Copy the last seal of a ledger to its file outside the database."""
    with workspace.read() as connection:
        last = ledger.last(connection, system_id)
    file = _anchor_file(workspace, system_id)
    if last is None or _anchored(file)[0] >= last.n:
        return
    try:
        file.parent.mkdir(exist_ok=True)
        whole.write(file, f"{last.n} {last.seal}\n".encode())
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error}.", hint="Check the space and the rights there.") from error


def problems(workspace: Workspace, system_id: str, entries: list[ledger.Entry]) -> list[str]:
    """What shows that a ledger is not as it was written, in words; `entries` is all of it."""
    if entries:
        _refuse_without_secret(workspace)
    broken = ledger.broken_at(entries, system_id, key=secret(workspace, "ledger"))
    if broken is not None:
        return [f"Entry {broken} of the ledger is not the one that was sealed: it was changed, removed or inserted."]
    file = _anchor_file(workspace, system_id)
    n, seal = _anchored(file)
    if n == 0 and (len(entries) > 1 or file.exists()):  # the first entry may have been stored a moment ago
        return [f"The copy of the ledger's last seal, {file.name}, is gone or damaged: its end may have been removed."]
    if n > len(entries):
        return [f"The ledger ends at entry {len(entries)}, but {n} were written: its end was removed."]
    if n and entries[n - 1].seal != seal:
        return [f"Entry {n} of the ledger is not the one that was written."]
    return []


def standing_decision(workspace: Workspace, connection: Connection, system_id: str) -> Decision | None:
    """The newest decision about a system, if it is as it was sealed.

    Raises:
        StoreError: The ledger or the decision was changed after it was made.
    """
    past = decisions.of_system(connection, system_id)
    if not past:
        return None
    entries = ledger.entries(connection, system_id)
    found = problems(workspace, system_id, entries)
    sealed = [orjson.loads(entry.content) for entry in entries if entry.kind == "decision"]
    newest = past[0].model_dump(exclude={"id", "at", "evidence"})
    if not found and (not sealed or _as_sealed(past[0], sealed[-1]) != newest):
        found = ["The newest decision is not the one that was sealed."]
    if found:
        raise StoreError(
            f"The decision about {system_id} cannot be trusted. {found[0]}",
            hint="Restore the database from a backup, or review the model again in a new workspace.",
        )
    return past[0]


def _as_sealed(stored: Decision, sealed: dict[str, Any]) -> dict[str, Any] | None:
    """What a sealed decision says, or None where it is not one; fields that came later have their defaults."""
    try:
        decision = Decision.model_validate(sealed | {"id": stored.id, "at": stored.at})
    except ValidationError:
        return None
    return decision.model_dump(exclude={"id", "at", "evidence"})


def _ended_exemptions(entries: list[ledger.Entry]) -> set[str]:
    """Gates whose exemption was taken back after the last decision."""
    ended: set[str] = set()
    for entry in entries:
        if entry.kind == "decision":
            ended.clear()
        else:
            ended.add(orjson.loads(entry.content)["gate"])
    return ended


def may_go_out(workspace: Workspace, run_id: str, *, checkpoint: str | None) -> str | None:
    """Why the model of a run may not be released, in words; None where a decision releases exactly this checkpoint."""
    with workspace.read() as connection:
        system = systems.find(connection, run_id)
        decision = standing_decision(workspace, connection, system.id)
        entries = ledger.entries(connection, system.id)
        ended = _ended_exemptions([entry for entry in entries if entry.kind in ("decision", "exemption ended")])
        last = max((entry.n for entry in entries if entry.kind == "decision"), default=0)
        plan_id = decision.plan if decision else None
        since = _since(connection, system, plan_id, [entry for entry in entries if entry.n > last])
    if decision is None:
        return "No decision was made about it."
    if decision.outcome not in (Outcome.RELEASE, Outcome.CONDITIONS):
        return f"The decision of {decision.at:%Y-%m-%d} is {decision.outcome.value}: {' '.join(decision.reasons)}"
    if since is not None:
        return since
    for exemption in decision.exemptions:
        if exemption.gate in ended:
            return f"The exemption for {exemption.gate} was taken back after the decision: decide again."
        if workspace.clock() >= exemption.expires:
            day = f"{exemption.expires:%Y-%m-%d}"
            return (
                f"The exemption for {exemption.gate} that {exemption.signed_by} signed expired on {day}: decide again."
            )
    if decision.checkpoint is None or decision.checkpoint != checkpoint:
        return f"The decision of {decision.at:%Y-%m-%d} is about another checkpoint."
    return None


def _since(connection: Connection, system: System, plan_id: str | None, after: Sequence[ledger.Entry]) -> str | None:
    """What came after a decision and was not weighed in it, in words."""
    named = {"plan": "another review plan", "verdict": "another verdict", "withdrawal": "a withdrawn verdict",
             "adjudication": "a settled disagreement"}  # fmt: skip
    came = [named[entry.kind] for entry in after if entry.kind in named]
    if came:
        return f"{came[0].capitalize()} came after the decision: decide again."
    entry = ledger.newest(connection, system.id, "plan")
    if entry is None or plan_id is None:
        return None
    bound = Plan.model_validate_json(entry.content).binding
    if projects.by_id(connection, system.project_id).gates != bound.gates:
        return "The limits changed after the decision: decide again."
    deciding = {suite.name for suite in suites.summaries(connection) if suite.purpose == "gate"}
    if deciding != bound.suites.keys():
        return "The gate suites changed after the decision: decide again."
    return None


def _refuse_without_secret(workspace: Workspace) -> None:
    """A ledger that was sealed cannot be read by a new key, and a new one would hide that the old one is gone."""
    if not (workspace.folder / _SECRET).exists():
        raise StoreError(
            f"The key of the workspace, {_SECRET}, is gone, and verdicts were sealed with it.",
            hint="Restore it from a backup; without it nothing can be decided.",
        )


def checkpoint_hash(workspace: Workspace, run_id: str, part: str = "checkpoint") -> str | None:
    """One hash over those of all files of a run's tuned model (or its `base`), as its manifest states them; None
    where there is none."""
    try:
        manifest = orjson.loads((workspace.runs_folder / run_id / "manifest.json").read_bytes())
        files = sorted((each["path"], each["sha256"]) for each in manifest.get(part, ()))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return hashlib.sha256(orjson.dumps(files)).hexdigest() if files else None


def _make_secret(file: Path) -> None:
    """Write a new secret, unless another process was faster."""
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="ascii") as unfinished:
        unfinished.write(secrets.token_hex(_BYTES) + "\n")
    try:
        os.link(unfinished.name, file)  # fails where there is one by now; a rename would replace it
    except FileExistsError:
        pass
    finally:
        Path(unfinished.name).unlink()


def _anchor_file(workspace: Workspace, system_id: str) -> Path:
    return workspace.folder / "ledger" / f"{system_id}.seal"


def _anchored(file: Path) -> tuple[int, str]:
    """Place and seal of the last entry that was written; 0 where none was."""
    try:
        n, seal = file.read_text(encoding="ascii").split()
        return int(n), seal
    except (OSError, ValueError):
        return 0, ""
