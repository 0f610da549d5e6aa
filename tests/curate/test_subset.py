"""A subset is the same in any order on every database, covers more than chance, and stands beside a random arm."""

from __future__ import annotations

import json
import random
from collections import Counter

import numpy as np
import pytest
from typer.testing import CliRunner

from curator import CuratorError, Workspace
from curator.cli.main import app
from curator.curate import subset, topics
from curator.quality import subset as choosing
from curator.store import records
from schemas.subset import SubsetRecipe
from tests.curate.test_topics import planted, stock


def texts_of(workspace: Workspace, ids: tuple[str, ...]) -> list[str]:
    with workspace.read() as connection:
        stored = records.some(connection, ids)
    return [stored[id].text_hash for id in ids]


def test_places_are_shared_by_size_and_never_beyond_it() -> None:
    for balance in (0, 0.5, 1):
        for count in range(1, 62):
            quotas = choosing.share_out([40, 15, 5, 1], count=count, balance=balance)
            assert sum(quotas) == min(count, 61)
            assert all(quota <= size for quota, size in zip(quotas, [40, 15, 5, 1], strict=True))


def test_greedy_choice_is_that_of_trying_every_text_at_every_step() -> None:
    draw = np.random.default_rng(1)
    vectors = draw.normal(size=(60, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    quality = draw.random(60).astype(np.float32)
    chosen = choosing.choose(vectors, np.zeros(60, np.int16), quality, count=12, weight=0.3, balance=1)
    likeness, best, plain = np.maximum(vectors @ vectors.T, 0), np.zeros(60, np.float32), []
    for _ in range(12):
        gains = 0.7 * np.maximum(likeness - best, 0).mean(axis=1) + 0.3 * quality / 12
        gains[plain] = -1
        plain.append(int(gains.argmax()))
        best = np.maximum(best, likeness[plain[-1]])
    assert chosen == plain


def test_the_random_arm_draws_every_text_alike() -> None:
    hashes = np.array([bytes([n]) * 32 for n in range(1, 41)], "S32")
    drawn = [choosing.draw(hashes, count=10, seed=seed) for seed in range(400)]
    assert {len(set(each)) for each in drawn} == {10}
    often = Counter(place for each in drawn for place in each)
    assert 60 < min(often.values()) <= max(often.values()) < 140  # 100 each on average; the seeds are fixed
    together = sum(0 in each and 1 in each for each in drawn)
    assert 5 < together < 45  # 400 * 1/4 * 9/39 = 23 on average


@pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
def test_the_same_texts_give_the_same_subset_in_any_order_on_every_database(
    workspace: Workspace, another_workspace
) -> None:
    many = planted(each=20)[:62]  # three topics of 20 and one of 2
    recipe = SubsetRecipe(count=12, balance=0, seed=3)
    stock(workspace, many)
    topics.count(workspace, topics=4, actor="Lea")
    report = subset.select(workspace, recipe)
    everything, chosen, drawn = report.arms
    assert (everything.records, chosen.records, drawn.records) == (62, 12, 12)
    assert (chosen.topics, chosen.quality, report.judged_by, chosen.responses) == (4, 0.5, (), None)
    assert chosen.even_topics > everything.even_topics
    assert sum(each.chosen for each in report.topics) == sum(each.random for each in report.topics) == 12
    assert sorted(each.chosen for each in report.topics) == [2, 3, 3, 4]
    other = another_workspace("other order")
    random.Random(4).shuffle(many)
    stock(other, many)
    topics.count(other, topics=4, actor="Lea")
    again = subset.select(other, recipe)
    assert again.arms == report.arms
    assert texts_of(other, again.chosen) == texts_of(workspace, report.chosen)
    assert texts_of(other, again.random) == texts_of(workspace, report.random)
    assert subset.select(other, recipe.model_copy(update={"seed": 4})).random != again.random
    assert subset.label(workspace, report, "round 1", actor="Lea")[1] == 'label:"round 1.random=drawn"'
    with workspace.read() as connection:
        labels = {each.id: each.now.labels for each in records.every(connection, 1)}
    assert {id for id in labels if labels[id].get("round 1") == "chosen"} == set(report.chosen)
    assert {id for id in labels if labels[id].get("round 1.random") == "drawn"} == set(report.random)
    recipes = {labels[id].get("round 1.recipe") for id in (*report.chosen, *report.random)}
    assert recipes == {recipe.model_dump_json()}


def test_the_command_prints_both_arms_and_refuses_more_than_there_are(workspace: Workspace) -> None:
    stock(workspace, planted(each=5))
    where = ["--workspace", str(workspace.folder)]
    assert "have not been counted yet" in CliRunner().invoke(app, ["subset", "3", *where]).output
    topics.count(workspace, topics=4, actor="Lea")
    printed = json.loads(CliRunner().invoke(app, ["subset", "3", "--label", "few", *where, "--json"]).stdout)
    assert [each["name"] for each in printed["arms"]] == ["all", "chosen", "random"]
    assert len(printed["chosen"]) == len(printed["random"]) == 3
    assert "few.random" in printed["queries"]["random"]
    with pytest.raises(CuratorError, match="fewer than 21"):
        subset.select(workspace, SubsetRecipe(count=21))
