"""Suites: frozen lists of prompts, named by their content."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from curator.access import require
from curator.errors import ReviewError
from curator.quality.contamination import Firewall, GatePrompt
from curator.review.binding import suite_hash
from curator.store import events, projects, records
from curator.store import suites as suite_store
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind
from schemas.review import AddedSuite, Prompt, Suite, SuiteMatch, SuiteSummary

_SHOWN = 20


def add_suite(
    workspace: Workspace,
    file: Path,
    *,
    actor: str,
    name: str | None = None,
    purpose: Literal["gate", "explore"] = "gate",
) -> AddedSuite:
    """Freeze the prompts of a JSON lines file into a suite. Returns it with the records that hold one of its prompts.

    The prompts of a gate suite are refused by import, freeze and feedback from now on, in any wording.

    Raises:
        ReviewError: A line cannot be used, an id or a prompt stands twice, or the name belongs to another suite.
    """
    require(workspace, actor, Right.REVIEW)
    suite = Suite(id="", name=name or file.stem, purpose=purpose, prompts=tuple(_read(file)))
    suite = suite.model_copy(update={"id": suite_hash(suite)})
    with workspace.write() as connection:
        known = {each.name: each for each in suite_store.summaries(connection)}
        if suite.name in known and known[suite.name].id != suite.id:
            raise ReviewError(
                f"There is another suite called {suite.name}.", hint="Choose another name: a suite is never changed."
            )
        suite_store.add(connection, suite, at=workspace.clock())
        [summary] = [each for each in suite_store.summaries(connection) if each.id == suite.id]
        detail = {"name": summary.name, "prompts": len(suite.prompts), "purpose": purpose}
        events.append(connection, Kind.SUITE, suite.id, actor=actor, at=workspace.clock(), detail=detail)
    matches = _matches(workspace, suite)
    return AddedSuite(**summary.model_dump(), matching_records=len(matches), matches=tuple(matches[:_SHOWN]))


def _matches(workspace: Workspace, suite: Suite) -> list[SuiteMatch]:
    """Every record that the firewall would stop for this suite, as it came in or as it was edited."""
    firewall = Firewall(
        GatePrompt(suite.name, prompt.id, prompt.prompt, prompt.right_answers) for prompt in suite.prompts
    )
    matches = []
    with workspace.read() as connection:
        for project in projects.all_projects(connection):
            for stored in records.every(connection, project.id):
                match = firewall.match_record(stored.final or stored.content)
                if match is not None:
                    matches.append(SuiteMatch(record=stored.id, prompt=match.id, is_answer=match.is_answer))
    return matches


def list_suites(workspace: Workspace) -> list[SuiteSummary]:
    """All suites, oldest first."""
    with workspace.read() as connection:
        return suite_store.summaries(connection)


def _read(file: Path) -> list[Prompt]:
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise ReviewError(f"{file} cannot be read: {error.strerror}.", hint="Check the path.") from error
    prompts: list[Prompt] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            prompts.append(Prompt.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the line"
            raise ReviewError(
                f"Line {number} of {file.name}: {place}: {first['msg']}.",
                hint="A line is an object with id, prompt and optionally system, category, hazard, reference, "
                "references, incorrect, swap, task.",
            ) from error
    if not prompts:
        raise ReviewError(f"{file.name} holds no prompt.", hint="Write one JSON object per line.")
    for what, counts in (("id", Counter(p.id for p in prompts)), ("prompt", Counter(p.prompt for p in prompts))):
        value, times = counts.most_common(1)[0]
        if times > 1:
            raise ReviewError(f"The {what} {value!r} stands {times} times in {file.name}.", hint="Keep one of them.")
    swaps = Counter(prompt.swap for prompt in prompts if prompt.swap is not None)
    for swap, times in sorted(swaps.items()):
        if times != 2:
            raise ReviewError(
                f"The swap {swap!r} stands beside {times} prompts in {file.name}; it joins two.",
                hint="Give it to the two prompts that differ in one group of people.",
            )
    return prompts
