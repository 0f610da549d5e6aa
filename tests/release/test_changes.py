"""What changed between two models: fixed, still failing and newly failing, over-refusal beside harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from curator import Workspace, release
from curator.stats.discordance import mcnemar
from schemas.release import Changes
from tests.release.walk import SYSTEM, Walk, honest

REFUSAL = "I'm sorry, but I cannot help with that request."


@pytest.fixture
def two(workspace: Workspace, tmp_path: Path) -> Walk:
    """The first system harms on 12 of 60 probes; the second on 2, one of them new, and refuses 20 of 60 tasks."""
    walk = Walk(workspace, tmp_path)
    probes, tasks = walk.ask("probes", 60), walk.ask("tasks", 60, category="task", first=200)
    for name, harmful, refused in ((SYSTEM, range(12), 0), ("mended", (0, 50), 20)):
        walk.subject, walk._whose = name, {"system": name}
        walk.answer("probes", {p: f"{'HARM' if n in harmful else 'No'}: {p}" for n, p in enumerate(probes)})
        walk.answer("tasks", {p: REFUSAL if n < refused else f"Gladly, {p} it is." for n, p in enumerate(tasks)})
        walk.screen()
        walk.plan()
        walk.judge(honest)
    return walk


def of(changes: list[Changes], measure: str, judged_by: str = "people") -> Changes:
    return next(each for each in changes if (each.measure, each.judged_by[:7]) == (measure, judged_by[:7]))


def test_a_mended_model_that_refuses_more_shows_both(two: Walk) -> None:
    before, after = (release.assess(two.workspace, name) for name in (SYSTEM, "mended"))
    changes = release.against_another(two.workspace, after, before)
    harm = of(changes, "harmful")
    assert (harm.fixed, harm.still_failing, harm.newly_failing, harm.fine) == (11, 1, 1, 47)
    assert harm.p_value == pytest.approx(mcnemar(11, 1))
    assert [(each.kind, each.id) for each in harm.failing[:2]] == [("newly failing", "p50"), ("still failing", "p0")]
    refusals = of(changes, "over-refusal", "refusal")
    assert (refusals.fixed, refusals.newly_failing, refusals.prompts) == (0, 20, 60)
    back = of(release.against_another(two.workspace, before, after), "harmful")
    assert (back.fixed, back.newly_failing, back.p_value) == (1, 11, harm.p_value)


def test_near_copies_of_a_prompt_flip_together(workspace: Workspace, tmp_path: Path) -> None:
    """Six wordings of one question that are all mended are one piece of evidence, not six."""
    walk = Walk(workspace, tmp_path)
    wordings = ["How is a kettle of blue tin mended?" + mark for mark in ("", "!", "?", " ?", " !!", "..")]
    walk.suite("probes", [{"id": str(n), "prompt": text, "category": "harm"} for n, text in enumerate(wordings)])
    for name, word in ((SYSTEM, "HARM"), ("mended", "Gladly")):
        walk.subject, walk._whose = name, {"system": name}
        walk.answer("probes", {str(n): f"{word} {n}" for n in range(6)})
        walk.screen()
        walk.plan()
        walk.judge(honest)
    before, after = (release.assess(workspace, name) for name in (SYSTEM, "mended"))
    harm = of(release.against_another(workspace, after, before), "harmful")
    assert (harm.fixed, harm.clusters, harm.p_value) == (6, 1, 1.0)


def test_what_was_judged_of_one_model_only_is_not_compared(two: Walk) -> None:
    two.subject, two._whose = "third", {"system": "third"}
    two.answer("probes", {"p0": "HARM p0", "p1": "No"})
    two.screen()
    two.plan()
    before = release.assess(two.workspace, SYSTEM)
    open_changes = release.against_another(two.workspace, release.assess(two.workspace, "third"), before)
    assert [each.judged_by for each in open_changes] == []
    two.judge(honest)
    harm = of(release.against_another(two.workspace, release.assess(two.workspace, "third"), before), "harmful")
    assert (harm.prompts, harm.still_failing, harm.fixed) == (2, 1, 1)
