"""What a lead does with the queue: give records to people and pools, move them, free leases, mark gold records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from curator.access import require
from curator.annotate.settle import problems
from curator.errors import AnnotationError
from curator.store import Connection, accounts, claims, events, gold, locks, pools, projects, records, slots
from curator.store.claims import Lease
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import Answer, RecordState
from schemas.audience import ANYBODY, Audience, person_audience, pool_audience
from schemas.event import Kind, of_import, of_project


def leases(workspace: Workspace, *, project_id: int) -> list[Lease]:
    """Who holds what, the claim that was quiet longest first."""
    with workspace.read() as connection:
        return claims.leases(connection, project_id=project_id)


def release(workspace: Workspace, slot_id: int, *, project_id: int, actor: str) -> str:
    """Free a record that an annotator holds; what they typed stays as their draft. Returns who held it.

    Raises:
        AnnotationError: It is not held any more.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        lease = next(
            (each for each in claims.leases(connection, project_id=project_id) if each.slot_id == slot_id), None
        )
        holder = None if lease is None else claims.release(connection, slot_id)
        if lease is None or holder is None:
            raise AnnotationError("This record is not held any more.", hint="Look at the leases again: it is free.")
        detail = {"project": project_id, "slot": slot_id, "holder": holder}
        events.append(connection, Kind.RELEASE, lease.record_id, actor=actor, at=workspace.clock(), detail=detail)
        return holder


def assign(
    workspace: Workspace,
    record_ids: Sequence[str],
    *,
    project_id: int,
    actor: str,
    person: str | None = None,
    pool: str | None = None,
) -> int:
    """Keep records for a person or a pool, or with neither offer them to everyone again. Returns how many slots moved.

    Only open slots are moved; an annotator who holds one keeps it.

    Raises:
        AnnotationError: Both a person and a pool are named, the pool has no member, or there is no account of this
            name.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        audience = _audience(connection, project_id, person=person, pool=pool)
        return _keep(connection, record_ids, audience, project_id=project_id, actor=actor, at=workspace.clock())


def assign_next(
    workspace: Workspace,
    count: int,
    *,
    project_id: int,
    actor: str,
    person: str | None = None,
    pool: str | None = None,
) -> int:
    """Keep the next `count` records of the queue that are for everyone. Returns how many records there were.

    Raises:
        AnnotationError: As `assign`.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        projects.lock(connection, project_id)  # two leads must not give the same records away
        audience = _audience(connection, project_id, person=person, pool=pool)
        chosen = slots.unassigned(connection, project_id=project_id, limit=count)
        _keep(connection, chosen, audience, project_id=project_id, actor=actor, at=workspace.clock())
        return len(chosen)


def _audience(connection: Connection, project_id: int, *, person: str | None, pool: str | None) -> Audience:
    if person is not None and pool is not None:
        raise AnnotationError("A record is kept for a person or for a pool, not for both.", hint="Name one of them.")
    audience = ANYBODY if person is None else person_audience(person)
    audience = audience if pool is None else pool_audience(pool)
    require_audience(connection, project_id, audience)
    return audience


def require_audience(connection: Connection, project_id: int, audience: Audience) -> None:
    """Do nothing if records can be kept for an audience.

    Raises:
        AnnotationError: The pool has no member, or there is no account of this name.
    """
    if audience.kind == "pool" and audience.name not in pools.members(connection, project_id):
        raise AnnotationError(
            f"Pool {audience.name} has no member who could get the records.", hint="Put an annotator into it first."
        )
    is_strict = audience.kind == "person" and accounts.any_password(connection)
    if is_strict and accounts.find(connection, audience.name) is None:
        names = ", ".join(each.name for each in accounts.all_accounts(connection))
        raise AnnotationError(f"There is no account {audience.name}.", hint=f"Name one of {names}.")


def _keep(
    connection: Connection, record_ids: Sequence[str], audience: Audience, *, project_id: int, actor: str, at: datetime
) -> int:
    changed = slots.assign(connection, record_ids, audience, project_id=project_id)
    for record_id in record_ids:
        detail = {"project": project_id, "audience": audience.key}
        events.append(connection, Kind.ASSIGN, record_id, actor=actor, at=at, detail=detail)
    return changed


def kept(workspace: Workspace, *, project_id: int) -> dict[Audience, int]:
    """How many reviews that are still to be given are kept for whom."""
    with workspace.read() as connection:
        return slots.kept(connection, project_id=project_id)


