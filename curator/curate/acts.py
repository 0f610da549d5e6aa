"""What each bulk act does to a few thousand records, and how it is taken back: inside one transaction of the caller.

The usual case is asked of the database in a few statements for all records. What differs from it (a text of its own,
answers that stand, a slot that was withdrawn before) is looked at record by record, and kept with the act.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from curator.annotate.ask_again import SENT_BACK, offer_anew
from curator.annotate.renamed_options import present_answers
from curator.annotate.settle import final_of, judges_the_record
from curator.annotate.totals import count_answer
from curator.store import Connection, acts, many, projects, records, slots
from curator.store import annotations as annotation_store
from curator.store.acts import Moment, Row
from curator.store.many import Locked
from schemas.act import (
    Accept,
    Assign,
    BulkAct,
    Flag,
    LeftOut,
    Mask,
    Reject,
    Replace,
    ReReview,
    SendBack,
    SetGroup,
    SetLicence,
    Tag,
)
from schemas.amendment import Amendment
from schemas.annotation import Answer, RecordState
from schemas.audience import ANYBODY, Audience, person_audience, pool_audience

_BESIDE = (Tag, SetGroup, SetLicence, Assign)
"""Acts that change nothing of what an annotator who has the record open sees or answers."""
_SETTLED = (RecordState.ACCEPTED, RecordState.REJECTED, RecordState.CONFLICT)
_STATE_AFTER: dict[type, RecordState] = {
    Accept: RecordState.ACCEPTED, Reject: RecordState.REJECTED, Flag: RecordState.FLAGGED,
    SendBack: RecordState.WAITING, ReReview: RecordState.WAITING,
}  # fmt: skip

Rewritten = Mapping[int, "Texts | LeftOut"]
"""What a text act makes of each record, or why it leaves it as it is."""


class Texts(NamedTuple):
    """What a text act makes of one record."""

    read: str
    """Hash of the text that it read."""
    amended: dict[str, Any] | None
    amended_hash: str | None
    final: dict[str, Any] | None
    final_hash: str | None


class Few(NamedTuple):
    """A few thousand records that an act changes now."""

    connection: Connection
    bulk: BulkAct
    locked: Mapping[int, Locked]
    """Those that it may change, by key."""
    last_event: int
    now: datetime
    rewritten: Rewritten

    @property
    def project_id(self) -> int:
        """Theirs."""
        return self.bulk.project_id

    def keep(self, key: int, before: dict[str, Any] | None = None) -> Row:
        """A record as it is now, with what differs from the usual case."""
        return Row(key, self.locked[key].state.value, before, self.last_event)


def do(
    connection: Connection,
    bulk: BulkAct,
    keys: Sequence[int],
    *,
    since: Moment,
    now: datetime,
    rewritten: Rewritten | None = None,
) -> None:
    """Act on a few thousand records, and keep what they were.

    Args:
        connection: An open writing transaction.
        bulk: The act.
        keys: Of the records, ascending.
        since: When they were chosen; what was changed behind that is left as it is.
        now: Present time.
        rewritten: Of an act on texts.
    """
    locked = many.lock(connection, keys, project_id=bulk.project_id, now=now)
    touched = acts.touched(connection, keys, since, but=bulk.id)
    out = {}
    for key in keys:
        why = _reason(bulk, locked.get(key), is_touched=key in touched)
        if why is not None:
            out[key] = why
    fitting = {key: locked[key] for key in keys if key not in out}
    few = Few(connection, bulk, fitting, acts.last_event(connection), now, rewritten or {})
    out |= _DO[type(bulk.act)](few)
    acts.keep_left_out(connection, bulk.id, out)


def _reason(bulk: BulkAct, locked: Locked | None, *, is_touched: bool) -> LeftOut | None:
    """Why no act may change a record now."""
    if locked is None or locked.is_gone:
        return LeftOut.GONE
    if is_touched:
        return LeftOut.CHANGED
    if isinstance(bulk.act, _BESIDE):
        return None
    if locked.state is RecordState.GOLD:
        return LeftOut.GOLD
    return LeftOut.CLAIMED if locked.is_held and not isinstance(bulk.act, ReReview) else None


def _settle(few: Few) -> dict[int, LeftOut]:
    """Accept, reject or flag."""
    connection, target = few.connection, _STATE_AFTER[type(few.bulk.act)]
    accepts = target is RecordState.ACCEPTED
    out: dict[int, LeftOut] = {}
    for key, each in few.locked.items():
        if each.state is target:
            out[key] = LeftOut.SAME
        elif accepts and each.state is RecordState.CONFLICT:
            out[key] = LeftOut.DISAGREEMENT
    keys = [key for key in few.locked if key not in out]
    answered = many.answered(connection, keys) if accepts else set()
    waiting = [key for key in keys if few.locked[key].state is RecordState.WAITING]
    unusual = many.withdrawn(connection, waiting) | answered
    unusual |= {key for key in keys if few.locked[key].has_final}
    unusual |= {key for key in keys if few.locked[key].slots and few.locked[key].state is not RecordState.WAITING}
    _keep_whole(few, sorted(unusual))
    usual = [key for key in keys if key not in unusual]
    acts.keep_changed(connection, few.bulk.id, usual, last_event=few.last_event)
    plain = [key for key in keys if key not in answered]
    many.settle(connection, plain, target, project_id=few.project_id, was=_states(few, plain))
    for key in sorted(answered):
        _accept_as_answered(connection, key)
    return out


def _accept_as_answered(connection: Connection, key: int) -> None:
    """Accept a record with the newest text that a person gave it."""
    stored = records.get(connection, str(key))
    project = projects.by_id(connection, stored.project_id)
    standing = present_answers(connection, project, annotation_store.standing(connection, stored.id))
    judging = [each for each in standing if judges_the_record(each, project.questions)]
    slots.withdraw(connection, stored.id)
    final = final_of(stored.content, judging[-1]) if judging else None
    records.set_state(connection, stored, RecordState.ACCEPTED, final=final)


def _states(few: Few, keys: Iterable[int]) -> Counter[RecordState]:
    return Counter(few.locked[key].state for key in keys)


def _keep_whole(few: Few, keys: Sequence[int]) -> None:
    """Keep all that records are now: texts and slots."""
    if not keys:
        return
    texts, theirs = many.texts(few.connection, keys), many.slots_of(few.connection, keys)
    rows = (few.keep(key, {"texts": texts[key], "slots": theirs[key]}) for key in keys)
    acts.keep_rows(few.connection, few.bulk.id, rows)


def _amend(few: Few) -> dict[int, LeftOut]:
    """Tag, or set group or licence."""
    connection, act = few.connection, few.bulk.act
    keys = list(few.locked)
    amended = many.amendments(connection, [key for key in keys if few.locked[key].is_amended])
    changes = _changes_beside(act)
    changed: dict[str, tuple[dict[str, Any], list[int]]] = {}
    out = {}
    for key in keys:
        before = amended.get(key)
        after = (Amendment() if before is None else Amendment.model_validate(before)).with_changes(**changes).stored()
        if after == before:
            out[key] = LeftOut.SAME
        else:
            changed.setdefault(repr(sorted(after.items())), (after, []))[1].append(key)
    usual = [key for key in keys if key not in out and key not in amended]
    acts.keep_changed(connection, few.bulk.id, usual, last_event=few.last_event)
    unusual = [key for key in keys if key not in out and key in amended]
    acts.keep_rows(connection, few.bulk.id, (few.keep(key, {"amended": amended[key]}) for key in unusual))
    for after, alike in changed.values():
        many.amend(connection, alike, after)
    return out


def _changes_beside(act: object) -> dict[str, Any]:
    if isinstance(act, Tag):
        return {"labels": dict(act.labels)}
    return {"group": act.group} if isinstance(act, SetGroup) else {"licence": act.licence}  # type: ignore[attr-defined]


def _assign(few: Few) -> dict[int, LeftOut]:
    audience = audience_of(few.bulk.act)
    apart = many.kept_apart(few.connection, list(few.locked))
    out = {}
    for key, each in few.locked.items():
        free = [slot for slot in each.slots if slot.state == "open"]
        if not free:
            out[key] = LeftOut.SETTLED if not each.slots else LeftOut.CLAIMED
        elif all(slot.audience == audience.key for slot in free):
            out[key] = LeftOut.SAME
    keys = [key for key in few.locked if key not in out]
    usual = [key for key in keys if key not in apart]
    acts.keep_changed(few.connection, few.bulk.id, usual, last_event=few.last_event)
    rows = (few.keep(key, {"audiences": [list(pair) for pair in apart[key].items()]}) for key in keys if key in apart)
    acts.keep_rows(few.connection, few.bulk.id, rows)
    many.give(few.connection, keys, audience)
    return out


def audience_of(act: object) -> Audience:
    """For whom an act keeps records."""
    assert isinstance(act, Assign)
    if act.pool is not None:
        return pool_audience(act.pool)
    return ANYBODY if act.person is None else person_audience(act.person)


def _send_back(few: Few) -> dict[int, LeftOut]:
    connection = few.connection
    out = {key: LeftOut.UNSETTLED for key, each in few.locked.items() if each.state not in _SETTLED}
    keys = [key for key in few.locked if key not in out]
    texts, theirs = many.texts(connection, keys), many.slots_of(connection, keys)
    for key in keys:
        stored = records.get(connection, str(key))
        answered = annotation_store.standing(connection, stored.id)
        drafts = {each.annotator: annotation_store.draft_of(connection, stored.id, each.annotator) for each in answered}
        before = {
            "texts": texts[key], "slots": theirs[key], "answers": [each.id for each in answered],
            "drafts": {name: each.answer.model_dump(mode="json") for name, each in drafts.items() if each is not None},
        }  # fmt: skip
        acts.keep_rows(connection, few.bulk.id, [few.keep(key, before)])
        offer_anew(connection, stored, answered, priority=SENT_BACK, at=few.now)
    return out


def _ask_for_more(few: Few) -> dict[int, LeftOut]:
    act = few.bulk.act
    assert isinstance(act, ReReview)
    may = (*_SETTLED, RecordState.WAITING)
    out = {key: LeftOut.UNSETTLED for key, each in few.locked.items() if each.state not in may}
    keys = [key for key in few.locked if key not in out]
    texts, theirs = many.texts(few.connection, keys), many.slots_of(few.connection, keys)
    rows = (few.keep(key, {"texts": texts[key], "only": [each[0] for each in theirs[key]]}) for key in keys)
    acts.keep_rows(few.connection, few.bulk.id, rows)
    settled = [key for key in keys if few.locked[key].state is not RecordState.WAITING]
    many.settle(few.connection, settled, RecordState.WAITING, project_id=few.project_id, was=_states(few, settled))
    many.ask_for_more(few.connection, keys, act.reviews, project_id=few.project_id)
    return out


def _rewrite(few: Few) -> dict[int, LeftOut]:
    """Replace or mask: what was worked out before the transaction, where the text is still the one that was read."""
    connection = few.connection
    out: dict[int, LeftOut] = {}
    now = many.text_hashes(connection, list(few.locked))
    changed: dict[int, dict[str, Any]] = {}
    for key in few.locked:
        made = few.rewritten.get(key, LeftOut.GONE)
        if isinstance(made, LeftOut):
            out[key] = made
        elif made.read != now[key]:
            out[key] = LeftOut.CHANGED
        else:
            changed[key] = {name: getattr(made, name) for name in many.TEXTS}
    before = many.texts(connection, list(changed))
    rows = (few.keep(key, {"texts": before[key]}) for key in changed)
    acts.keep_rows(connection, few.bulk.id, rows)
    many.set_texts(connection, changed)
    return out


_DO: dict[type, Callable[[Few], dict[int, LeftOut]]] = {
    Accept: _settle, Reject: _settle, Flag: _settle, Tag: _amend, SetGroup: _amend, SetLicence: _amend,
    Assign: _assign, SendBack: _send_back, ReReview: _ask_for_more, Replace: _rewrite, Mask: _rewrite,
}  # fmt: skip


def undo(connection: Connection, bulk: BulkAct, rows: Sequence[Row], *, now: datetime) -> None:
    """Let a few thousand records be what they were before an act; what people did since stays, and is noted.

    Args:
        connection: An open writing transaction.
        bulk: The act.
        rows: Its rows, by ascending key.
        now: Present time.
    """
    keys = [row.key for row in rows]
    locked = many.lock(connection, keys, project_id=bulk.project_id, now=now)
    touched: set[int] = set()
    for last, alike in groupby(rows, key=lambda row: row.last_event):
        some = [row.key for row in alike]
        touched |= acts.touched(connection, some, Moment(last, bulk.id), but=bulk.id, with_undone=False)
    kept = {}
    for row in rows:
        why = _reason_to_keep(bulk, row, locked.get(row.key), is_touched=row.key in touched)
        if why is None and not _drafts_stand(connection, row):
            why = LeftOut.CHANGED
        if why is not None:
            kept[row.key] = why
    free = [row for row in rows if row.key not in kept]
    _put_back_usual(connection, bulk, [row for row in free if row.before is None])
    for row in free:
        if row.before is not None:
            _put_back(connection, bulk, row, locked[row.key].state)
    acts.mark_undone(connection, bulk.id, [row.key for row in free])
    acts.mark_kept(connection, bulk.id, kept)


def _reason_to_keep(bulk: BulkAct, row: Row, locked: Locked | None, *, is_touched: bool) -> LeftOut | None:
    if locked is None or locked.is_gone:
        return LeftOut.GONE
    after = _STATE_AFTER.get(type(bulk.act))
    if is_touched or (after is not None and locked.state is not after):
        return LeftOut.CHANGED
    held = [each for each in locked.slots if each.is_held]
    if isinstance(bulk.act, Assign):
        held = [each for each in held if each.audience == audience_of(bulk.act).key]
    elif isinstance(bulk.act, ReReview):
        held = [each for each in held if each.id not in (row.before or {})["only"]]
    elif isinstance(bulk.act, _BESIDE):
        held = []
    return LeftOut.CLAIMED if held else None


def _drafts_stand(connection: Connection, row: Row) -> bool:
    """Whether the drafts that sending a record back made are still what their annotators had submitted."""
    for annotation_id in (row.before or {}).get("answers", ()):
        annotation, _slot = annotation_store.get(connection, annotation_id)
        draft = annotation_store.draft_of(connection, str(row.key), annotation.annotator)
        if draft is None or draft.answer != annotation.answer:
            return False
    return True


def _put_back_usual(connection: Connection, bulk: BulkAct, rows: Sequence[Row]) -> None:
    keys = [row.key for row in rows]
    if not rows:
        return
    if isinstance(bulk.act, Assign):
        many.give(connection, keys, ANYBODY)
    elif isinstance(bulk.act, _BESIDE):
        many.amend(connection, keys, None)
    else:
        since = _STATE_AFTER[type(bulk.act)]
        for was in sorted({row.was for row in rows if row.was is not None}):
            some = [row.key for row in rows if row.was == was]
            many.unsettle(connection, some, RecordState(was), project_id=bulk.project_id, since=since)


def _put_back(connection: Connection, bulk: BulkAct, row: Row, state: RecordState) -> None:
    before = row.before or {}
    was = RecordState(row.was) if row.was is not None else state
    if "amended" in before:
        many.amend(connection, [row.key], before["amended"])
    if "audiences" in before:
        many.give(connection, [row.key], ANYBODY)
        many.give_slots(connection, dict(before["audiences"]))
    if "texts" in before:
        many.set_texts(connection, {row.key: before["texts"]})
    if "slots" in before:
        many.restore_slots(connection, row.key, before["slots"])
    if "only" in before:
        many.remove_slots(connection, row.key, but=before["only"])
    for annotation_id in before.get("answers", ()):
        annotation_store.mark_standing(connection, annotation_id)
        annotation, _slot = annotation_store.get(connection, annotation_id)
        count_answer(connection, bulk.project_id, annotation, None, sign=1)
        annotation_store.drop_draft(connection, annotation.record_id, annotation.annotator)
    for name, answer in before.get("drafts", {}).items():
        at = bulk.at
        annotation_store.save_draft(connection, str(row.key), name, Answer.model_validate(answer), at=at)
    if was is not state:
        many.move(connection, [row.key], was, project_id=bulk.project_id, was={state: 1})
