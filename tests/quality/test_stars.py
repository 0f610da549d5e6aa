"""Near duplicates: what is found, what is left alone, and that neither order nor threads matter."""

from __future__ import annotations

import random

import numpy as np
import pytest
from numpy.typing import NDArray

from curator.quality.sketches import first_places, text_hashes
from curator.quality.stars import Stars, find_stars, similarities
from curator.quality.words import texts_of, words_of

Pair = tuple[str, str]
ADVICE = "Read the question again, name what is known, write one step on each line, and check the result at the end. "


def stars(pairs: list[Pair], *, threads: int = 1, rank: NDArray[np.int64] | None = None) -> Stars:
    texts = texts_of(*(list(side) for side in zip(*pairs, strict=True)))
    return find_stars([texts], rank=np.arange(len(pairs)) if rank is None else rank, threads=threads)


def kept(pairs: list[Pair]) -> list[int]:
    return stars(pairs).kept.tolist()


def planted(count: int, seed: int = 0) -> tuple[list[Pair], list[tuple[int, int, float]]]:
    """Pairs of random words, and which of them are edited copies: place, place of the first, Jaccard index."""
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(5_000)]
    pairs, copies = [], []
    for _ in range(count):
        pairs.append((" ".join(draw.choices(words, k=15)), " ".join(draw.choices(words, k=80))))
    for n in range(0, count, 2):
        answer = pairs[n][1].split()
        for _ in range(draw.randint(1, 3)):
            answer[draw.randrange(len(answer))] = draw.choice(words)
        copies.append((len(pairs), n, jaccard(pairs[n], (pairs[n][0], " ".join(answer)))))
        pairs.append((pairs[n][0], " ".join(answer)))
    return pairs, copies


def shingles(pair: Pair) -> set[tuple[str, ...]]:
    return {tuple(side.split()[n : n + 3]) for side in pair for n in range(len(side.split()) - 2)}


def jaccard(one: Pair, other: Pair) -> float:
    return len(shingles(one) & shingles(other)) / len(shingles(one) | shingles(other))


def test_edited_copies_are_found_with_their_exact_similarity() -> None:
    pairs, copies = planted(600)
    result = stars(pairs)
    near = [(place, first, similarity) for place, first, similarity in copies if similarity >= 0.8]
    found = [place for place, first, _ in near if result.kept[place] == first]
    assert len(found) >= 0.95 * len(near) > 200
    for place, first, similarity in near:
        if result.kept[place] == first:
            assert result.similarity[place] == pytest.approx(similarity)
    alone = set(range(len(pairs))) - {place for place, *_ in copies}
    assert all(result.kept[place] == place for place in alone)


def test_neither_threads_nor_the_order_of_texts_change_a_star() -> None:
    pairs, _ = planted(500)
    first = stars(pairs)
    assert stars(pairs, threads=4).kept.tolist() == first.kept.tolist()
    order = np.random.default_rng(1).permutation(len(pairs))
    moved = stars([pairs[n] for n in order], rank=order)
    assert order[moved.kept].tolist() == first.kept[order].tolist()


def test_texts_in_batches_are_one_set() -> None:
    pairs, _ = planted(60)
    halves = [texts_of(*(list(side) for side in zip(*some, strict=True))) for some in (pairs[:40], pairs[40:])]
    assert find_stars(halves, rank=np.arange(len(pairs))).kept.tolist() == kept(pairs)


@pytest.mark.parametrize(
    ("question", "answer", "slots"),
    [
        ("A shop sells {} apples. How many does it sell in two days?", ADVICE + "It sells {} apples a day.", "numbers"),
        ("Write a letter to {} and thank them for the gift, please.", "Dear {}, thank you! " + ADVICE, "names"),
        ("Write a function called {}_total that adds up numbers.", ADVICE + "def {}_total(numbers): ...", "code"),
        ("explain the word {} to a pupil of ten years, in two sentences", ADVICE + "say {} slowly.", "words"),
    ],
)
@pytest.mark.parametrize("count", [2, 3, 40])
def test_what_a_template_makes_is_not_the_same(question: str, answer: str, slots: str, count: int) -> None:
    values = {
        "numbers": [str(n + 3) for n in range(count)],
        "names": ["".join(random.Random(n).choices("abcdefgh", k=7)).title() for n in range(count)],
        "code": ["".join(random.Random(n).choices("abcdefgh", k=7)) for n in range(count)],
        "words": ["".join(random.Random(n).choices("abcdefgh", k=7)) for n in range(count)],
    }[slots]
    pairs = [(question.format(value), answer.format(value)) for value in values]
    assert kept(pairs) == list(range(count))


