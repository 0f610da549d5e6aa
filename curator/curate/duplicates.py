"""Near duplicates among the records of a project: found, shown, set aside and put back.

A search only stores what it found; nothing changes until its duplicates are set aside. Those are rejected, with the
record that is kept in place of each; putting them back restores the states that they had.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from curator import pool
from curator.access import require
from curator.curate.pair_texts import BATCH, Source, part_sources, read_other_words, read_words, sketch
from curator.errors import CurationError
from curator.jobs import execute, start
from curator.jobs.kinds import kind as job_kind
from curator.jobs.work import Work
from curator.pool import Pool
from curator.quality import stars, words
from curator.quality.stars import LEAST, Stars
from curator.store import Connection, events, projects, records
from curator.store import duplicates as stored
from curator.store.duplicates import Compared, Membership
from curator.workspace import Workspace
from schemas.account import Right
from schemas.duplicate import (
    DuplicateChange,
    DuplicateCluster,
    DuplicateKind,
    DuplicateMember,
    DuplicateReport,
    KeepRule,
)
from schemas.event import Kind, of_duplicates
from schemas.record import Record

FIND, SET_ASIDE, PUT_BACK = "find duplicates", "set duplicates aside", "put duplicates back"
"""Kinds of jobs."""
MOST_SHARE = 0.3
"""Share of all records beyond which it is not plausible that they are duplicates."""
MOST_OF_ONE = 0.05
"""The same for those of one cluster, from `_MANY` on."""
_MANY = 100
_ROWS = 2_000
"""Written with the write lock held."""
_WORTH_PROCESSES = 50_000
_LOST = CurationError(
    "A process that read records was ended from outside.", hint="Perhaps memory ran out; look again for duplicates."
)

Progress = Callable[[int, int | None], None]


class Example(NamedTuple):
    """A record of a cluster with its text."""

    member: DuplicateMember
    record: Record


def find(
    workspace: Workspace,
    *,
    project: str | None = None,
    kind: DuplicateKind = DuplicateKind.BOTH,
    keep: KeepRule = KeepRule.HUMAN,
    least: float = LEAST,
    actor: str,
    progress: Progress | None = None,
    workers: int | None = None,
) -> DuplicateReport:
    """Look for near duplicates among all records and store what is found. Returns the report; no record changes.

    Args:
        workspace: Where the records are.
        project: Name; by default the first one.
        kind: On which side they say the same.
        keep: Which record of a cluster is kept.
        least: Jaccard index of three-word shingles from which on two are near duplicates, at least .5.
        actor: Who looks.
        progress: Told how many of how many records are read.
        workers: Processes that read; by default one per core. The result does not depend on it.

    Raises:
        CurationError: `least` is out of range, or a process was ended from outside.
    """
    require(workspace, actor, Right.CURATE)
    if not 0.5 <= least <= 1:
        raise CurationError(
            f"A similarity of {least} is out of range.", hint="Choose one from 0.5 to 1; 0.8 is usual, 1 is equal."
        )
    with workspace.read() as connection:
        meant = projects.by_name(connection, project)
        compared = stored.compared(connection, meant.id)
        sources = sources_of(connection, workspace, compared)
    worth = len(compared.ids) >= _WORTH_PROCESSES
    with pool.processes(are_worth_it=worth, lost=_LOST, workers=workers) as processes:
        found = _found(compared, sources, kind, keep, least, processes, progress)
    members = _memberships(compared, found)
    for search_id in _outdated(workspace, meant.id, kind, None):
        _remove(workspace, search_id)
    with workspace.write() as connection:
        search_id = stored.begin(
            connection, meant.id, kind=kind, keep=keep, least=least, records=len(compared.ids), actor=actor,
            at=workspace.clock(),
        )  # fmt: skip
    for begin in range(0, len(members), _ROWS):
        with workspace.write() as connection:
            stored.add(connection, search_id, members[begin : begin + _ROWS])
    sizes = [each.size for each in members if each.size]
    with workspace.write() as connection:
        stored.finish(connection, search_id, clusters=len(sizes), members=sum(sizes), largest=max(sizes, default=0))
    for old in _outdated(workspace, meant.id, kind, search_id):
        _remove(workspace, old)
    return report_of(workspace, search_id)


def report(
    workspace: Workspace, *, project: str | None = None, kind: DuplicateKind = DuplicateKind.BOTH
) -> DuplicateReport | None:
    """The newest search of a kind, if there was one."""
    with workspace.read() as connection:
        latest = stored.latest(connection, projects.by_name(connection, project).id, kind)
    return None if latest is None else _with_alarm(latest)


def report_of(workspace: Workspace, search_id: int) -> DuplicateReport:
    """A search as it stands.

    Raises:
        NotFoundError: There is none with this id.
    """
    with workspace.read() as connection:
        return _with_alarm(stored.get(connection, search_id))


def clusters(
    workspace: Workspace, search_id: int, *, after: tuple[int, str] | None = None, limit: int = 10
) -> list[DuplicateCluster]:
    """The next clusters of a search, the largest first, behind the one of this size with this kept record."""
    with workspace.read() as connection:
        return stored.clusters(connection, search_id, after=after, limit=limit)


def examples(
    workspace: Workspace, search_id: int, kept_id: str, *, after: str = "", limit: int = 5
) -> tuple[Record, list[Example]]:
    """The record that a cluster keeps, and its next members behind a record id."""
    with workspace.read() as connection:
        some = stored.members(connection, search_id, kept_id, after=after, limit=limit)
        texts = records.some(connection, [kept_id, *(each.record_id for each in some)])
    return texts[kept_id].now, [Example(each, texts[each.record_id].now) for each in some]


def why(workspace: Workspace, record_id: str) -> DuplicateMember | None:
    """Why a record is set aside as a duplicate, if it is."""
    with workspace.read() as connection:
        return stored.why(connection, record_id)


def set_aside(
    workspace: Workspace, search_id: int, *, actor: str, despite_alarm: bool = False, detach: bool = False
) -> int:
    """Reject the duplicates of a search, each for the record that is kept in its place. Returns the id of the job.

    Records that changed since, that an annotator holds, or whose kept record is gone stay as they are.

    Args:
        workspace: Where the records are.
        search_id: Of `find`.
        actor: Who does it.
        despite_alarm: Do it although an implausible share would go.
        detach: Do it in a process of its own; else it is done when this returns.

    Raises:
        CurationError: It was done before, the search is about one side only, or so many are implausible.
    """
    require(workspace, actor, Right.CURATE)
    search = report_of(workspace, search_id)
    if search.kind is not DuplicateKind.BOTH:
        raise CurationError(
            "Records that share one side only say different things on the other.",
            hint="Look at them one by one; those that share both sides can be set aside at once.",
        )
    if search.is_applied:
        raise CurationError(f"The duplicates of search {search_id} are set aside already.", hint="Put them back first.")
    if search.alarm and not despite_alarm:
        raise CurationError(search.alarm, hint="Look at the largest clusters; then say so with --despite-alarm.")
    return _run(workspace, SET_ASIDE, search, actor, detach=detach)


def put_back(workspace: Workspace, search_id: int, *, actor: str, detach: bool = False) -> int:
    """Give the duplicates of a search the states back that they had. Returns the id of the job.

    A record that a person has moved since stays where it is.

    Raises:
        CurationError: They are not set aside.
    """
    require(workspace, actor, Right.CURATE)
    search = report_of(workspace, search_id)
    if search.applied_at is None or not (search.is_applied or search.removed):
        raise CurationError(
            f"The duplicates of search {search_id} are not set aside.", hint="There is nothing to put back."
        )
    return _run(workspace, PUT_BACK, search, actor, detach=detach)


def change_of(result: dict[str, Any] | None) -> DuplicateChange:
    """What a job of `set_aside` or `put_back` came to."""
    return DuplicateChange.model_validate(result or {})


def _run(workspace: Workspace, kind: str, search: DuplicateReport, actor: str, *, detach: bool) -> int:
    job_id = start(
        workspace, kind, {"search": search.id}, actor, project_id=search.project_id,
        key=f"duplicates of project {search.project_id}", detach=detach,
    )  # fmt: skip
    if not detach:
        execute(workspace, job_id)
    return job_id


@job_kind(FIND)
def _find(work: Work) -> dict[str, Any]:
    asked = work.parameters

    def tell(done: int, total: int | None) -> None:
        with work.chunk() as chunk:  # leaves here when a person cancels
            chunk.done, chunk.total = done, total

    found = find(
        work.workspace, project=asked.get("project"), kind=DuplicateKind(asked["kind"]),
        keep=KeepRule(asked["keep"]), least=asked["least"], actor=work.job.actor, progress=tell,
    )  # fmt: skip
    return {"search": found.id, "clusters": found.clusters, "members": found.members}


@job_kind(SET_ASIDE)
def _set_aside(work: Work) -> dict[str, Any]:
    return _change(work, stored.set_aside, stored.mark_applied, Kind.DUPLICATES_SET_ASIDE)


@job_kind(PUT_BACK)
def _put_back(work: Work) -> dict[str, Any]:
    return _change(work, stored.put_back, stored.mark_undone, Kind.DUPLICATES_PUT_BACK)


def _change(work: Work, step: Callable[..., stored.Changed], mark: Callable[..., None], kind: Kind) -> dict[str, Any]:
    """Work through the duplicates of a search, chunk by chunk; the first one marks it, the last one logs it."""
    search_id = work.parameters["search"]
    at, actor = work.workspace.clock(), work.job.actor
    cursor = {"after": "", "changed": 0, "left": 0, "ended": False} | (work.cursor or {})
    while not cursor["ended"]:
        with work.chunk() as chunk:
            search = stored.get(chunk.connection, search_id)
            if chunk.cursor is None:
                mark(chunk.connection, search_id, actor=actor, at=at)
                chunk.total = search.members if kind is Kind.DUPLICATES_SET_ASIDE else search.removed
            changed = step(chunk.connection, search, after=cursor["after"], limit=min(work.rows, _ROWS))
            cursor = {
                "after": changed.last or cursor["after"], "changed": cursor["changed"] + changed.changed,
                "left": cursor["left"] + changed.looked_at - changed.changed, "ended": changed.last is None,
            }  # fmt: skip
            if cursor["ended"]:
                detail = {"changed": cursor["changed"], "left": cursor["left"], "project": search.project_id}
                events.append(chunk.connection, kind, of_duplicates(search_id), actor=actor, at=at, detail=detail)
            chunk.done += changed.looked_at
            chunk.cursor = cursor
    return {"search": search_id, "changed": cursor["changed"], "left": cursor["left"]}


# --- Finding --------------------------------------------------------------------------------------------------------


def sources_of(connection: Connection, workspace: Workspace, compared: Compared) -> list[Source]:
    """Batches of all records, in the order of `compared`: those of parts as their rows stand, others by themselves."""
    files = {id: (workspace.records_folder / name, sha256) for id, (name, sha256) in compared.files.items()}
    written_records = int(np.searchsorted(compared.parts, 0))  # they come first
    sources = []
    for at in range(0, written_records, BATCH):
        ids = [str(id) for id in compared.ids[at : min(written_records, at + BATCH)].tolist()]
        sources.append(Source(None, np.empty(0, np.int64), tuple(_written(connection, ids))))
    return sources + part_sources(files, compared.parts[written_records:], compared.rows[written_records:])


def _written(connection: Connection, ids: Sequence[str]) -> list[bytes]:
    texts = records.some(connection, ids)
    return [texts[id].now.model_dump_json(exclude_defaults=True, exclude={"original", "also"}).encode() for id in ids]


class _Found(NamedTuple):
    stars: Stars
    """Of all N records."""
    other: NDArray[np.float64]
    """Jaccard index of the side that was not compared; NaN where both were, (N,)."""


def _found(
    compared: Compared,
    sources: Sequence[Source],
    kind: DuplicateKind,
    keep: KeepRule,
    least: float,
    processes: Pool,
    progress: Progress | None,
) -> _Found:
    count = len(compared.ids)
    bands: list[NDArray[np.uint64]] = []
    lengths: list[NDArray[np.int64]] = []
    done = 0
    for batch in processes.each(sketch, [(source, kind) for source in sources]):
        bands.append(batch.bands)
        lengths.append(batch.lengths)
        done += len(batch.lengths)
        if progress is not None:
            progress(done, count)
    kept, similarity = np.arange(count), np.ones(count)
    other = np.full(count, np.nan)
    if not bands:
        return _Found(Stars(kept, similarity), other)
    every = np.concatenate(bands)
    bands.clear()
    rank = _rank(compared, np.concatenate(lengths), keep)
    threads = pool.cores()
    places = stars.candidates(every, threads=threads)
    some = _taken(sources, places)
    read = words.joined_words(list(processes.each(read_words, [(source, kind) for source in some])))
    found = stars.stars_of(every[places], read, rank=rank[places], least=least, threads=threads)
    kept[places], similarity[places] = places[found.kept], found.similarity
    if kind is not DuplicateKind.BOTH:
        member = np.flatnonzero(kept != np.arange(count))
        involved = np.union1d(member, kept[member])
        beside = words.joined_words(
            list(processes.each(read_other_words, [(source, kind) for source in _taken(sources, involved)]))
        )
        one, two = np.searchsorted(involved, member), np.searchsorted(involved, kept[member])
        other[member] = stars.similarities(beside, one, two)
        same = member[other[member] >= least]  # both sides are the same: that is another kind
        kept[same], similarity[same], other[same] = same, 1.0, np.nan
    return _Found(Stars(kept, similarity), other)


def _taken(sources: Sequence[Source], places: NDArray[np.int64]) -> list[Source]:
    """The records at some places among all batches, ascending."""
    taken = []
    for source, before in zip(sources, accumulate(map(len, sources), initial=0), strict=False):
        here = places[(places >= before) & (places < before + len(source))] - before
        if len(here):
            taken.append(source.take(here))
    return taken


def _rank(compared: Compared, lengths: NDArray[np.int64], keep: KeepRule) -> NDArray[np.int64]:
    """Place of every record in the order of keeping, (N,); gold records first, ties by what they say."""
    worth = {
        KeepRule.HUMAN: compared.is_human.astype(np.int64), KeepRule.RATED: compared.ratings,
        KeepRule.LONGEST: lengths, KeepRule.NEWEST: compared.ids,
    }  # fmt: skip
    rules = [keep, *(rule for rule in KeepRule if rule is not keep)]
    keys = [compared.is_gold.astype(np.int64), *(worth[rule] for rule in rules)]
    order = np.lexsort([compared.hashes, *(-key for key in reversed(keys))])
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _memberships(compared: Compared, found: _Found) -> list[Membership]:
    kept, similarity = found.stars
    is_member = kept != np.arange(len(kept))
    sizes = np.bincount(kept[is_member], minlength=len(kept))
    members = []
    for place in np.flatnonzero(is_member | (sizes > 0)).tolist():
        other = float(found.other[place])
        members.append(
            Membership(
                record_id=str(compared.ids[place]), text_hash=bytes(compared.hashes[place]).ljust(32, b"\0"),
                kept_id=str(compared.ids[kept[place]]), similarity=float(similarity[place]),
                other_similarity=None if np.isnan(other) else other, size=int(sizes[place]),
            )
        )  # fmt: skip
    return members


def _outdated(workspace: Workspace, project_id: int, kind: DuplicateKind, before: int | None) -> list[int]:
    with workspace.read() as connection:
        return stored.outdated(connection, project_id, kind, before=before)


def _remove(workspace: Workspace, search_id: int) -> None:
    """Remove a search, a few thousand records at a time. Returns nothing."""
    while True:
        with workspace.write() as connection:
            if stored.remove_some(connection, search_id, _ROWS):
                return


def _with_alarm(search: DuplicateReport) -> DuplicateReport:
    """The report with the reason why so many are implausible, if they are."""
    if search.kind is not DuplicateKind.BOTH or not search.members:
        return search
    alarm = None
    if search.members > _MANY and search.share > MOST_SHARE:
        alarm = f"{search.members:,} of {search.records:,} records would go, which is implausible: {search.share:.0%}."
    elif search.largest > max(_MANY, MOST_OF_ONE * search.records):
        alarm = f"{search.largest:,} records would go for a single one, which is implausible."
    return search.model_copy(update={"alarm": alarm})
