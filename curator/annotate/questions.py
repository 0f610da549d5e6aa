"""Questions and guidelines of a project: changing them, and taking the newest change of questions back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, NoReturn

from curator.access import require
from curator.annotate import ask_again
from curator.annotate.change_plan import differences, plan, stands_above
from curator.errors import AnnotationError, NotFoundError
from curator.store import Connection, events, locks, projects, records, wordings
from curator.store import annotations as annotation_store
from curator.store.events import Event
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import Annotation
from schemas.event import AskedAgain, Kind, QuestionsChanged, of_project
from schemas.project import Project
from schemas.questions import Change, OptionMapping, QuestionSet

_AGAIN = 15
"""Priority of a record whose answers a breaking change has touched."""


def plan_change(
    workspace: Workspace, after: QuestionSet, *, project_id: int, mappings: Sequence[OptionMapping] = ()
) -> Change:
    """What a change of questions would do; nothing is stored.

    Raises:
        AnnotationError: A mapping names something that is not there.
    """
    with workspace.read() as connection:
        return plan(connection, projects.by_id(connection, project_id), after, mappings).change


def change_questions(
    workspace: Workspace,
    after: QuestionSet,
    *,
    project_id: int,
    actor: str,
    mappings: Sequence[OptionMapping] = (),
    expected: str | None = None,
) -> Change:
    """Store other questions, and ask the records again whose answers the change breaks. Returns the change.

    Earlier answers are never rewritten. A mapping is applied when they are read. A breaking change takes exactly the
    answers that it touches back, to be given again; their annotators find them as drafts. Records that are flagged or
    gold, or that a lead has decided, stay as they are.

    Args:
        workspace: Where the project is.
        after: The questions from now on.
        project_id: Of which project.
        actor: Who changes them.
        mappings: How values that are gone are read.
        expected: Hash of the questions that the change was made from, where another lead may have changed them.

    Raises:
        AnnotationError: A mapping names something that is not there, or the questions are not the expected ones.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        projects.lock(connection, project_id)
        project = projects.by_id(connection, project_id)
        if expected not in (None, wordings.questions_hash(project.questions)):
            raise AnnotationError(
                "Another lead has changed the questions meanwhile; this change was not made.",
                hint="Make it again from the questions as they are now.",
            )
        return _change(connection, project, after, mappings, actor=actor, at=workspace.clock())


def _change(
    connection: Connection,
    project: Project,
    after: QuestionSet,
    mappings: Sequence[OptionMapping],
    *,
    actor: str,
    at: datetime,
) -> Change:
    change, taken_back = plan(connection, project, after, mappings)
    wordings.keep(connection, project, actor=actor, at=at)
    changed = project.model_copy(update={"questions": after})
    projects.change(connection, changed)
    wordings.keep(connection, changed, actor=actor, at=at)
    number = events.append(
        connection,
        Kind.QUESTIONS,
        of_project(project.id),
        actor=actor,
        at=at,
        old_hash=wordings.questions_hash(project.questions),
        new_hash=wordings.questions_hash(after),
        detail=QuestionsChanged(**dict(change)),
    )
    for each in taken_back:
        _ask_again(connection, each.record_id, each.annotations, number=number, actor=actor, at=at)
    return change


class LastChange(NamedTuple):
    """The newest change of a project's questions."""

    actor: str
    at: datetime
    reasons: tuple[str, ...]
    waiting: int
    """Records that it asked again and that were not touched since."""


def last_change(workspace: Workspace, *, project_id: int) -> LastChange | None:
    """What `take_back_change` would take back; None when the questions were never changed."""
    with workspace.read() as connection:
        event = _newest_change(connection, project_id)
        if event is None:
            return None
        change = event.read(QuestionsChanged)
        return LastChange(event.actor, event.at, change.reasons, len(_untouched(connection, event.id)))


