"""Near duplicates: every pair above the threshold, none below, in any order, and templates are not twins."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.quality import near_duplicates
from curator.quality.near_duplicates import near_pairs, plain_words


def shingles(text: str, width: int) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[n : n + width]) for n in range(len(words) - width + 1)}


def by_hand(texts: list[str], least: float, width: int) -> set[tuple[int, int]]:
    """All pairs, one by one."""
    found = set()
    for n, one in enumerate(texts):
        for m in range(n + 1, len(texts)):
            a, b = shingles(one, width), shingles(texts[m], width)
            if a and b and len(a & b) / len(a | b) >= least:
                found.add((n, m))
    return found


TEXTS = st.lists(st.lists(st.sampled_from("abcd"), max_size=9).map(" ".join), max_size=12)


@given(TEXTS, st.sampled_from([0.5, 0.8, 1.0]), st.sampled_from([1, 2, 3]))
@settings(max_examples=200)
def test_exactly_the_pairs_above_the_threshold_are_found(texts: list[str], least: float, width: int) -> None:
    pairs = near_pairs(texts, least=least, width=width)
    assert {(pair.first, pair.second) for pair in pairs} == by_hand(texts, least, width)
    assert pairs == sorted(set(pairs))


WORDS = [f"w{n}" for n in range(3000)]


def prose(seed: int, length: int = 40) -> list[str]:
    return random.Random(seed).choices(WORDS, k=length)


def changed(words: list[str], seed: int) -> list[str]:
    place = random.Random(seed).randrange(len(words))
    return [*words[:place], "other", *words[place + 1 :]]


def test_the_order_of_the_texts_changes_nothing() -> None:
    texts = [" ".join(prose(n)) for n in range(200)] + [" ".join(changed(prose(n), n)) for n in range(100)]
    order = random.Random(0).sample(range(300), 300)
    moved = near_pairs([texts[n] for n in order])
    back = {(*sorted((order[pair.first], order[pair.second])), pair.similarity) for pair in moved}
    assert back == {tuple(pair) for pair in near_pairs(texts)}
    assert len(back) == 100


def test_many_texts_are_taken_in_ranges_of_hashes_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [" ".join(prose(n, 12)) for n in range(100)] + [" ".join(prose(n, 12)) + " now" for n in range(0, 100, 3)]
    at_once = near_pairs(texts)
    monkeypatch.setattr(near_duplicates, "_RANGE_BITS", 4)
    assert near_pairs(texts) == at_once
    assert len(at_once) == 34


def test_texts_that_share_a_template_and_ask_something_else_are_not_duplicates() -> None:
    template = " ".join(prose(1, 80))
    texts = [f"{template} name {n} {n + 1} {n + 2}" for n in range(200)]
    assert near_pairs(texts) == []
    twins = near_pairs([*texts, f"{template} name 7 8 9 now", f"{template} name 8 9 10 now"], least=0.6)
    assert {(pair.first, pair.second) for pair in twins} == {(7, 200), (8, 201)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is red?", "What is red"),
        ("What is red?", "Please, what is red?"),
        ("What is red?", "Could you please what is red"),
        ("It's what?", "It\u2019s what?"),
        ("WHAT is\n red", "what is red"),
        ("\ufb01ne", "fine"),
    ],
)
def test_twins_have_the_same_plain_words(one: str, other: str) -> None:
    assert plain_words(one) == plain_words(other)


@pytest.mark.parametrize(
    ("one", "other"), [("3 + 4", "3 - 4"), ("What is red?", "What is blue?"), ("...", "!!!"), ("Please", "Kindly")]
)
def test_other_questions_have_other_plain_words(one: str, other: str) -> None:
    assert plain_words(one) != plain_words(other)
