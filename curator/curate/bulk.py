"""Bulk acts: choose records by a query, look at what an act would do to them, act as one, take it back as one.

What was looked at is what is acted on: the records are chosen once, and what arrives later is out. A record that a
person or another act changed since, or that an annotator has open, is left as it is and listed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from curator import jobs
from curator.access import require
from curator.annotate.assignment import require_audience
from curator.curate.acts import Texts, audience_of, do, undo
from curator.curate.query import format_query, parse
from curator.curate.replacing import Rewriter, TooSlowError, UnusableError
from curator.errors import CurationError
from curator.jobs.kinds import kind
from curator.jobs.work import OnProgress, Work
from curator.quality.fingerprint import content_hash
from curator.store import Connection, acts, events, many, projects, records, selection
from curator.store import jobs as stored_jobs
from curator.store.acts import Count, Keys, Moment
from curator.store.records import StoredRecord
from curator.workspace import Workspace
from schemas.account import Right
from schemas.act import Act, ActReport, ActState, Assign, BulkAct, LeftOut, Mask, Replace, Tag
from schemas.amendment import Amendment
from schemas.annotation import RecordState
from schemas.event import ActUndone, BulkActed, Kind, of_act
from schemas.job import Job, JobState
from schemas.query import RecordQuery
from schemas.record import Record

_SAMPLE = 20
_LOOKED_THROUGH = 1_000
"""Records that are read at most to find a sample of those whose text an act would change."""
_TEXTS = 500
"""Texts that are read and rewritten before they are stored."""


@dataclass(frozen=True, eq=False)
class Selection:
    """Records that were chosen, once and for all."""

    project_id: int
    keys: Keys
    query: str | None
    """In its text form, where they were chosen by one."""
    since: Moment
    """When."""

    @property
    def matched(self) -> int:
        """How many."""
        return len(self.keys)

    @property
    def fingerprint(self) -> str:
        """Says which records they are: 16 hex digits, the same for the same records."""
        return hashlib.sha256(self.keys.astype("<i4").tobytes()).hexdigest()[:16]


class Change(NamedTuple):
    """A record and what an act on texts makes of it."""

    record_id: str
    before: Record
    after: Record


class Preview(NamedTuple):
    """What an act would do."""

    matched: int
    fingerprint: str
    states: dict[RecordState, int]
    """How many of the records stand where."""
    claimed: int
    """Records that annotators have open now."""
    sample: list[StoredRecord]
    """Up to 20 of them, spread evenly."""
    changes: list[Change]
    """Of an act on texts: up to 20 records whose text it would change."""
    looked_through: int
    """How many records were read to find those."""


def choose(workspace: Workspace, query: RecordQuery | str | Sequence[str], *, project_id: int) -> Selection:
    """The records of a project that a query means, or that are named by their ids, as they stand now.

    Raises:
        CurationError: The query cannot be read, or asks for something that is not there.
    """
    with workspace.read() as connection:
        since = acts.moment(connection)
        if isinstance(query, str):
            query = parse(query)
        if isinstance(query, RecordQuery):
            keys = acts.keys_of(connection, selection.statement(connection, query, project_id))
            return Selection(project_id, keys, format_query(query), since)
        named = [int(each) for each in query if each.isascii() and each.isdigit() and len(each) < 10]
        keys = many.of_project(connection, named, project_id=project_id)
    return Selection(project_id, keys, None, since)


def preview(workspace: Workspace, selected: Selection, act: Act | None = None) -> Preview:
    """How many records were chosen, where they stand, a sample of them, and what an act on texts makes of some."""
    keys = selected.keys
    places = np.unique(np.linspace(0, len(keys) - 1, min(_SAMPLE, len(keys))).astype(int))
    with workspace.read() as connection:
        sample = records.some(connection, [str(keys[each]) for each in places])
        states = many.count_states(connection, keys.tolist())
        claimed = many.count_claimed(connection, keys.tolist(), now=workspace.clock())
    changes: list[Change] = []
    looked_through = 0
    if isinstance(act, Replace | Mask):
        changes, looked_through = _sample_of_changes(workspace, keys, Rewriter(act))
    return Preview(
        matched=len(keys), fingerprint=selected.fingerprint, states=states, claimed=claimed,
        sample=sorted(sample.values(), key=lambda each: int(each.id)), changes=changes, looked_through=looked_through,
    )  # fmt: skip


def _sample_of_changes(workspace: Workspace, keys: Keys, rewriter: Rewriter) -> tuple[list[Change], int]:
    changes: list[Change] = []
    looked_through = 0
    for start in range(0, min(len(keys), _LOOKED_THROUGH), 100):
        with workspace.read() as connection:
            stored = records.some(connection, [str(key) for key in keys[start : start + 100]])
        for each in sorted(stored.values(), key=lambda each: int(each.id)):
            looked_through += 1
            try:
                after = rewriter.rewritten(each.now)
            except (TooSlowError, UnusableError):
                continue
            if after is not None:
                changes.append(Change(each.id, each.now, after))
            if len(changes) == _SAMPLE:
                return changes, looked_through
    return changes, looked_through


def begin(workspace: Workspace, selected: Selection, act: Act, *, actor: str, detach: bool = True) -> BulkAct:
    """Act on the records that were chosen, by a job in the background. Returns the act.

    It is one line in the log, and `take_back` undoes all of it.

    Args:
        workspace: Where they are.
        selected: The records.
        act: What to do.
        actor: Who acts.
        detach: Start a process for it; else the caller calls `jobs.execute` with its job.

    Raises:
        CurationError: Nothing was chosen, or the act's pattern or label cannot be read.
        AnnotationError: There is no such person or pool.
    """
    require(workspace, actor, Right.CURATE)
    if not selected.matched:
        raise CurationError("No record was chosen.", hint="Widen the query; an empty one means all records.")
    _check(act)
    at = workspace.clock()
    with workspace.write() as connection:
        project_id = projects.by_id(connection, selected.project_id).id
        if isinstance(act, Assign):
            require_audience(connection, project_id, audience_of(act))
        job_id, _ = stored_jobs.add(connection, ACTING, {}, actor=actor, at=at, project_id=project_id)
        act_id = acts.add(
            connection, act.model_dump(mode="json"), selected.keys, project_id=project_id, query=selected.query,
            since=selected.since, actor=actor, at=at, job_id=job_id,
        )  # fmt: skip
        detail = BulkActed(project=project_id, act=act, query=selected.query, matched=selected.matched)
        events.append(connection, Kind.BULK_ACT, of_act(act_id), actor=actor, at=at, detail=detail)
        bulk = acts.get(connection, act_id)
    if detach:
        jobs.launch(workspace, job_id)
    return bulk


def _check(act: Act) -> None:
    """Refuse what can be seen to be wrong before anything is stored."""
    if isinstance(act, Replace):
        Rewriter(act)
    if isinstance(act, Tag) and not all(name.strip() for name in act.labels):
        raise CurationError("A label needs a name.", hint="Write it as name=value.")


def take_back(workspace: Workspace, act_id: int, *, actor: str, detach: bool = True) -> Job:
    """Undo an act, by a job in the background: records are what they were before it. Returns the job.

    What people did to a record since stays, and is listed. One that was cancelled or interrupted is undone as far as
    it went; an undo that was interrupted goes on.

    Raises:
        CurationError: The act is still under way, or was undone before.
    """
    require(workspace, actor, Right.CURATE)
    at = workspace.clock()
    with workspace.write() as connection:
        bulk = acts.get(connection, act_id, lock=True)
        acting = jobs.status(workspace, bulk.id)
        if acting.is_alive:
            raise CurationError(f"Act {act_id} is still under way.", hint=f"Cancel it first: job {bulk.id}.")
        if acting.state is JobState.INTERRUPTED:
            stored_jobs.end(connection, bulk.id, JobState.CANCELLED, at=at)
        if bulk.undo_job_id is None:
            job_id, _ = stored_jobs.add(
                connection, UNDOING, {"act": act_id}, actor=actor, at=at, project_id=bulk.project_id
            )
            event_id = events.append(
                connection, Kind.BULK_UNDO, of_act(act_id), actor=actor, at=at,
                detail=ActUndone(project=bulk.project_id),
            )  # fmt: skip
            acts.begin_undo(connection, act_id, job_id=job_id, actor=actor, at=at, event_id=event_id)
        else:
            undoing = jobs.status(workspace, bulk.undo_job_id)
            if not undoing.can_resume:
                said = "is being undone" if undoing.is_alive else "was undone before"
                raise CurationError(f"Act {act_id} {said}.", hint="What its undo left as it was can be acted on anew.")
            job_id = undoing.id
            stored_jobs.queue_again(connection, job_id, at=at)
    if detach:
        jobs.launch(workspace, job_id)
    return jobs.status(workspace, job_id)


def report(workspace: Workspace, act_id: int) -> ActReport:
    """What became of an act.

    Raises:
        NotFoundError: There is none with this id.
    """
    with workspace.read() as connection:
        bulk = acts.get(connection, act_id)
    acting = jobs.status(workspace, bulk.id)
    undoing = None if bulk.undo_job_id is None else jobs.status(workspace, bulk.undo_job_id)
    job = undoing or acting
    if job.state is JobState.DONE and job.result is not None:
        counts = [Count(state, why and LeftOut(why), n) for state, why, n in job.result["counts"]]
    else:
        with workspace.read() as connection:
            counts = acts.counts(connection, act_id)
    rows: Counter[str] = Counter()
    reasons: dict[str, dict[LeftOut, int]] = {"left out": {}, "kept": {}}
    for state, why, n in counts:
        rows[state] += n
        if why is not None and state in reasons:
            reasons[state][why] = n
    same = acting.done - rows.total()
    if same > 0:
        reasons["left out"][LeftOut.SAME] = same
    return ActReport(
        id=bulk.id, act=bulk.act, query=bulk.query, state=_state(acting, undoing), actor=bulk.actor, at=bulk.at,
        job=job.id, done=job.done, matched=bulk.matched, changed=rows["changed"] + rows["kept"],
        undone=rows["undone"], left_out=reasons["left out"], kept=reasons["kept"], problem=job.problem, hint=job.hint,
    )  # fmt: skip


def _state(acting: Job, undoing: Job | None) -> ActState:
    if undoing is not None:
        return ActState.UNDONE if undoing.state is JobState.DONE else ActState.UNDOING
    if acting.is_alive:
        return ActState.RUNNING
    return ActState.DONE if acting.state is JobState.DONE else ActState.INTERRUPTED


def recent(workspace: Workspace, *, project_id: int, limit: int = 20) -> list[ActReport]:
    """What became of the newest acts of a project, newest first."""
    with workspace.read() as connection:
        newest = acts.newest_first(connection, project_id, limit=limit)
    return [report(workspace, each.id) for each in newest]


def not_changed(workspace: Workspace, act_id: int, *, limit: int = 50) -> list[tuple[str, LeftOut]]:
    """Some records that an act, or its undo, left as they were, each with the reason."""
    with workspace.read() as connection:
        return acts.not_changed(connection, act_id, limit=limit)


def select(
    workspace: Workspace,
    query: RecordQuery | str | Sequence[str],
    act: Act,
    *,
    actor: str,
    project: str | None = None,
    on_progress: OnProgress | None = None,
) -> ActReport:
    """Choose records and act on them in this process. Returns what became of it.

    Args:
        workspace: Where they are.
        query: Which records: as people type it, or a `RecordQuery`, or their ids.
        act: What to do.
        actor: Who acts.
        project: Name of the project; by default the first one.
        on_progress: Is told how many records were looked at, and of how many.

    Raises:
        CurationError: The query cannot be read, or means no record.

    Example:
        `select(workspace, "state:waiting source:faq.jsonl", Accept(), actor="Lea").changed`
    """
    require(workspace, actor, Right.CURATE)
    with workspace.read() as connection:
        project_id = projects.by_name(connection, project).id
    selected = choose(workspace, query, project_id=project_id)
    bulk = begin(workspace, selected, act, actor=actor, detach=False)
    jobs.execute(workspace, bulk.id, on_progress=on_progress)
    return report(workspace, bulk.id)


ACTING, UNDOING = "bulk act", "undo of a bulk act"


@kind(ACTING)
def _act(work: Work) -> Mapping[str, Any]:
    """Act on the records that were chosen, some thousand at a time."""
    workspace, act_id = work.workspace, work.job.id
    with workspace.read() as connection:
        bulk = acts.get(connection, act_id)
        keys, since = acts.selection(connection, act_id)
    if bulk.undo_job_id is not None:
        raise CurationError(f"Act {act_id} was undone, so it does not go on.", hint="Choose the records anew.")
    rewriter = Rewriter(bulk.act) if isinstance(bulk.act, Replace | Mask) else None
    while (start := work.cursor or 0) < len(keys):
        rows = work.rows if rewriter is None else min(work.rows, _TEXTS)
        some = keys[start : start + rows].tolist()
        rewritten = None if rewriter is None else _rewritten(workspace, bulk, some, rewriter)
        with work.chunk() as chunk:
            do(chunk.connection, bulk, some, since=since, now=workspace.clock(), rewritten=rewritten)
            chunk.cursor = chunk.done = start + len(some)
            chunk.total = len(keys)
    return _result(workspace, act_id)


def _result(workspace: Workspace, act_id: int) -> dict[str, Any]:
    """What came of an act or its undo, so that nobody has to count its rows again."""
    with workspace.read() as connection:
        return {"counts": [[each.state, each.why, each.rows] for each in acts.counts(connection, act_id)]}


def _rewritten(
    workspace: Workspace, bulk: BulkAct, keys: Sequence[int], rewriter: Rewriter
) -> dict[int, Texts | LeftOut]:
    """What a text act makes of some records, worked out without a transaction that others would wait for."""
    with workspace.read() as connection:
        stored = records.some(connection, [str(key) for key in keys])
        theirs = many.texts(connection, list(keys))
    made: dict[int, Texts | LeftOut] = {}
    for each in stored.values():
        key = int(each.id)
        try:
            made[key] = _texts(each, theirs[key], rewriter, hides_original=isinstance(bulk.act, Mask))
        except TooSlowError:
            made[key] = LeftOut.TOO_SLOW
        except UnusableError:
            made[key] = LeftOut.UNUSABLE
    return made


def _texts(
    stored: StoredRecord, columns: Mapping[str, Any], rewriter: Rewriter, *, hides_original: bool
) -> Texts | LeftOut:
    """The columns of a record whose texts are rewritten: what came in and, where it has one, what was accepted."""
    content = rewriter.rewritten(stored.content)
    final = None if columns["final"] is None or stored.final is None else rewriter.rewritten(stored.final)
    if content is None and final is None:
        return LeftOut.SAME
    changed = dict(columns)
    if content is not None:
        before = Amendment() if columns["amended"] is None else Amendment.model_validate(columns["amended"])
        changes: dict[str, Any] = {"messages": content.messages}
        if content.rejected:
            changes["rejected"] = content.rejected
        if content.alternative is not None:
            changes["alternative"] = content.alternative
        if hides_original:
            changes["hides_original"] = True
        changed |= {"amended": before.with_changes(**changes).stored(), "amended_hash": content_hash(content)}
    if final is not None:
        plain = final.model_dump(mode="json", exclude_defaults=True, exclude={"original", "also"})
        changed |= {"final": plain, "final_hash": content_hash(final)}
    return Texts(stored.text_hash, **{name: changed[name] for name in many.TEXTS})


@kind(UNDOING)
def _undo(work: Work) -> Mapping[str, Any]:
    """Take an act back, some thousand records at a time."""
    workspace, act_id = work.workspace, work.parameters["act"]
    with workspace.read() as connection:
        bulk = acts.get(connection, act_id)
        total = work.done + _standing(connection, act_id)
    while True:
        with workspace.read() as connection:
            rows = acts.next_changed(connection, act_id, after=work.cursor or 0, limit=work.rows)
        if not rows:
            return _result(workspace, act_id)
        with work.chunk() as chunk:
            undo(chunk.connection, bulk, rows, now=workspace.clock())
            chunk.cursor = rows[-1].key
            chunk.done += len(rows)
            chunk.total = total


def _standing(connection: Connection, act_id: int) -> int:
    return sum(each.rows for each in acts.counts(connection, act_id) if each.state == "changed")
