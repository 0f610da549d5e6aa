"""Contents: one content is stored once, however far back it stands and whoever stored it."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from curator import Workspace
from curator.store import projects, records
from curator.store.contents import Contents, held_in, row_ids
from curator.store.tables import RUN, record
from schemas.record import Record
from tests.conftest import make_record


def _add(workspace: Workspace, *added: Record) -> list[str | None]:
    with workspace.write() as connection:
        project = projects.by_name(connection)
        return records.add_many(connection, added, project=project, at=workspace.clock(), accept=True)


def _hash(workspace: Workspace, record_id: str | None) -> bytes:
    assert record_id is not None
    with workspace.read() as connection:
        return bytes.fromhex(records.get(connection, record_id).content_hash)


@pytest.fixture
def far_apart(workspace: Workspace) -> Workspace:
    """A workspace whose two records stand in the first run and in the fourth."""
    first, second = _add(workspace, make_record("First?"), make_record("Second?"))
    assert (first, second) == ("1", "2")
    with workspace.write() as connection:
        connection.execute(record.update().where(record.c.id == second).values(id=3 * RUN + 5))
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT setval(pg_get_serial_sequence('record', 'id'), :last)"), {"last": 4 * RUN})
    return workspace


def test_a_content_of_any_run_is_found_and_not_stored_again(far_apart: Workspace) -> None:
    hashes = _hash(far_apart, "1") + _hash(far_apart, str(3 * RUN + 5)) + bytes(32)
    assert _add(far_apart, make_record("First?"), make_record("Second?")) == [None, None]
    with far_apart.read() as connection:
        for contents in (Contents.every(connection, 1), Contents.among(connection, 1, hashes)):
            assert contents.keys(row_ids(hashes)).tolist() == [1, 3 * RUN + 5, 0]
            assert contents.last_key == 3 * RUN + 5
        assert Contents.every(connection, 2).keys(row_ids(hashes)).tolist() == [0, 0, 0]


def test_what_another_writer_stored_since_the_last_look_is_known(workspace: Workspace) -> None:
    [before] = _add(workspace, make_record("Before?"))
    with workspace.read() as connection:
        contents = Contents.every(connection, 1)
    [later] = _add(workspace, make_record("Later?"))
    asked = row_ids(_hash(workspace, later) + _hash(workspace, before))
    assert contents.keys(asked).tolist() == [0, 1]
    with workspace.write() as connection:
        assert contents.catch_up(connection)
        assert not contents.catch_up(connection)
    assert contents.keys(asked).tolist() == [2, 1]


@pytest.mark.sqlite
def test_single_contents_are_looked_up_in_the_index_whatever_else_is_asked(workspace: Workspace) -> None:
    with workspace.read() as connection:
        query = select(record).where(held_in(connection, 1, ["ab" * 32, "cd" * 32]), record.c.state == "waiting")
        query = query.where(record.c.project_id == 1).order_by(record.c.id)
        compiled = query.compile(connection, compile_kwargs={"render_postcompile": True})
        values = [compiled.params[name] for name in compiled.positiontup or ()]
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", tuple(values)).all()
    steps = [row[-1] for row in plan]
    assert "rowid=?" in steps[0]  # the records themselves are looked up by key
    wanted = "SEARCH held USING COVERING INDEX uq_record_content (project_id=? AND <expr>=? AND <expr>=?)"
    assert wanted in [step.replace("USING INDEX", "USING COVERING INDEX") for step in steps]


@given(st.lists(st.lists(st.integers(0, 300), max_size=40, unique=True), max_size=12))
def test_every_content_that_was_added_is_known_by_its_key(additions: list[list[int]]) -> None:
    contents, expected = Contents(1, 0), dict[int, int]()
    for addition in additions:
        fresh = [number for number in addition if number not in expected]
        keys = range(len(expected) + 1, len(expected) + 1 + len(fresh))
        expected |= dict(zip(fresh, keys, strict=True))
        contents.add(_ids(fresh), np.array(keys, np.int64))
        if len(fresh) % 3:
            contents.merge()
    assert contents.keys(_ids(list(range(301)))).tolist() == [expected.get(number, 0) for number in range(301)]


def test_a_content_that_stands_twice_among_some_is_new_once() -> None:
    contents = Contents(1, 0)
    contents.add(_ids([7]), np.array([3]))
    hashes = b"".join(hashlib.sha256(b"%d" % number).digest() for number in (5, 7, 5, 6, 7))
    known = contents.look_up(hashes)
    assert known.is_new.tolist() == [True, False, False, True, False]
    assert known.keys.tolist() == [0, 3, 0, 0, 3]


def _ids(numbers: list[int]) -> np.ndarray:
    return row_ids(b"".join(hashlib.sha256(b"%d" % number).digest() for number in numbers))