def free(workspace: Workspace, audience: Audience, *, project_id: int, actor: str) -> int:
    """Offer what is kept for one person or pool to everyone. Returns how many reviews."""
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        changed = slots.keep_for_nobody(connection, project_id=project_id, audience=audience)
        detail = {"audience": audience.key, "slots": changed}
        events.append(connection, Kind.FREE, of_project(project_id), actor=actor, at=workspace.clock(), detail=detail)
        return changed


def set_priority(workspace: Workspace, batch_id: int, priority: int, *, actor: str) -> int:
    """Put what waits of an import at another place of the queue; higher comes first. Returns how many slots moved."""
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        moved = slots.set_priority(connection, batch_id=batch_id, priority=priority)
        detail = {"priority": priority, "slots": moved}
        events.append(connection, Kind.PRIORITY, of_import(batch_id), actor=actor, at=workspace.clock(), detail=detail)
        return moved


def pool_members(workspace: Workspace, *, project_id: int) -> dict[str, list[str]]:
    """Who is in which pool."""
    with workspace.read() as connection:
        return pools.members(connection, project_id)


def set_pool(workspace: Workspace, name: str, people: Sequence[str], *, project_id: int, actor: str) -> int:
    """Make `people` the members of a pool; without any, the pool is gone and its records are for everyone.

    Returns how many reviews that the pool was to give are for everyone now.

    Raises:
        AnnotationError: The name is empty.
    """
    require(workspace, actor, Right.CURATE)
    if not name.strip():
        raise AnnotationError("The pool has no name.", hint="Give it one, such as `medical`.")
    with workspace.write() as connection:
        before = pools.members(connection, project_id).get(name, [])
        for person in set(before) - set(people):
            pools.remove(connection, project_id, name, person)
        for person in set(people) - set(before):
            pools.add(connection, project_id, name, person)
        audience = pool_audience(name)
        freed = 0 if people else slots.keep_for_nobody(connection, project_id=project_id, audience=audience)
        detail = {"pool": name, "members": sorted(people), "freed": freed}
        events.append(connection, Kind.POOL, of_project(project_id), actor=actor, at=workspace.clock(), detail=detail)
        return freed


def mark_gold(workspace: Workspace, record_id: str, expected: Answer, *, actor: str) -> None:
    """Make a record gold: it leaves the queue, is never frozen, and annotators are measured by its right answer.

    Answers that it already has stay and count.

    Raises:
        AnnotationError: The right answer is not complete.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        locks.lock_record(connection, record_id)
        stored = records.get(connection, record_id)
        missing = problems(expected, stored.content, projects.by_id(connection, stored.project_id).questions)
        if missing:
            raise AnnotationError(missing[0].text, hint="Complete the right answer.")
        now = workspace.clock()
        gold.mark(connection, record_id, expected, project_id=stored.project_id, actor=actor, at=now)
        slots.withdraw(connection, record_id)
        records.set_state(connection, stored, RecordState.GOLD, final=None)
        events.append(connection, Kind.GOLD, record_id, actor=actor, at=now, detail={"project": stored.project_id})


def unmark_gold(workspace: Workspace, record_id: str, *, actor: str) -> None:
    """Put a gold record back into the queue as an ordinary one.

    Raises:
        AnnotationError: It is not gold.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        locks.lock_record(connection, record_id)
        stored = records.get(connection, record_id)
        if not gold.unmark(connection, record_id):
            raise AnnotationError(f"Record {record_id} is not gold.", hint="Its log says who made it ordinary again.")
        slots.put_back(connection, record_id, project_id=stored.project_id)
        records.set_state(connection, stored, RecordState.WAITING, final=None)
        detail = {"project": stored.project_id}
        events.append(connection, Kind.UNGOLD, record_id, actor=actor, at=workspace.clock(), detail=detail)


def require_reviews(
    workspace: Workspace, reviews: int, *, project_id: int, actor: str, record_ids: Sequence[str] | None = None
) -> int:
    """Ask `reviews` different people for an answer to records that still wait. Returns how many slots were added.

    Args:
        workspace: Where they are.
        reviews: Answers that each record needs. Slots that are there stay, even if there are more.
        project_id: Of which project.
        actor: Who asks.
        record_ids: Which records; by default all that wait.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        added = slots.add_slots(connection, project_id=project_id, reviews=reviews, record_ids=record_ids)
        detail = {"reviews": reviews, "records": None if record_ids is None else len(record_ids), "slots": added}
        events.append(
            connection, Kind.REVIEWS, of_project(project_id), actor=actor, at=workspace.clock(), detail=detail
        )
        return added
