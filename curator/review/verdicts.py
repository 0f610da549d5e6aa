"""Verdicts: what a reviewer says about both sides of a pair, stored together or not at all."""

from __future__ import annotations

from typing import Literal

from curator.access import require
from curator.errors import ReviewError
from curator.store import events, findings, outputs, projects
from curator.store import verdicts as register
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind, of_output
from schemas.review import Finding, Judgement, Output, ReviewPair, Verdict


def give(workspace: Workspace, pair: ReviewPair, *, a: Judgement, b: Judgement, reviewer: str) -> int:
    """Store a reviewer's verdicts on both sides of a pair; returns how many are new.

    The same verdicts given again store nothing; changed ones replace the reviewer's older ones, which are kept.

    Raises:
        ReviewError: The two outputs do not belong together.
    """
    require(workspace, reviewer, Right.REVIEW)
    if (pair.a.run_id, pair.a.prompt.id) != (pair.b.run_id, pair.b.prompt.id) or pair.a.model == pair.b.model:
        raise ReviewError("The outputs are no pair of base and tuned.", hint="Reload the page.")
    new = 0
    with workspace.write() as connection:
        now = workspace.clock()
        projects.ensure_person(connection, reviewer, at=now)
        sides: tuple[tuple[Output, Judgement, Literal["A", "B"]], ...] = ((pair.a, a, "A"), (pair.b, b, "B"))
        for output, judgement, side in sorted(sides, key=lambda each: each[0].id):  # others may have the sides changed
            outputs.get(connection, output.id)
            if register.give(connection, output.id, judgement, reviewer=reviewer, shown_as=side, at=now):
                new += 1
                detail = {"run": output.run_id, "model": output.model, "judgement": judgement.model_dump(mode="json")}
                events.append(connection, Kind.VERDICT, of_output(output.id), actor=reviewer, at=now, detail=detail)
    return new


def recent(workspace: Workspace, run_id: str, *, limit: int) -> list[tuple[Output, Verdict, list[Finding]]]:
    """The newest standing verdicts of a run, newest first, each with its output and findings."""
    with workspace.read() as connection:
        given = [verdict for each in register.of_run(connection, run_id).values() for verdict in each]
        newest = sorted(given, key=lambda verdict: verdict.id, reverse=True)[:limit]
        found = findings.of_run(connection, run_id)
        return [
            (outputs.get(connection, verdict.output_id), verdict, found.get(verdict.output_id, []))
            for verdict in newest
        ]
