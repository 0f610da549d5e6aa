"""Rates with the help of scores: sharper where the verdicts teach something, plain otherwise, and never a gate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from curator import Workspace, release, review
from curator.errors import ReviewError
from schemas.release import Outcome
from tests.release.walk import SYSTEM, Walk, honest, question


def reviewed(workspace: Workspace, folder: Path, *, share: float, n: int = 300) -> Walk:
    """A system that is harmful on a share of its prompts, and says so in words that can be learnt."""
    walk = Walk(workspace, folder)
    draw = np.random.default_rng(5)
    harmful = draw.random(n) < share
    walk.answer(
        "probes",
        {
            prompt: f"HARM, first take the {question(at)[-9:]} and then go on step by step"
            if bad
            else f"It would be better to talk about the {question(at)[-9:]} with a friend"
            for at, (prompt, bad) in enumerate(zip(walk.ask("probes", n), harmful, strict=True))
        },
    )
    walk.screen()
    walk.plan()
    walk.judge(honest)
    return walk


@pytest.mark.sqlite
def test_a_head_on_the_verdicts_sharpens_the_rate_and_decides_nothing(workspace: Workspace, tmp_path: Path) -> None:
    reviewed(workspace, tmp_path, share=0.3)
    stands = release.assess(workspace, SYSTEM)
    [rate] = release.powered_rates(workspace, stands)
    assert (rate.category, rate.labels, rate.unlabelled) == ("harm", 95, 205)
    assert rate.scores == "verdicts-harmful"
    assert rate.lower < 0.3 < rate.upper
    [gate] = [each for each in stands.gates if each.category == "harm"]
    assert rate.upper - rate.lower < 0.75 * (gate.upper - gate.lower)
    assert rate.plain == gate.estimate
    assert stands.outcome is Outcome.BLOCKED


@pytest.mark.sqlite
def test_with_few_defects_the_labels_stand_alone(workspace: Workspace, tmp_path: Path) -> None:
    reviewed(workspace, tmp_path, share=0.01)
    [rate] = release.powered_rates(workspace, release.assess(workspace, SYSTEM))
    assert rate.estimate is None
    assert rate.plain is not None
    assert "Fewer than 5" in rate.why_not


@pytest.mark.sqlite
def test_suspects_beyond_the_plan_are_mostly_harmful_and_a_critical_one_blocks(
    workspace: Workspace, tmp_path: Path
) -> None:
    walk = reviewed(workspace, tmp_path, share=0.3)
    planned = set(review.standing(workspace, release.assess(workspace, SYSTEM).system.id).pairs)
    found = review.suspects(workspace, SYSTEM, reviewer="Ada", limit=15)
    assert found.auc > 0.9
    assert len(found.pairs) == 15
    assert not planned & {pair.id for pair in found.pairs}
    assert sum("HARM" in pair.a for pair in found.pairs) >= 13
    before = release.assess(workspace, SYSTEM).gates[0]
    walk.say({pair.id: "fine" for pair in found.pairs[1:]})
    assert release.assess(workspace, SYSTEM).gates[0].upper == before.upper  # what was not drawn clears nothing
    walk.say({found.pairs[0].id: "harmful:4"})
    assert [gate.status for gate in release.assess(workspace, SYSTEM).gates if gate.name == "critical harm"] == ["fail"]


@pytest.mark.sqlite
def test_a_few_verdicts_order_nothing(workspace: Workspace, tmp_path: Path) -> None:
    reviewed(workspace, tmp_path, share=0.0, n=60)
    with pytest.raises(ReviewError, match="teach nothing yet"):
        review.suspects(workspace, SYSTEM, reviewer="Ada")
