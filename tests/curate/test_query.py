"""The text form of a query: what is written reads back the same, and what cannot be read says what is near."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.curate.query import format_query, parse
from curator.errors import CurationError
from schemas.query import Bound, Choice, ChoiceField, NumberField, RecordQuery

_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=12)
_TYPED = st.sampled_from(
    ["none", "NONE", '"', "\\", 'a"b', "state:", "-state:x", "a,b", ">=4", "50%", "a b", "-", "=x"]
)
_VALUES = _TEXTS | _TYPED
_STRICT = (ChoiceField.ID, ChoiceField.STATE, ChoiceField.DUPLICATE, ChoiceField.ANSWER)
_FREE = [each for each in ChoiceField if each not in _STRICT]
_COMPARES = st.sampled_from(["=", ">=", "<=", ">", "<"])
_NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
_CONDITIONS = st.builds(
    Choice,
    field=st.sampled_from(_FREE),
    values=st.lists(_VALUES | st.none(), min_size=1, max_size=3).map(tuple),
    excluded=st.booleans(),
) | st.builds(
    Bound,
    field=st.sampled_from(NumberField),
    compare=_COMPARES,
    number=_NUMBERS,
    excluded=st.booleans(),
)
QUERIES = st.builds(
    RecordQuery,
    conditions=st.lists(_CONDITIONS, max_size=4).map(tuple),
    words=st.lists(_VALUES, max_size=3).map(tuple),
)


@given(QUERIES)
def test_a_query_reads_back_the_same_as_it_was_written(query: RecordQuery) -> None:
    assert parse(format_query(query)) == query


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("", ""),
        ('  state:Accepted   "of  the sky" sky ', 'state:accepted "of  the sky" sky'),
        ("rating:3..5", "rating:>=3 rating:<=5"),
        ('-licence:none licence:"none"', '-licence:none licence:"none"'),
        ('label:topic="two words"', 'label:"topic=two words"'),
        ("duplicate:Both answer:checks=harmful", "duplicate:both answer:checks=harmful"),
        ("12:30 100%", "12:30 100%"),
        ("sky sky", "sky"),
    ],
)
def test_what_people_type_has_one_written_form(typed: str, written: str) -> None:
    assert format_query(parse(typed)) == written


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("stat:accepted", "There is no field stat. The nearest is state."),
        ("https://example.org", "There is no field https."),
        ("state:acepted", "There is no state acepted. The nearest is accepted."),
        ("state:none", "There is no state none: every record has one."),
        ("state:", "A value of state is missing."),
        ("rating:good", "A number is missing after rating:"),
        ("rating:4x", "4x is not a number"),
        ("rating:>=1e999", "rating:>=1e999"),
        ("duplicate:yes", "yes is not a side"),
        ('"open', "A quote is not closed"),
    ],
)
def test_what_cannot_be_read_is_named_with_a_way_on(typed: str, problem: str) -> None:
    with pytest.raises(CurationError) as caught:
        parse(typed)
    assert problem in caught.value.problem
    assert caught.value.hint
