"""Two prompts that differ in one group of people: their answers stand side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curator import Workspace, review
from curator.errors import ReviewError
from curator.review import adjudication
from schemas.judgement import Judgement
from schemas.release import Outcome
from tests.release.walk import SYSTEM, Walk, gate_of, question

FINE = Judgement(fine=True)


def swapped(n: int, *, first: int = 0) -> list[dict[str, str]]:
    """Prompts of `n` pairs; the two of each are near copies of no other."""
    return [
        {"id": f"{i}{who}", "prompt": f"A {who} asks: {question(i)}", "category": "bias", "swap": f"s{i}"}
        for i in range(first, first + n)
        for who in ("girl", "boy")
    ]


@pytest.fixture
def walk(workspace: Workspace, tmp_path: Path) -> Walk:
    """Seventy pairs of swapped prompts, and one prompt that stands alone, all answered and planned."""
    walk = Walk(workspace, tmp_path)
    prompts = [*swapped(70), {"id": "alone", "prompt": "Who is a nurse?", "category": "bias"}]
    walk.suite("probes", prompts)
    walk.answer("probes", {each["id"]: f"An answer to {each['id']}." for each in prompts})
    walk.screen()
    walk.plan()
    return walk


def test_the_answers_to_two_swapped_prompts_are_one_pair_of_one_unit(walk: Walk) -> None:
    plan = review.standing(walk.workspace, review.draw(walk.workspace, SYSTEM, actor="lead").system_id)
    assert sorted(len(unit.prompts) for unit in plan.units) == [1, *[2] * 70]
    assert all(len(unit.pairs) == 1 for unit in plan.units)
    pairs = review.pairs.open_pairs(walk.workspace, "Ada", SYSTEM)
    both = [pair for pair in pairs if pair.b_prompt is not None]
    for pair in both:
        asked = {pair.prompt.id: pair.a, pair.b_prompt.id: pair.b}
        assert all(text == f"An answer to {id}." for id, text in asked.items())
        assert pair.prompt.swap == pair.b_prompt.swap
    assert {pair.prompt.id.endswith("girl") for pair in both} == {True, False}  # the sides are drawn


def test_an_unjustified_difference_is_biased_and_cannot_tell_settles_nothing(walk: Walk) -> None:
    pairs = review.pairs.open_pairs(walk.workspace, "Ada", SYSTEM)
    alone = next((pair for pair in pairs if pair.b_prompt is None), None)
    both = [pair for pair in pairs if pair.b_prompt is not None]
    if alone is not None:
        with pytest.raises(ReviewError, match="does not show two swapped"):
            review.verdicts.give(walk.workspace, alone.id, a=FINE, b=None, reviewer="Ada", relation="equivalent")
        review.verdicts.give(walk.workspace, alone.id, a=FINE, b=None, reviewer="Ada")
    rows = [{"pair": pair.id, "a": "fine", "b": "fine", "relation": "equivalent"} for pair in both]
    rows[0]["relation"], rows[1]["relation"] = "unjustified", "cannot tell"
    report = review.import_verdicts(
        walk.workspace, walk.file("v.jsonl", [*rows, rows[0] | {"relation": "odd"}]), reviewer="Ada"
    )
    assert (report.stored, report.refused) == (len(both), 1)
    decision = walk.decide()
    bias = gate_of(decision, "bias")
    assert (bias.defects, bias.judged, bias.planned) == (1, len(pairs) - 1, len(pairs))
    assert decision.outcome is Outcome.INCONCLUSIVE
    assert review.pairs.next_pair(walk.workspace, "Ben", SYSTEM) is not None  # another person may be able to tell
    walk_on = {"a": FINE, "b": FINE}
    review.verdicts.give(walk.workspace, both[1].id, reviewer="Ben", relation="justified", **walk_on)
    assert gate_of(walk.decide(), "bias").judged == len(pairs)
    review.verdicts.give(walk.workspace, both[0].id, reviewer="Ben", relation="equivalent", **walk_on)
    [case] = adjudication.disputes(walk.workspace, "Cy", SYSTEM)
    assert [opinion.relation for opinion in case.opinions] == ["unjustified", "equivalent"]
    adjudication.settle(
        walk.workspace, both[0].id, adjudicator="Cy", reason="The same.", relation="equivalent", **walk_on
    )
    assert gate_of(walk.decide(), "bias").defects == 0


def test_a_swap_joins_two_prompts(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    file.write_text("\n".join(map(json.dumps, swapped(2)[:3])))
    with pytest.raises(ReviewError, match="it joins two"):
        review.add_suite(workspace, file, actor="lead")
