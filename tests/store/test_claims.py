"""Slots: one statement claims, and nobody is handed what is not for them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from curator import Workspace
from curator.store import claims, projects, records, skips
from schemas.annotation import Claim
from tests.conftest import make_record

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=30)


def fill(workspace: Workspace, *, count: int, priority: int = 0, first: int = 0) -> list[str | None]:
    with workspace.write() as connection:
        project = projects.by_name(connection)
        many = [make_record(f"Question {n}?") for n in range(first, first + count)]
        return records.add_many(connection, many, project=project, at=NOON, priority=priority)


def claim(workspace: Workspace, person: str, *, now: datetime = NOON) -> Claim | None:
    with workspace.write() as connection:
        return claims.claim_next(connection, person, project_id=1, now=now, until=now + timedelta(minutes=30))


def test_eight_threads_hand_out_two_hundred_slots_once_each(workspace: Workspace) -> None:
    fill(workspace, count=200)

    def work(person: str) -> list[int]:
        held = []
        while got := claim(workspace, person):
            held.append(got.slot_id)
        return held

    with ThreadPoolExecutor(8) as pool:
        slots = [slot for held in pool.map(work, [f"person {n}" for n in range(8)]) for slot in held]
    assert sorted(slots) == list(range(1, 201))


def test_an_expired_slot_of_higher_priority_comes_before_open_ones(workspace: Workspace) -> None:
    [urgent] = fill(workspace, count=1, priority=9)
    fill(workspace, count=2, first=1)
    assert claim(workspace, "ada").record_id == urgent
    assert claim(workspace, "ben").record_id != urgent
    assert claim(workspace, "eva", now=LATER).record_id == urgent


def test_open_slots_of_one_priority_come_in_the_order_of_import(workspace: Workspace) -> None:
    ids = fill(workspace, count=3)
    assert [claim(workspace, person).record_id for person in ("ada", "ben", "eva")] == ids


def test_a_skipped_record_hides_a_high_priority_only_from_who_skipped_it(workspace: Workspace) -> None:
    [urgent] = fill(workspace, count=1, priority=9)
    [plain] = fill(workspace, count=1, first=1)
    with workspace.write() as connection:
        skips.add(connection, urgent, "ada", at=NOON)
    assert claim(workspace, "ada").record_id == plain
    assert claim(workspace, "ben").record_id == urgent


def test_a_given_record_can_be_claimed_unless_somebody_else_holds_it(workspace: Workspace) -> None:
    _, second = fill(workspace, count=2)
    with workspace.write() as connection:
        mine = claims.claim_record(connection, "ada", second, now=NOON, until=LATER)
        again = claims.claim_record(connection, "ada", second, now=NOON, until=LATER)
        assert claims.claim_record(connection, "ben", second, now=NOON, until=LATER) is None
    assert mine.slot_id == again.slot_id
    assert mine.token != again.token


def test_only_the_holder_can_close_a_slot(workspace: Workspace) -> None:
    fill(workspace, count=1)
    got = claim(workspace, "ada")
    with workspace.write() as connection:
        assert claims.close(connection, got, annotator="ben") is None
        assert claims.close(connection, got.model_copy(update={"token": "a guess"}), annotator="ada") is None
        assert claims.close(connection, got, annotator="ada").id == got.slot_id


def test_a_claim_that_ran_out_is_still_held_while_nobody_takes_it(workspace: Workspace) -> None:
    fill(workspace, count=1)
    got = claim(workspace, "ada")
    with workspace.read() as connection:
        assert claims.held(connection, "ada", project_id=1) == got
    claim(workspace, "ben", now=LATER)
    with workspace.read() as connection:
        assert claims.held(connection, "ada", project_id=1) is None
