"""Values that a database cannot hold, and files that were damaged: each ends in a sentence, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from curator import CuratorError, Workspace, open_workspace, versions
from curator.annotate import adjudicate, assignment, comments, questions, queue, settings, undo
from curator.errors import StoreError
from curator.store import projects, records
from schemas.version import SplitPlan
from tests.conftest import make_record

_PLAN = SplitPlan(train=1, validation=0, test=0)
_TEXTS = {"nul": "a\x00b", "half a pair": "a\ud800b"}
_NUMBERS = {"past 64 bits": 2**63, "past everything": 10**40, "below 64 bits": -(2**63) - 1}

_WITH_TEXT: dict[str, Callable[[Workspace, str], object]] = {
    "project": lambda w, text: settings.create(w, text, actor="Ada"),
    "actor": lambda w, text: settings.create(w, "new", actor=text),
    "setting": lambda w, text: settings.change(w, project_id=1, actor="Ada", base_model=text),
    "guideline": lambda w, text: questions.set_guideline(w, text, project_id=1, actor="Ada"),
    "annotator": lambda w, text: queue.next_task(w, text, project_id=1),
    "comment": lambda w, text: comments.add(w, _record(w), text, author="Ada"),
    "commented record": lambda w, text: comments.add(w, text, "Why?", author="Ada"),
    "doubt": lambda w, text: adjudicate.ask(w, _record(w), text, author="Ada"),
    "version": lambda w, text: versions.freeze(
        w, actor="Ada", name=text, plan=SplitPlan(train=1, validation=0, test=0)
    ),
    "version asked for": lambda w, text: versions.manifest(w, text),
}
_WITH_NUMBER: dict[str, Callable[[Workspace, int], object]] = {
    "project": lambda w, number: queue.next_task(w, "Ada", project_id=number),
    "setting": lambda w, number: settings.change(w, project_id=1, actor="Ada", gold_every=number),
    "answer": lambda w, number: undo.reopen(w, number, annotator="Ada"),
    "doubt": lambda w, number: adjudicate.rule(w, number, "Yes.", actor="Ada"),
    "reviews": lambda w, number: assignment.require_reviews(w, number, project_id=1, actor="Ada"),
}


def _record(workspace: Workspace) -> str:
    with workspace.read() as connection:
        return records.page(connection, 1)[0].id


@pytest.fixture
def ready(stocked: Workspace) -> Workspace:
    """A workspace with records that wait and one that can be frozen."""
    with stocked.write() as connection:
        records.add_many(
            connection, [make_record()], project=projects.by_name(connection), at=stocked.clock(), accept=True
        )
    return stocked


@pytest.mark.parametrize("text", _TEXTS.values(), ids=_TEXTS)
def test_a_text_that_no_database_holds_is_stored_or_refused_in_words(ready: Workspace, text: str) -> None:
    for act in _WITH_TEXT.values():
        with suppress(CuratorError):
            act(ready, text)


@pytest.mark.parametrize("number", _NUMBERS.values(), ids=_NUMBERS)
def test_a_number_that_no_database_holds_is_refused_in_words(ready: Workspace, number: int) -> None:
    for name, act in _WITH_NUMBER.items():
        with pytest.raises(CuratorError):
            print(name, act(ready, number))


@pytest.mark.sqlite
@pytest.mark.parametrize("damage", ["a page", "the first page"])
def test_a_damaged_database_is_named_and_left_as_it_is(ready: Workspace, damage: str) -> None:
    ready.close()
    file = ready.folder / "curator.db"
    content = bytearray(file.read_bytes())
    for start in range(0 if damage == "the first page" else 4096 * 2, len(content), 4096):
        content[start : start + 64] = b"\xa5" * 64
    file.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        again = open_workspace(ready.folder)
        queue.next_task(again, "Ada", project_id=1)
    assert file.read_bytes() == content
