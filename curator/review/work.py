"""Work: what is left for one reviewer under a plan: first readings, second readings, and disputes to settle.

Two people read every output of severity 2 and above, and a share of the rest. Which pairs these are is drawn with the
secret of the workspace: a first reader cannot tell whether another person will read after them.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import orjson

from curator import evidence
from curator.access import require
from curator.review.disputes import disputed_pairs
from curator.review.stated import KINDS, judged_by, of_system
from curator.store import ledger, systems
from curator.store.ledger import Entry
from curator.workspace import Workspace
from schemas.account import Right
from schemas.review import Plan, Verdict

SECOND_SHARE = 0.2
"""Of the pairs that nothing else brings to a second reader."""
SECOND_SEVERITY = 2
"""From which on two people read."""


class Work(NamedTuple):
    """What is left for one reviewer, as ids of pairs in the order of the plan."""

    first: tuple[str, ...]
    """No person has judged them; what another reviewer passed on comes first."""
    second: tuple[str, ...]
    """Another person judged them, and the plan wants them read again."""
    disputes: tuple[str, ...]
    """Others disagree about them, and this reviewer may settle it."""


class SecondReadings(NamedTuple):
    """How many pairs two people should read, and how many they have."""

    wanted: int
    """So far: a grave verdict adds its pair."""
    done: int


def work_for(
    workspace: Workspace,
    plan: Plan,
    entries: Sequence[Entry],
    reviewer: str,
    *,
    aside: Collection[str] = (),
    passed_on: Collection[str] = (),
) -> Work:
    """What is left for a reviewer of the plan in force.

    Args:
        workspace: Whose secret draws second readings.
        plan: The plan in force.
        entries: The ledger of its system.
        reviewer: For whom.
        aside: Pairs that this reviewer does not want.
        passed_on: Pairs that others did not read on: they come first.
    """
    stated = of_system(entries)
    readers = judged_by(entries, scripts=False)
    wanted = _wanted(workspace, plan, stated, readers)
    disputed, parties = disputed_pairs(stated), _parties(entries)
    return Work(
        first=tuple(
            sorted(
                (pair for pair in plan.pairs if not readers.get(pair) and pair not in aside),
                key=lambda pair: pair not in passed_on,
            )
        ),
        second=tuple(
            pair for pair in wanted if len(readers[pair]) == 1 and reviewer not in readers[pair] and pair not in aside
        ),
        disputes=tuple(pair for pair in plan.pairs if pair in disputed and reviewer not in parties[pair]),
    )


def second_readings_of(workspace: Workspace, run_or_system: str, *, reviewer: str) -> SecondReadings:
    """How far second readings of a run or a system are; none are wanted before there is a plan."""
    require(workspace, reviewer, Right.REVIEW)
    with workspace.read() as connection:
        entries = ledger.entries(connection, systems.find(connection, run_or_system).id, kinds=KINDS)
    plans = [entry for entry in entries if entry.kind == "plan"]
    if not plans:
        return SecondReadings(0, 0)
    return second_readings(workspace, Plan.model_validate_json(plans[-1].content), entries)


def second_readings(workspace: Workspace, plan: Plan, entries: Sequence[Entry]) -> SecondReadings:
    """How far second readings are, over all reviewers."""
    stated = of_system(entries)
    readers = judged_by(entries, scripts=False)
    wanted = _wanted(workspace, plan, stated, readers)
    return SecondReadings(len(wanted), sum(len(readers[pair]) > 1 for pair in wanted))


def drawn(workspace: Workspace, pairs: Iterable[str]) -> set[str]:
    """Of some pairs those that chance brings to a second reader; the same whenever it is asked for."""
    key = evidence.secret(workspace, "second reader")
    limit = SECOND_SHARE * 2**64
    return {pair for pair in pairs if int.from_bytes(hmac.digest(key, pair.encode(), "sha256")[:8], "big") < limit}


def _wanted(
    workspace: Workspace, plan: Plan, stated: Mapping[int, Collection[Verdict]], readers: Mapping[str, set[str]]
) -> list[str]:
    grave = {
        verdict.pair
        for said in stated.values()
        for verdict in said
        if not verdict.by_script
        and ((verdict.judgement.severity or 0) >= SECOND_SEVERITY or verdict.relation == "cannot tell")
    }
    read = [pair for pair in plan.pairs if readers.get(pair)]
    chosen = drawn(workspace, read) | grave
    return [pair for pair in read if pair in chosen]


def _parties(entries: Sequence[Entry]) -> dict[str, set[str]]:
    """For every pair who ever said something about it, taken back or not: none of them is a third person."""
    found: dict[str, set[str]] = {}
    for entry in entries:
        if entry.kind in ("verdict", "adjudication"):
            found.setdefault(orjson.loads(entry.content)["pair"], set()).add(entry.actor)
    return found
