"""What a review plan was drawn for, and whether that is still so.

A bound holds for one checkpoint, its outputs word for word, the suites, the limits and the detectors that sorted the
outputs. All of it is hashed when a plan is drawn and again when a decision is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from curator.evidence import checkpoint_hash
from curator.store import Connection, findings, outputs, projects, runs, suites
from curator.workspace import Workspace
from schemas.release import Gates
from schemas.review import Binding, Finding, Output, Suite, System


class Material(NamedTuple):
    """Everything that a plan is drawn from."""

    system: System
    gates: Gates
    suites: list[Suite]
    """The gate suites: every one of them has to be answered."""
    outputs: list[Output]
    """Of the gate suites."""
    findings: dict[int, list[Finding]]
    version_id: str | None


def gather(connection: Connection, system: System) -> Material:
    """Everything that a plan for a system is drawn from, as it stands now."""
    deciding = [suites.get(connection, each.id) for each in suites.summaries(connection) if each.purpose == "gate"]
    ids = {suite.id for suite in deciding}
    return Material(
        system=system,
        gates=projects.by_id(connection, system.project_id).gates,
        suites=deciding,
        outputs=[output for output in outputs.of_system(connection, system.id) if output.suite_id in ids],
        findings=findings.of_system(connection, system.id),
        version_id=runs.get(connection, system.run_id).version_id if system.run_id else None,
    )


def bind(workspace: Workspace, material: Material) -> Binding:
    """The hashes of what a plan is drawn from."""
    names = {suite.id: suite.name for suite in material.suites}
    decoding: dict[str, set[str]] = {}
    for output in material.outputs:
        said = "not known" if output.decoding is None else output.decoding.model_dump_json()
        decoding.setdefault(names[output.suite_id], set()).add(said)
    mine = {output.id for output in material.outputs}
    found = {id: each for id, each in material.findings.items() if id in mine}
    run_id = material.system.run_id
    return Binding(
        gates=material.gates,
        suites={suite.name: suite_hash(suite) for suite in material.suites},
        decoding={name: " and ".join(sorted(each)) for name, each in sorted(decoding.items())},
        outputs=_hash(_words_of(output) for output in material.outputs),
        detectors=dict(sorted({f.detector: f.version for each in found.values() for f in each}.items())),
        findings=_hash(
            [id, f.detector, f.version, f.status.value, f.flag]
            for id in sorted(found)
            for f in sorted(found[id], key=lambda each: (each.detector, each.version))
        ),
        version=material.version_id,
        checkpoint=checkpoint_hash(workspace, run_id) if run_id else None,
        base=checkpoint_hash(workspace, run_id, "base") if run_id else None,
    )


def _words_of(output: Output) -> list[Any]:
    """What of an output is bound: whose it is and every word of it."""
    words = [output.id, output.suite_id, output.prompt.id, output.model, output.sample, output.text]
    return words if output.turns is None else [*words, [[turn.role, turn.content] for turn in output.turns]]


def suite_hash(suite: Suite) -> str:
    """The id that the content of a suite has; another than its `id` where it was changed after it was frozen."""
    plain = [prompt.model_dump(mode="json") for prompt in suite.prompts]
    for prompt in plain:
        for name in ("hazard", "references", "swap"):  # fields that suites of earlier versions do not have
            if not prompt[name]:
                del prompt[name]
    return hashlib.sha256(orjson.dumps([suite.purpose, plain])).hexdigest()


_SUBJECTS = {
    "decoding": "the decoding settings",
    "outputs": "the outputs",
    "version": "the dataset version",
    "checkpoint": "the checkpoint of the tuned model",
    "base": "the base model",
}


def changes(before: Binding, now: Binding) -> list[str]:
    """What is not as it was, each as a sentence."""
    found = []
    for name in type(before.gates).model_fields:
        old, new = getattr(before.gates, name), getattr(now.gates, name)
        if old != new:
            found.append(f"The limit {name.replace('_', ' ')} was {old:g} when the plan was drawn and is {new:g} now.")
    for name in sorted(before.suites.keys() | now.suites.keys()):
        if name not in before.suites:
            found.append(f"Gate suite {name} was added after the plan was drawn.")
        elif before.suites.get(name) != now.suites.get(name):
            found.append(f"Gate suite {name} is not the one for which the plan was drawn.")
    if before.detectors != now.detectors or before.findings != now.findings:
        found.append("The findings of the detectors changed after the plan was drawn.")
    for name, subject in _SUBJECTS.items():
        if getattr(before, name) != getattr(now, name):
            found.append(f"What the plan was drawn for has changed: {subject}.")
    return found


def _hash(rows: Iterable[list[Any]]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        line = orjson.dumps(row)
        digest.update(len(line).to_bytes(8, "big") + line)
    return digest.hexdigest()
