"""Selection: the ids that the database returns are those of a plain filter over all records."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator import Workspace
from curator.annotate import answers, assignment, queue
from curator.curate.query import parse
from curator.errors import CurationError
from curator.store import annotations, facts, indexing, many, projects, records, selection, tables
from curator.store.records import StoredRecord
from schemas.annotation import Answer, RecordState
from schemas.query import Choice, ChoiceField, RecordQuery, Sort, SortField
from schemas.record import Origin, Record
from tests.conftest import make_record


@pytest.fixture
def varied(workspace: Workspace) -> Workspace:
    """Twelve records: two accepted by Ada, one kept for Ben, lengths counted for all but the last two."""
    with workspace.write() as connection:
        project = projects.by_name(connection)
        added = [make_record(f"Question {n}?", "Long. " * (n % 4)) for n in range(12)]
        ids = records.add_many(connection, added, project=project, at=workspace.clock())
    for rating in (3, 5):
        task = queue.next_task(workspace, "Ada", project_id=1)
        answers.submit(workspace, task.claim, Answer(response="Yes.", rating=rating), annotator="Ada")
    assignment.assign(workspace, [ids[5]], project_id=1, actor="Lea", person="Ben")
    with workspace.write() as connection:
        set_id = facts.asked_id(connection, {"short": "1"})
        counted = [
            facts.Facts(
                each.id, each.text_hash, 2, sum(len(m.content) for m in each.now.messages), len(each.now.response),
                None, None, ("short",) if not each.now.response else (), {},
            )
            for each in records.every(connection, 1)
        ][:10]  # fmt: skip
        facts.store(connection, counted, set_id=set_id, revisions={"short": "1"})
    return workspace


def selected(workspace: Workspace, text: str) -> list[int]:
    """Keys of the records that a query means, after its count was compared with them."""
    query = parse(text)
    with workspace.read() as connection:
        ids = connection.execute(selection.statement(connection, query, 1)).scalars().all()
        assert selection.count(connection, query, 1) == len(ids)
        paged = selection.page(connection, query, 1, limit=100).ids
    keys = sorted(int(each) for each in ids)
    assert [int(each) for each in paged] == keys
    return keys


_SELECTED = [
    ("", list(range(1, 13))),
    ("state:accepted", [1, 2]),
    ("-state:accepted,rejected", list(range(3, 13))),
    ("person:Ada", [1, 2]),
    ("person:none", list(range(3, 13))),
    ("rating:>=4", [2]),
    ("-rating:>=4 person:Ada", [1]),
    ("assigned:Ben", [6]),
    ("assigned:none question", [*range(1, 6), *range(7, 13)]),
    ("id:3,99", [3]),
    ("import:none", list(range(1, 13))),
    ("import:made.jsonl", []),
    ("rule:short", [5, 9]),
    ("response:>=18", [4, 8]),
    ('"question 11" state:waiting', [12]),
    ("nowhere", []),
]


def test_conditions_and_words_select_the_records_that_they_say(varied: Workspace) -> None:
    for text, keys in _SELECTED:
        assert (text, selected(varied, text)) == (text, keys)


def test_pages_follow_each_other_in_any_order_and_turn_back(varied: Workspace) -> None:
    query = parse("-state:rejected")
    for sort in (Sort(by=by, descending=descending) for by in SortField for descending in (False, True)):
        with varied.read() as connection:
            whole = selection.page(connection, query, 1, sort=sort, limit=50)
            assert not whole.more
            turned, after = [], None
            while True:
                page = selection.page(connection, query, 1, sort=sort, after=after, limit=5)
                turned += page.ids
                if not page.more:
                    break
                after = page.cursors[-1]
            assert turned == whole.ids
            back = selection.page(connection, query, 1, sort=sort, before=whole.cursors[7], limit=5)
            assert (back.ids, back.more) == (whole.ids[2:7], True)
            first = selection.page(connection, query, 1, sort=sort, before=whole.cursors[2], limit=5)
            assert (first.ids, first.more) == (whole.ids[:2], False)
    with varied.read() as connection:
        longest = selection.page(connection, query, 1, sort=Sort(by=SortField.RESPONSE_CHARACTERS, descending=True))
    assert {int(each) for each in longest.ids[:2]} == {4, 8}
    assert [int(each) for each in longest.ids[-4:]] == [5, 9, 11, 12]  # empty, then never counted


_TEXTS = ("The SKY is blue", "sky-high ✈ Straße", "Ä und ß", "two\nlines", 'a "quoted" word', "ab")
_SOURCES, _LICENCES, _GROUPS = ("a.jsonl", "b, c.jsonl"), (None, "MIT", "none"), (None, "g1", "g2")
_VALUES = {
    "source": [*_SOURCES, "x", None], "licence": _LICENCES, "language": ["de", "en", None], "group": _GROUPS,
    "label": ["topic=law", "topic", "tone", "topic=", None], "state": ["waiting", "accepted", "rejected"],
    "person": ["Ada", "Ben", None], "id": ["1", "7", "900"],
}  # fmt: skip
_CHOICES = st.sampled_from(sorted(_VALUES)).flatmap(
    lambda field: st.builds(
        Choice,
        field=st.just(ChoiceField(field)),
        values=st.lists(st.sampled_from(_VALUES[field]), min_size=1, max_size=2).map(tuple),
        excluded=st.booleans(),
    )
)
_WORDS = st.sampled_from(["sky", "SKY", "sk", "ß", "straße", "two\nlines", '"quoted"', "edited", "the", "zebra"])
_QUERIES = st.builds(
    RecordQuery,
    conditions=st.lists(_CHOICES, max_size=3).map(tuple),
    words=st.lists(_WORDS, max_size=2).map(tuple),
)


def _varied_record(n: int) -> Record:
    labels = {"topic": "law"} if n % 5 == 0 else {"topic": "", "tone": "dry"} if n % 7 == 0 else {}
    source = Origin(source=_SOURCES[n % 2], line=n)
    added = make_record(f"{_TEXTS[n % len(_TEXTS)]} {n}?", _TEXTS[(n * 5 + 1) % len(_TEXTS)])
    changes = {"licence": _LICENCES[n % 3], "language": ("de", None)[n % 2], "group": _GROUPS[n % 4 % 3]}
    return added.model_copy(update={"origin": source, "labels": labels, **changes})


def _is_meant(query: RecordQuery, stored: StoredRecord, people: dict[str, list[str]]) -> bool:
    """What a query says, in plain Python on one record."""
    said = (stored.now, *stored.now.also)
    traits = {
        "source": {each.origin.source for each in said},
        **{name: {getattr(each, name) for each in said} - {None} for name in ("licence", "language", "group")},
        "label": {f"{name}={value}" for each in said for name, value in each.labels.items()},
        "state": {stored.state.value}, "person": set(people.get(stored.id, ())), "id": {stored.id},
    }  # fmt: skip
    names = {value.partition("=")[0] for value in traits["label"]}
    for each in query.conditions:
        theirs = traits[each.field] | (names if each.field == "label" else set())
        if any(not theirs if value is None else value in theirs for value in each.values) == each.excluded:
            return False
    versions = [each for each in (stored.content, stored.final) if each is not None]
    texts = [message.content.lower() for each in versions for message in each.messages]
    return all(any(word.lower() in text for text in texts) for word in query.words)


def _index(workspace: Workspace, *, limit: int, only_words: bool = False) -> None:
    """One step of the index; without its second half as if the process had been killed between the two."""
    with workspace.read() as connection:
        step = indexing.next_step(connection, 1, limit=limit)
    with workspace.read() as connection:
        indexing.take_in_words(connection, 1, step)
    if not only_words:
        with workspace.write() as connection:
            indexing.take_in(connection, 1, step)


def test_the_ids_are_those_of_a_plain_filter_however_far_the_index_has_come(workspace: Workspace) -> None:
    with workspace.write() as connection:
        project = projects.by_name(connection)
        records.add_many(connection, [_varied_record(n) for n in range(40)], project=project, at=workspace.clock())
    for person in ("Ada", "Ben"):
        task = queue.next_task(workspace, person, project_id=1)
        answers.submit(workspace, task.claim, Answer(response="Edited: the sky.", rating=4), annotator=person)

    def compare() -> None:
        with workspace.read() as connection:
            stored = list(records.every(connection, 1))
            people = annotations.people_of(connection, [each.id for each in stored])

            @given(_QUERIES)
            @settings(max_examples=15, database=None)
            def agree(query: RecordQuery) -> None:
                ids = connection.execute(selection.statement(connection, query, 1)).scalars().all()
                assert sorted(ids) == sorted(each.id for each in stored if _is_meant(query, each, people))

            agree()

    compare()
    _index(workspace, limit=15)
    compare()
    _index(workspace, limit=10, only_words=True)
    with workspace.write() as connection:  # the text and what stands beside it change, and one content comes again
        for stored, text in zip(records.page(connection, 1, limit=3), ("A zebra.", "Edited twice.", None), strict=True):
            final = stored.content.model_copy(update={"licence": "GPL"})
            final = final if text is None else final.with_response(text)
            records.set_state(connection, stored, RecordState.ACCEPTED, final=final)
        said = [{"role": "user", "content": "Masked?"}, {"role": "assistant", "content": "A zebra."}]
        amended = {"messages": said, "licence": None, "group": "g2", "labels": {"topic": None, "tone": "dry"}}
        many.amend(connection, [5, 6, 11, 21], amended)
        again = _varied_record(4).model_copy(update={"origin": Origin(source="x"), "licence": "MIT", "group": "g2"})
        records.add_many(connection, [again], project=projects.by_name(connection), at=workspace.clock())
    compare()
    for _ in range(4):
        _index(workspace, limit=15)
    with workspace.read() as connection:
        assert indexing.reached(connection, 1).is_whole
        assert indexing.count_left(connection, 1) == 0
    compare()


@pytest.mark.sqlite
def test_an_index_of_a_database_that_was_put_back_to_an_earlier_day_is_not_believed(workspace: Workspace) -> None:
    for text in ("the first zebra", "the first lion"):
        with workspace.write() as connection:
            for table in (tables.record_trait, tables.slot, tables.record, tables.indexed):
                connection.execute(table.delete())
            project = projects.by_name(connection)
            records.add_many(connection, [make_record(text)], project=project, at=workspace.clock())
        assert selected(workspace, "zebra") == ([1] if "zebra" in text else [])
        _index(workspace, limit=15)
        assert selected(workspace, "zebra") == ([1] if "zebra" in text else [])
        assert selected(workspace, "lion") == ([1] if "lion" in text else [])


def test_what_was_never_counted_is_an_error_and_not_an_empty_list(stocked: Workspace) -> None:
    asked = (
        "rule:short",
        "-rule:short",
        "tokens:>=3",
        "characters:<9",
        "topic:law",
        "duplicate:both",
        "duplicate:none",
    )
    for text in asked:
        with stocked.read() as connection, pytest.raises(CurationError, match="not been") as refused:
            selection.count(connection, parse(text), 1)
        assert "first" in refused.value.hint, text
