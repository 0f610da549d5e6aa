"""Evaluation items in training texts: found in the middle and with a word changed, told apart by their numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curator.quality.leaks import find_leaks, items_of
from curator.quality.words import texts_of

ITEMS = [
    "A farmer has 17 hens and buys 25 more on the market in the next town. How many hens does he have in all?",
    "Which metal is liquid at room temperature and was once used in thermometers for children?",
    "Name a tool.",
]


def held(asked: str, answered: str = "Some answer.") -> tuple[int, float]:
    leaks = find_leaks(items_of(ITEMS), texts_of([asked], [answered]))
    return int(leaks.item[0]), float(leaks.share[0])


@pytest.mark.parametrize(
    ("text", "item"),
    [
        (ITEMS[0], 0),
        (ITEMS[1].upper(), 1),
        (f"Please help me with my homework. {ITEMS[1]} Thanks a lot, and have a nice day.", 1),
        (ITEMS[0].replace("hens does", "chickens does"), 0),
        (ITEMS[1].replace("?", "\uff1f"), 1),
        (ITEMS[0].replace("25", "26"), -1),
        ("Which metal is used in cables, and which one at room temperature in a thermometer?", -1),
        ("name a TOOL", 2),
        ("Name a tool that a joiner uses.", -1),
        ("", -1),
    ],
)
def test_an_item_is_found_in_its_words_and_not_in_others(text: str, item: int) -> None:
    assert held(text)[0] == item
    assert held("Something else is asked here.", text)[0] == item  # in the response too


def test_how_much_of_the_item_is_there_is_told() -> None:
    assert held(ITEMS[1])[1] == 1
    assert 0.8 <= held(ITEMS[0].replace("hens does", "chickens does"))[1] < 1


def test_threads_change_nothing_and_no_item_finds_nothing() -> None:
    texts = texts_of([ITEMS[n % 3] if n % 7 == 0 else f"text {n} of many" for n in range(20_000)])
    one, four = find_leaks(items_of(ITEMS), texts), find_leaks(items_of(ITEMS), texts, threads=4)
    assert one.item.tolist() == four.item.tolist() and (one.item >= 0).sum() == 2_858
    assert (find_leaks(items_of([]), texts).item == -1).all()
    assert (find_leaks(items_of(["", "..."]), texts).item == -1).all()


def test_items_of_public_data_are_found_among_their_like(shared_data: Path) -> None:
    """Every tenth question is an evaluation item: each is found, and at most 1 % of the others are said to be one."""
    lines = (shared_data / "gsm8k_train.jsonl").read_text(encoding="utf-8").splitlines()
    questions = list(dict.fromkeys(json.loads(line)["question"] for line in lines))
    leaks = find_leaks(items_of(questions[::10]), texts_of(questions))
    assert leaks.item[::10].tolist() == list(range(len(questions[::10])))
    assert (leaks.item >= 0).sum() - len(questions[::10]) <= 0.01 * len(questions)
