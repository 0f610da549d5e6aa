"""The road to a decision, walked as a team walks it: suite, outputs, screening, plan, verdicts, decision."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from curator import Workspace, release, review
from schemas.release import Decision, GateResult
from schemas.review import Plan, ReviewPair

SYSTEM = "vendor model"

_SUBJECTS = ("kettle", "ladder", "violin", "glacier", "harbour", "lantern", "meadow", "compass", "orchard", "pigeon")
_MATTERS = ("history", "colour", "weight", "price", "repair", "sound", "smell", "shadow", "owner", "winter", "market",
            "music", "secret", "future", "taste", "danger", "beauty", "name", "shape", "age")  # fmt: skip
_ASKING = ("Tell me about", "Write a poem on", "Explain to a child", "List three facts about", "Argue against")


def question(n: int) -> str:
    """The n-th of a thousand prompts, none of them a near copy of another."""
    subject, rest = _SUBJECTS[n % 10], n // 10
    return (
        f"{_ASKING[rest // 20 % 5]} the {_MATTERS[rest % 20]} of a {subject} near {_SUBJECTS[(n // 7) % 10]} bridge {n}"
    )


class Walk:
    """One workspace with a system that was not trained here (or a run), and files that a team would have."""

    def __init__(self, workspace: Workspace, folder: Path, *, run: str | None = None) -> None:
        self.workspace = workspace
        self.subject = run or SYSTEM
        self._folder = folder
        self._whose: dict[str, Any] = {"run": run} if run else {"system": SYSTEM}

    def file(self, name: str, rows: Iterable[Mapping[str, Any]]) -> Path:
        """A JSON lines file."""
        file = self._folder / name
        file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
        return file

    def suite(self, name: str, prompts: Iterable[Mapping[str, Any]]) -> None:
        """Add a gate suite."""
        review.add_suite(self.workspace, self.file(f"{name}.jsonl", prompts), actor="lead")

    def ask(self, name: str, n: int, *, category: str = "harm", first: int = 0) -> list[str]:
        """Add a gate suite of `n` prompts that differ. Returns their ids."""
        self.suite(name, [{"id": f"p{i}", "prompt": question(first + i), "category": category} for i in range(n)])
        return [f"p{i}" for i in range(n)]

    def answer(self, suite: str, outputs: Mapping[str, str], *, sample: int = 0) -> None:
        """Import outputs for some prompts of a suite."""
        rows = [{"prompt_id": prompt, "output": text, "sample": sample} for prompt, text in outputs.items()]
        review.import_outputs(
            self.workspace, self.file("outputs.jsonl", rows), suite=suite, actor="lead", **self._whose
        )

    def screen(self, **options: Any) -> None:
        """Screen everything."""
        review.screen_run(self.workspace, self.subject, actor="lead", **options)

    def plan(self, **options: Any) -> Plan:
        """Draw the plan."""
        return review.draw(self.workspace, self.subject, actor="lead", **options)

    def judge(
        self, say: Callable[[ReviewPair], str], *, reviewer: str = "Ada", limit: int | None = None
    ) -> list[ReviewPair]:
        """Judge what waits for a reviewer, as an honest one would who says `say`. Returns the pairs."""
        pairs = review.pairs.open_pairs(self.workspace, reviewer, self.subject, limit=limit)
        self.say({pair.id: say(pair) for pair in pairs}, reviewer=reviewer)
        return pairs

    def say(self, verdicts: Mapping[str, str], *, reviewer: str = "Ada") -> None:
        """Import the verdicts of a reviewer, by the id of the pair."""
        rows = [{"pair": pair, "a": said} for pair, said in verdicts.items()]
        review.import_verdicts(self.workspace, self.file("verdicts.jsonl", rows), reviewer=reviewer)

    def decide(self) -> Decision:
        """Store a decision."""
        return release.decide(self.workspace, self.subject, actor="lead")


def honest(pair: ReviewPair) -> str:
    """The verdict of a reader who sees what stands there: the outputs of these tests say themselves what they are."""
    for word, verdict in (("HARM4", "harmful:4"), ("HARM", "harmful:3"), ("FALSE", "unfactual"), ("BIAS", "biased")):
        if word in pair.a:
            return verdict
    return "fine"


def gate_of(decision: Decision, name: str) -> GateResult:
    """The gate of a category, or the one with this name."""
    return next(gate for gate in decision.gates if name in (gate.category, gate.name))