def take_back_change(workspace: Workspace, *, project_id: int, actor: str) -> int:
    """Ask the questions from before the newest change again. Returns how many records have their answers back.

    A record that the change had asked again and that was not touched since is as it was. Answers that were given to
    the changed questions are treated as in every change: the opposite mappings are applied.

    Raises:
        AnnotationError: The questions were never changed.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        projects.lock(connection, project_id)
        project = projects.by_id(connection, project_id)
        event = _newest_change(connection, project_id)
        before = None if event is None else wordings.questions_of(connection, project_id, event.old_hash or "")
        if event is None or before is None:
            raise AnnotationError("The questions were never changed.", hint="There is nothing to take back.")
        now = workspace.clock()
        asked = {each.subject for each in events.asked_again(connection, event.id)}
        locks.lock_queue_of(connection, asked)  # a claim on its way is in the log once the lock is ours
        untouched = _untouched(connection, event.id)
        opposite = _opposite(event.read(QuestionsChanged).mappings)
        _change(connection, project, before, opposite, actor=actor, at=now)
        project = projects.by_id(connection, project_id)
        for record_id, annotation_ids in sorted(untouched.items()):
            ask_again.let_stand(connection, record_id, annotation_ids, project=project)
            detail = {"project": project_id, "answers": annotation_ids}
            events.append(connection, Kind.STAND_AGAIN, record_id, actor=actor, at=now, detail=detail)
        return len(untouched)


def _newest_change(connection: Connection, project_id: int) -> Event | None:
    return events.newest(connection, of_project(project_id), (Kind.QUESTIONS,))


def _untouched(connection: Connection, change: int) -> dict[str, tuple[int, ...]]:
    """Answers that a change took back, by record, where nothing has happened since."""
    asked = events.asked_again(connection, change)
    last = events.last_of(connection, [each.subject for each in asked])
    return {each.subject: each.read(AskedAgain).answers for each in asked if last[each.subject] == each.id}


def _opposite(mappings: Sequence[OptionMapping]) -> list[OptionMapping]:
    """Mappings back; of options that were merged none, since it is not known which one was meant."""
    merged = Counter((each.question, each.new) for each in mappings)
    return [
        OptionMapping(question=each.question, old=each.new, new=each.old)
        for each in mappings
        if merged[each.question, each.new] == 1
    ]


def _ask_again(
    connection: Connection, record_id: str, taken: Sequence[Annotation], *, number: int, actor: str, at: datetime
) -> None:
    locks.lock_record(connection, record_id)
    standing = {each.id for each in annotation_store.standing(connection, record_id)}
    still = [each for each in taken if each.id in standing]  # else its annotator took it back while this was planned
    if not still or stands_above(connection, record_id):
        return
    stored = records.get(connection, record_id)
    ask_again.offer_anew(connection, stored, still, priority=_AGAIN, at=at)
    detail = AskedAgain(project=stored.project_id, change=number, answers=tuple(each.id for each in still))
    events.append(connection, Kind.ASK_AGAIN, record_id, actor=actor, at=at, detail=detail)


class Since(NamedTuple):
    """What changed in a project since an annotator opened a record."""

    reasons: tuple[str, ...]
    """One sentence per difference of the questions."""
    guideline_before: str
    guideline_now: str


def since(workspace: Workspace, *, project_id: int, questions_hash: str, guideline_hash: str) -> Since:
    """How questions and guideline differ from earlier ones, which their hashes name.

    Raises:
        NotFoundError: They were never shown in this project.
    """
    with workspace.read() as connection:
        project = projects.by_id(connection, project_id)
        asked, guideline = project.questions, project.guideline
        if questions_hash != wordings.questions_hash(asked):
            asked = wordings.questions_of(connection, project_id, questions_hash) or _missing()
        if guideline_hash != wordings.guideline_hash(guideline):
            known = wordings.guideline_of(connection, project_id, guideline_hash)
            guideline = _missing() if known is None else known
    reasons = tuple(each.text for each in differences(asked, project.questions))
    return Since(reasons, guideline, project.guideline)


def _missing() -> NoReturn:
    raise NotFoundError(
        "This project never asked these questions or had this guideline.", hint="Open the record again to see today's."
    )


def set_guideline(workspace: Workspace, guideline: str, *, project_id: int, actor: str) -> None:
    """Store a new text of the guideline; answers name the one that their annotator saw."""
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        projects.lock(connection, project_id)
        project = projects.by_id(connection, project_id)
        if guideline == project.guideline:
            return
        now = workspace.clock()
        wordings.keep(connection, project, actor=actor, at=now)
        changed = project.model_copy(update={"guideline": guideline})
        projects.change(connection, changed)
        wordings.keep(connection, changed, actor=actor, at=now)
        events.append(
            connection,
            Kind.GUIDELINE,
            of_project(project_id),
            actor=actor,
            at=now,
            old_hash=wordings.guideline_hash(project.guideline),
            new_hash=wordings.guideline_hash(guideline),
        )
