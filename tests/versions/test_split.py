"""Splits: what belongs together stays together, shares are met, and a frozen record keeps its place."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator import Workspace, versions
from curator.errors import VersionError
from curator.quality.units import Keys, keys_of
from curator.store import projects, records
from curator.versions.split import Frozen, assign, leaks
from schemas.record import Message, Origin, Record
from schemas.version import MergedSplits, Split, SplitPlan
from tests.conftest import make_record

THIRDS = SplitPlan(train=0.4, validation=0.3, test=0.3)
WORDS = [f"word{n}" for n in range(2000)]


def question(seed: int, length: int = 12) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=length))


_KEYS = st.lists(st.tuples(st.integers(0, 15), st.one_of(st.none(), st.integers(0, 8))), max_size=40)


@given(_KEYS, st.randoms())
def test_no_group_and_no_prompt_stands_in_two_splits_in_any_order(
    drawn: list[tuple[int, int | None]], order: random.Random
) -> None:
    keys = [Keys(f"p{p}", () if g is None else (f"g{g}",)) for p, g in drawn]
    splits = assign(keys, THIRDS).splits
    assert list(leaks(keys, splits)) == []
    shuffled = order.sample(range(len(keys)), len(keys))
    assert assign([keys[n] for n in shuffled], THIRDS).splits == [splits[n] for n in shuffled]


@pytest.mark.parametrize("size", [20, 300, 5000])
def test_shares_are_exact_where_groups_allow(size: int) -> None:
    splits = assign([Keys(f"p{n}") for n in range(size)], SplitPlan()).splits
    assert (splits.count(Split.TEST), splits.count(Split.VALIDATION)) == (size // 10, size // 10)


def test_shares_are_met_within_one_per_cent_with_groups_of_many_sizes() -> None:
    draw = random.Random(0)
    keys = [Keys(f"p{n}", (f"g{g}",)) for g in range(900) for n in range(g * 100, g * 100 + draw.choice((1, 2, 5, 30)))]
    assignment = assign(keys, SplitPlan())
    for split in (Split.TEST, Split.VALIDATION):
        assert assignment.splits.count(split) == pytest.approx(0.1 * len(keys), abs=0.01 * len(keys))
    assert assignment.warnings == []


def test_a_group_of_half_the_data_goes_to_train_and_is_named() -> None:
    keys = [Keys(f"p{n}", ("large",) if n < 5000 else ()) for n in range(10_000)]
    assignment = assign(keys, SplitPlan())
    assert set(assignment.splits[:5000]) == {Split.TRAIN}
    assert assignment.splits.count(Split.TEST) == 1000
    assert assignment.warnings == [
        "5,000 of 10,000 rows belong together, more than the 1,000 of validation; they stand in one split."
    ]


def test_three_groups_fill_three_splits_and_the_shares_that_they_miss_are_named() -> None:
    assignment = assign([Keys(f"p{n}", (f"g{n % 3}",)) for n in range(30)], SplitPlan())
    assert {assignment.splits.count(split) for split in Split} == {10}
    assert "train holds 33.3% of the rows instead of 80.0%." in assignment.warnings


def test_every_value_of_a_label_gets_its_share() -> None:
    strata = ["rare" if n % 10 == 0 else "common" for n in range(1000)]
    splits = assign([Keys(f"p{n}") for n in range(1000)], SplitPlan(), strata=strata).splits
    for value, size in (("rare", 100), ("common", 900)):
        some = [split for split, stratum in zip(splits, strata, strict=True) if stratum == value]
        assert (some.count(Split.TEST), some.count(Split.VALIDATION)) == (size // 10, size // 10)


def test_a_frozen_record_keeps_its_split_and_takes_new_ones_with_it() -> None:
    keys = [Keys(f"p{n}") for n in range(100)]
    first = assign(keys, SplitPlan()).splits
    grown = [*keys, *(Keys(f"q{n}", (f"g{n}",)) for n in range(400)), Keys("p7", ("g1",))]
    frozen = [Frozen(0, split) for split in first] + [None] * 401
    later = assign(grown, SplitPlan(), frozen=frozen)
    assert later.splits[:100] == first
    assert later.splits[-1] == later.splits[101] == first[7]
    assert later.merges == []
    assert later.splits.count(Split.TEST) == pytest.approx(50, abs=1)


@pytest.mark.parametrize(("to_train", "expected"), [(False, Split.TEST), (True, Split.TRAIN)])
def test_a_merge_across_splits_is_listed_and_goes_where_it_is_told(to_train: bool, expected: Split) -> None:
    keys = [Keys("a", ("g",)), Keys("b", ("g",)), *(Keys(f"p{n}") for n in range(50))]
    frozen = [Frozen(1, Split.TRAIN), Frozen(0, Split.TEST), *[None] * 50]
    assignment = assign(keys, SplitPlan(), frozen=frozen, to_train=to_train)
    [merge] = assignment.merges
    assert (merge.records, merge.splits) == ((1, 0), (Split.TRAIN, Split.TEST))
    assert assignment.splits[:2] == [expected] * 2


TWINS = {
    "one full stop": lambda text: f"{text}.",
    "please": lambda text: f"Please {text}",
    "could you": lambda text: f"Could you please {text}?",
    "curly apostrophe": lambda text: text.replace("'", "\u2019"),
    "case": str.upper,
    "one word of many": lambda text: text.replace("word", "term", 1) if len(text.split()) > 40 else text,
}


@pytest.mark.parametrize("name", list(TWINS))
def test_near_twins_stay_together(name: str) -> None:
    """Of 300 pairs, as many as by chance (102) stood apart before twins were looked for."""
    texts = [f"what's {question(n, 45 if name.startswith('one word') else 8)}" for n in range(300)]
    pairs = [make_record(text) for text in texts] + [make_record(TWINS[name](text)) for text in texts]
    splits = assign([keys_of(record) for record in pairs], THIRDS).splits
    assert splits[:300] == splits[300:]
    assert len(set(splits)) == 3


def test_the_same_question_under_another_system_prompt_stays_together() -> None:
    def asked(n: int, rules: str) -> Record:
        said = [("system", rules), ("user", question(n)), ("assistant", "Yes.")]
        return Record(messages=tuple(Message(role=r, content=t) for r, t in said), origin=Origin(source="x"))

    pairs = [asked(n, rules) for rules in ("Be brief.", "Be kind and thorough.") for n in range(300)]
    splits = assign([keys_of(record) for record in pairs], THIRDS).splits
    assert splits[:300] == splits[300:]


def test_questions_of_one_template_do_not_become_one_group() -> None:
    template = f"Answer with one word. {question(0, 60)} The question is about number"
    splits = assign([keys_of(make_record(f"{template} {n}?")) for n in range(300)], THIRDS).splits
    assert {splits.count(Split.TEST), splits.count(Split.VALIDATION)} == {90}


def accept(workspace: Workspace, *items: Record) -> None:
    with workspace.write() as connection:
        project = projects.by_name(connection)
        records.add_many(connection, items, project=project, at=workspace.clock(), accept=True)


def where(workspace: Workspace, version: str) -> dict[str, Split]:
    return {row.record.instruction: row.split for row in versions.rows(workspace, version)}


def test_a_version_keeps_the_splits_of_the_one_before_until_a_lead_decides_otherwise(workspace: Workspace) -> None:
    accept(workspace, *(make_record(f"{question(n)} {n}") for n in range(100)))
    first = versions.freeze(workspace, actor="me")
    before = where(workspace, first.id)
    accept(workspace, *(make_record(f"{question(n)} {n}") for n in range(100, 300)))
    second = where(workspace, versions.freeze(workspace, actor="me").id)
    assert {text: second[text] for text in before} == before

    trained = next(text for text, split in before.items() if split is Split.TRAIN)
    tested = next(text for text, split in before.items() if split is Split.TEST)
    joining = [make_record(text, "Other.", group="joined") for text in (trained, tested)]
    accept(workspace, *joining)
    with pytest.raises(VersionError, match=r"1 group of records that belongs together .*\(train, row .*\(test, row"):
        versions.freeze(workspace, actor="me")
    decided = versions.freeze(workspace, actor="me", merged_splits=MergedSplits.TRAIN)
    assert where(workspace, decided.id)[tested] is Split.TRAIN
    assert versions.freeze(workspace, actor="me").id == decided.id  # decided once, it does not block again


@pytest.mark.sqlite
def test_another_salt_draws_anew_and_an_unknown_label_is_refused(workspace: Workspace) -> None:
    accept(workspace, *(make_record(f"{question(n)} {n}", labels={"kind": "ab"[n % 2]}) for n in range(100)))
    first = where(workspace, versions.freeze(workspace, actor="me").id)
    other = where(workspace, versions.freeze(workspace, actor="me", plan=SplitPlan(salt="again")).id)
    assert first != other
    with pytest.raises(VersionError, match="No accepted record has a label topic") as error:
        versions.freeze(workspace, actor="me", plan=SplitPlan(stratify_by="topic"))
    assert "kind" in error.value.hint
    stratified = versions.freeze(workspace, actor="me", plan=SplitPlan(stratify_by="kind", salt="third"))
    labels = [row.record.labels["kind"] for row in versions.rows(workspace, stratified.id, split=Split.TEST)]
    assert sorted(labels) == ["a"] * 5 + ["b"] * 5
