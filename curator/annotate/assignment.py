"""What a lead does with the queue: give records to people and pools, move them, free leases, mark gold records."""

from __future__ import annotations

from collections.abc import Sequence

from curator.access import require
from curator.errors import AnnotationError
from curator.store import accounts, claims, events, gold, pools, records
from curator.store.claims import Lease
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import Answer, RecordState


def leases(workspace: Workspace, *, project_id: int) -> list[Lease]:
    """Who holds what, the claim that was quiet longest first."""
    with workspace.read() as connection:
        return claims.leases(connection, project_id=project_id)


def release(workspace: Workspace, slot_id: int, *, project_id: int, actor: str) -> str:
    """Free a record that somebody holds; what they typed stays as their draft. Gives who held it.

    Raises:
        AnnotationError: Nobody holds it any more.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        lease = next(
            (each for each in claims.leases(connection, project_id=project_id) if each.slot_id == slot_id), None
        )
        holder = None if lease is None else claims.release(connection, slot_id)
        if lease is None or holder is None:
            raise AnnotationError("Nobody holds this record any more.", hint="Reload the page.")
        detail = {"project": project_id, "slot": slot_id, "holder": holder}
        events.append(connection, "release", lease.record_id, actor=actor, at=workspace.clock(), detail=detail)
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
    """Keep records for a person or a pool, or with neither offer them to anybody again; gives how many slots.

    Only slots that nobody holds are moved. Whoever holds one keeps it.

    Raises:
        AnnotationError: Both a person and a pool are named, the pool has no member, or nobody with an account has this
            name.
    """
    require(workspace, actor, Right.CURATE)
    if person is not None and pool is not None:
        raise AnnotationError("A record is kept for a person or for a pool, not for both.", hint="Name one of them.")
    with workspace.write() as connection:
        if pool is not None and pool not in pools.members(connection, project_id):
            raise AnnotationError(
                f"Pool {pool} has no member, so nobody would get the records.", hint="Put somebody into it first."
            )
        if person is not None and accounts.any_password(connection) and accounts.find(connection, person) is None:
            names = ", ".join(each.name for each in accounts.everybody(connection))
            raise AnnotationError(f"Nobody here is called {person}.", hint=f"Name one of {names}.")
        if person is not None:
            audience = claims.person_audience(person)
        else:
            audience = claims.ANYBODY if pool is None else claims.pool_audience(pool)
        changed = claims.assign(connection, record_ids, audience, project_id=project_id)
        now = workspace.clock()
        for record_id in record_ids:
            detail = {"project": project_id, "audience": audience}
            events.append(connection, "assign", record_id, actor=actor, at=now, detail=detail)
        return changed


def assign_next(
    workspace: Workspace,
    count: int,
    *,
    project_id: int,
    actor: str,
    person: str | None = None,
    pool: str | None = None,
) -> int:
    """Keep the next `count` records of the queue that are kept for nobody; gives how many records."""
    with workspace.read() as connection:
        chosen = claims.unassigned(connection, project_id=project_id, limit=count)
    assign(workspace, chosen, project_id=project_id, actor=actor, person=person, pool=pool)
    return len(chosen)


def open_to_all(workspace: Workspace, *, project_id: int, actor: str) -> int:
    """Offer every record that is kept for somebody to anybody again; gives how many slots."""
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        changed = claims.open_to_all(connection, project_id=project_id)
        now = workspace.clock()
        events.append(
            connection, "open to all", f"project {project_id}", actor=actor, at=now, detail={"slots": changed}
        )
        return changed


def set_priority(workspace: Workspace, batch_id: int, priority: int, *, actor: str) -> int:
    """Put what waits of an import at another place of the queue; higher comes first. Gives how many slots moved."""
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        moved = claims.set_priority(connection, batch_id=batch_id, priority=priority)
        detail = {"priority": priority, "slots": moved}
        events.append(connection, "priority", f"import {batch_id}", actor=actor, at=workspace.clock(), detail=detail)
        return moved


def pool_members(workspace: Workspace, *, project_id: int) -> dict[str, list[str]]:
    """Who is in which pool."""
    with workspace.read() as connection:
        return pools.members(connection, project_id)


def set_pool(workspace: Workspace, name: str, people: Sequence[str], *, project_id: int, actor: str) -> int:
    """Make `people` the members of a pool; with nobody the pool is gone and its records are for anybody.

    Gives how many reviews that the pool was to give are for anybody now.

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
        audience = claims.pool_audience(name)
        freed = 0 if people else claims.keep_for_nobody(connection, project_id=project_id, audience=audience)
        detail = {"pool": name, "members": sorted(people), "freed": freed}
        events.append(connection, "pool", f"project {project_id}", actor=actor, at=workspace.clock(), detail=detail)
        return freed


def mark_gold(workspace: Workspace, record_id: str, expected: Answer, *, actor: str) -> None:
    """Make a record gold: it leaves the queue, is never frozen, and annotators are measured by its right answer.

    Answers that it already has stay and count.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        claims.lock_record(connection, record_id)
        stored = records.get(connection, record_id)
        now = workspace.clock()
        gold.mark(connection, record_id, expected, project_id=stored.project_id, actor=actor, at=now)
        claims.withdraw(connection, record_id)
        records.set_state(connection, stored, RecordState.GOLD, final=None)
        events.append(connection, "gold", record_id, actor=actor, at=now, detail={"project": stored.project_id})


def unmark_gold(workspace: Workspace, record_id: str, *, actor: str) -> None:
    """Put a gold record back into the queue as an ordinary one.

    Raises:
        AnnotationError: It is not gold.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        claims.lock_record(connection, record_id)
        stored = records.get(connection, record_id)
        if not gold.unmark(connection, record_id):
            raise AnnotationError(f"Record {record_id} is not gold.", hint="Reload the page.")
        claims.offer_again(connection, record_id)
        if claims.unanswered(connection, record_id) == 0:
            audience = claims.pool_of(connection, record_id)
            claims.reopen(connection, record_id, project_id=stored.project_id, priority=0, audience=audience)
        records.set_state(connection, stored, RecordState.WAITING, final=None)
        detail = {"project": stored.project_id}
        events.append(connection, "ungold", record_id, actor=actor, at=workspace.clock(), detail=detail)


def require_reviews(
    workspace: Workspace, reviews: int, *, project_id: int, actor: str, record_ids: Sequence[str] | None = None
) -> int:
    """Ask `reviews` different people for an answer to records that still wait; gives how many slots were added.

    Args:
        workspace: Where they are.
        reviews: Answers that each record needs. Slots that are there stay, even if there are more.
        project_id: Of which project.
        actor: Who asks.
        record_ids: Which records; by default all that wait.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        added = claims.add_slots(connection, project_id=project_id, reviews=reviews, record_ids=record_ids)
        detail = {"reviews": reviews, "records": None if record_ids is None else len(record_ids), "slots": added}
        events.append(connection, "reviews", f"project {project_id}", actor=actor, at=workspace.clock(), detail=detail)
        return added
