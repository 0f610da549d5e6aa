"""Records as a stream, and beside what else a transaction does."""

from __future__ import annotations

from curator import Workspace
from curator.store import accepted, events, projects, records
from schemas.event import Kind
from tests.conftest import make_record


def test_something_can_be_stored_after_a_stream_of_records(workspace: Workspace) -> None:
    now = workspace.clock()
    with workspace.write() as connection:
        project = projects.by_name(connection)
        records.add_many(connection, [make_record()], project=project, at=now, accept=True)
        assert len(list(accepted.edited(connection, accepted.places(connection, project.id).edited))) == 1
        events.append(connection, Kind.FREEZE, "a", actor="me", at=now)
        assert [each.kind for each in events.latest(connection)] == [Kind.FREEZE]