def test_a_copy_of_one_row_of_a_template_is_found_among_all_others() -> None:
    values = ["".join(random.Random(n).choices("abcdefgh", k=7)) for n in range(30)]
    pairs = [(f"explain the word {value} to a pupil", f"{ADVICE}{ADVICE} say {value} slowly") for value in values]
    pairs.append((pairs[7][0], pairs[7][1] + " and clearly"))
    assert kept(pairs) == [*range(30), 7]


def test_relatives_that_are_no_duplicates_show_where_a_template_has_its_slots() -> None:
    people = ["grandson", "granddaughter", "nephew", "niece", "uncle", "aunt"]
    place = "at the station while both of them tried to book a cab for the way home"
    pairs = [
        (
            f"I saw a {one} talk to a {other} {place} and a {third} too. Who was not at ease with the phone?",
            "The first.",
        )
        for one in people[:3]
        for other in people[2:5]
        for third in people[3:]
    ]
    assert kept(pairs) == list(range(len(pairs)))


def test_signs_that_calculate_tell_texts_apart() -> None:
    assert kept([(f"What is 12 {sign} 4? {ADVICE}", ADVICE) for sign in "+-/"]) == [0, 1, 2]
    assert kept([("Is a < b here?", ADVICE), ("Is a > b here?", ADVICE)]) == [0, 1]


def test_a_chain_of_small_steps_does_not_join_its_ends() -> None:
    words = ["".join(random.Random(n).choices("abcdefghij", k=7)) for n in range(300)]
    chain = [("the same question", " ".join(words[n * 4 : n * 4 + 100])) for n in range(40)]
    for n, centre in enumerate(kept(chain)):
        assert jaccard(chain[n], chain[centre]) >= 0.8


def test_case_width_accents_and_punctuation_do_not_matter() -> None:
    assert kept([("What\u2019s a r\u00e9sum\u00e9, please?", "A LIST."), ("whats a resume please", "a list")]) == [0, 0]
    assert kept([("\uff37\uff28\uff21\uff34 is red", "x"), ("what is red", "x")]) == [0, 0]


def test_scripts_without_blanks_are_compared_by_character() -> None:
    chinese = (
        "\u4eca\u5929\u5929\u6c14\u5f88\u597d\u6211\u4eec\u53bb\u516c\u56ed\u6563"
        "\u6b65\u5427\u56e0\u4e3a\u9633\u5149\u660e\u5a9a"
    )
    other = "\u660e\u5929\u4f60\u8981\u53bb\u4ec0\u4e48\u5730\u65b9\u5403\u996d\u5462\u8bf7\u544a\u8bc9\u6211"
    assert kept([(chinese, "x"), (chinese + "\u3002\u5440", "x"), (other, "x")]) == [0, 0, 2]


def test_empty_texts_and_punctuation_alone_are_like_nothing() -> None:
    assert kept([("", ""), ("", ""), ("...", "!!"), ("a", ""), ("", "a"), ("a", "")]) == [0, 1, 2, 3, 4, 3]


def test_twenty_thousand_copies_of_one_text_are_one_star() -> None:
    draw = random.Random(5)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(60)]
    pairs = []
    for _ in range(20_000):
        answer = list(words)
        answer[draw.randrange(len(answer))] = draw.choice(words)
        pairs.append(("what is asked of every one of these rows", " ".join(answer)))
    result = stars(pairs)  # comparing all pairs would take hours
    assert np.mean(result.kept != np.arange(len(pairs))) > 0.98


def test_one_long_text_among_short_ones() -> None:
    long = " ".join(f"w{n % 9_973}x" for n in range(400_000))
    assert kept([("q", long), ("q", "short"), ("q", long + " end")]) == [0, 1, 0]


def test_equal_texts_have_equal_hashes_and_others_do_not() -> None:
    texts = texts_of(["A  b", " a B ", "ab", "a b"], ["c", "c", "c", "d"])
    assert first_places(text_hashes(texts)).tolist() == [0, 0, 2, 3]
    assert first_places(text_hashes(texts, threads=2)).tolist() == [0, 0, 2, 3]
    moved = texts_of(["a b", "a"], ["c", "b c"])
    assert first_places(text_hashes(moved)).tolist() == [0, 1]


def test_similarity_of_two_texts_is_their_jaccard_index() -> None:
    one, other = ("a b c d e f", "x y z"), ("a b c d e g", "x y z")
    words = words_of(texts_of([one[0], other[0]], [one[1], other[1]]))
    assert similarities(words, np.array([0]), np.array([1]))[0] == pytest.approx(jaccard(one, other))
