"""Stored answers: paging through them, and the drafts before them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from curator import Workspace
from curator.store import annotations, claims
from schemas.annotation import Answer

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def answer_three(workspace: Workspace) -> list[int]:
    """One answer of yesterday and two of today; their ids."""
    ids = []
    with workspace.write() as connection:
        for at in (NOON - timedelta(days=1), NOON, NOON + timedelta(hours=1)):
            got = claims.claim_next(connection, "ada", project_id=1, now=at, until=at + timedelta(minutes=30))
            claims.close(connection, got, annotator="ada")
            added = annotations.add(
                connection, Answer(response="A.", rating=4), record_id=got.record_id, slot_id=got.slot_id,
                annotator="ada", claim_token=got.token, at=at,
            )  # fmt: skip
            ids.append(added.id)
    return ids


def test_paging_goes_back_from_the_newest_and_forward_to_the_nearest(stocked: Workspace) -> None:
    first, second, third = answer_three(stocked)

    def ids(**where: int) -> list[int]:
        with stocked.read() as connection:
            found = annotations.newest_of(connection, "ada", project_id=1, **where)
        return [each.id for each in found]

    assert ids(limit=2) == [third, second]
    assert ids(limit=2, before=second) == [first]
    assert ids(limit=1, after=first) == [second]
    assert ids(limit=5, after=first) == [third, second]


def test_a_draft_is_replaced_and_dropped(stocked: Workspace) -> None:
    with stocked.write() as connection:
        got = claims.claim_next(connection, "ada", project_id=1, now=NOON, until=NOON + timedelta(minutes=30))
        for text in ("One", "Two"):
            annotations.save_draft(connection, got.record_id, "ada", Answer(response=text), at=NOON)
        assert annotations.draft_of(connection, got.record_id, "ada") == (Answer(response="Two"), NOON)
        assert annotations.draft_of(connection, got.record_id, "ben") is None
        annotations.drop_draft(connection, got.record_id, "ada")
        assert annotations.draft_of(connection, got.record_id, "ada") is None
