"""Feedback: what reviewers find goes back to the data, and is followed until the next run answers for it.

A reviewer who judged an output writes what it should have said, says which of two responses is better, or names the
training record that taught it. The prompt of a gate suite may not train, in any wording, or the next decision would be
about memorised prompts: there the reviewer writes another prompt that asks for the same ability.
"""

from __future__ import annotations

from collections.abc import Sequence

from curator.access import require
from curator.annotate.ask_again import SENT_BACK, offer_anew
from curator.errors import ReviewError
from curator.quality.fingerprint import content_hash
from curator.review.detectors.base import Item
from curator.review.detectors.refusal import Refusal
from curator.review.sides import Side, side_of_target
from curator.review.stated import KINDS, of_system
from curator.store import (
    Connection,
    corrections,
    events,
    ledger,
    locks,
    outputs,
    projects,
    records,
    review_pairs,
    runs,
    suites,
    systems,
)
from curator.store import annotations as annotation_store
from curator.versions.nearest import nearest
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import RecordState
from schemas.event import Kind as EventKind
from schemas.event import PutBack
from schemas.feedback import Kind, Neighbour
from schemas.record import Message, Origin, Record
from schemas.review import Output, Verdict

_PRIORITY = 10
"""Before ordinary records in the queue: a known weakness is worth more than another example."""
_SETTLED = (RecordState.ACCEPTED, RecordState.REJECTED, RecordState.CONFLICT)


def output_behind(workspace: Workspace, pair_id: str, side: Side, *, reviewer: str) -> int:
    """Id of the output that a reviewer saw on one side of a pair; not to be shown to them.

    Raises:
        NotFoundError: There is no such pair.
        ReviewError: The pair has one output, which stands on side A.
    """
    require(workspace, reviewer, Right.REVIEW)
    with workspace.read() as connection:
        pair = review_pairs.get(connection, pair_id)
    if pair.other_id is None:
        if side == "B":
            raise ReviewError(f"Pair {pair_id} has one output.", hint="Name side a.")
        return pair.output_id
    return pair.output_id if side == side_of_target(workspace, pair_id, reviewer) else pair.other_id


def may_return(workspace: Workspace, output_id: int) -> bool:
    """Whether the prompt of an output may become training data as it is."""
    with workspace.read() as connection:
        output = outputs.get(connection, output_id)
        return suites.firewall(connection).match_record(_record(output.prompt.messages, "x")) is None


def to_queue(
    workspace: Workspace,
    output_id: int,
    *,
    actor: str,
    corrected: str | None = None,
    instruction: str | None = None,
    reason: str = "",
) -> str:
    """Store a corrected record, which waits for an annotator with high priority. Returns its id.

    Args:
        workspace: Where the output is.
        output_id: An output that a person judged, or one of an explore suite.
        actor: Who sends it back.
        corrected: The right response; by default the reference of the prompt.
        instruction: A variant of the prompt; by default the prompt itself.
        reason: Why, for the annotator.

    Raises:
        ReviewError: No person said what is wrong or right, the prompt or answer of a gate suite would train, the
            correction refuses a safe request, a text is empty, or the record is already known.
    """
    require(workspace, actor, Right.REVIEW)
    with workspace.write() as connection:
        output = outputs.get(connection, output_id)
        verdicts = _verdicts(connection, output)
        response = corrected if corrected is not None else output.prompt.reference
        if response is None and _is_defective(verdicts):
            response = output.text  # the annotator mends what the reviewer found wrong
        if response is None:
            raise ReviewError(
                "No reviewer found this output wrong, and no right answer is known.",
                hint="Judge it first, or write what it should have said.",
            )
        record = _record(_messages(output, instruction), response)
        _check(connection, output, record, verdicts)
        return _store(workspace, connection, Kind.CORRECTED, output, record, actor=actor, reason=reason)


def prefer(
    workspace: Workspace,
    output_id: int,
    *,
    actor: str,
    corrected: str | None = None,
    instruction: str | None = None,
    reason: str = "",
) -> str:
    """Store a preference pair with this output as the worse response. Returns the id of its record, which waits.

    Args:
        workspace: Where the output is.
        output_id: An output that a person found wrong.
        actor: Who sends it back.
        corrected: The better response; by default the output of the other model, if people found nothing wrong with it.
        instruction: A variant of the prompt that both responses answer; by default the prompt itself.
        reason: Why, for the annotator.

    Raises:
        ReviewError: The output was not found wrong, nothing better is known, or what `to_queue` refuses.
    """
    require(workspace, actor, Right.REVIEW)
    with workspace.write() as connection:
        output = outputs.get(connection, output_id)
        verdicts = _verdicts(connection, output)
        if not _is_defective(verdicts):
            raise ReviewError(
                "No reviewer found this output wrong, so it is not the worse one.", hint="Judge both outputs first."
            )
        chosen = corrected if corrected is not None else _better(connection, output)
        messages = _messages(output, instruction)
        if not chosen.strip() or chosen == output.text:
            raise ReviewError("The better response is empty or the same.", hint="Write what it should have said.")
        record = _record(messages, chosen, rejected=output.text)
        _check(connection, output, record, verdicts)
        return _store(workspace, connection, Kind.PREFERENCE, output, record, actor=actor, reason=reason)


def nearest_records(workspace: Workspace, output_id: int, *, reviewer: str, limit: int = 5) -> list[Neighbour]:
    """The training rows of the run's version that are most like an output: what may have taught it.

    None for a system that was not trained here.
    """
    require(workspace, reviewer, Right.REVIEW)
    with workspace.read() as connection:
        output = outputs.get(connection, output_id)
        system = systems.find(connection, output.system_id)
        version_id = runs.get(connection, system.run_id).version_id if system.run_id else None
    return [] if version_id is None else nearest(workspace, version_id, output.text, limit=limit)


def blame(workspace: Workspace, output_id: int, record_id: str, *, actor: str, reason: str) -> None:
    """Send a record that taught an output back to the annotators, before others; a record that waits is marked only.

    Args:
        workspace: Where both are.
        output_id: An output that a person found wrong.
        record_id: The record that taught it.
        actor: Who says so.
        reason: What is wrong with it; the annotators read it.

    Raises:
        ReviewError: No reason, the output was not found wrong, or the record is not one that annotators can answer.
        NotFoundError: There is no such record.
    """
    require(workspace, actor, Right.REVIEW)
    if not reason.strip():
        raise ReviewError("No reason stands beside the record.", hint="Say what is wrong with it, for the annotators.")
    with workspace.write() as connection:
        output = outputs.get(connection, output_id)
        if not _is_defective(_verdicts(connection, output)):
            raise ReviewError("No reviewer found this output wrong, so nothing taught it.", hint="Judge it first.")
        project_id = systems.find(connection, output.system_id).project_id
        locks.lock_record(connection, record_id)
        stored = records.get(connection, record_id)
        if stored.project_id != project_id or stored.state not in (*_SETTLED, RecordState.WAITING):
            raise ReviewError(
                f"Record {record_id} is {stored.state} and cannot be sent to annotators from here.",
                hint="A lead finds it under Records.",
            )
        now = workspace.clock()
        if stored.state in _SETTLED:
            answered = annotation_store.standing(connection, stored.id)
            offer_anew(connection, stored, answered, priority=SENT_BACK, at=now)
            put_back = PutBack(project=project_id, reason=reason, answers=tuple(each.id for each in answered))
            events.append(connection, EventKind.SEND_BACK, stored.id, actor=actor, at=now, detail=put_back)
        _remember(workspace, connection, Kind.TAUGHT, output, stored.id, actor=actor, reason=reason)


def _messages(output: Output, instruction: str | None) -> tuple[Message, ...]:
    messages = output.prompt.messages
    if instruction is None:
        return messages
    return (*messages[:-1], Message(role="user", content=instruction))


def _verdicts(connection: Connection, output: Output) -> Sequence[Verdict]:
    """What people say about an output; scripts do not speak for them."""
    entries = ledger.entries(connection, output.system_id, kinds=KINDS)
    return [verdict for verdict in of_system(entries).get(output.id, ()) if not verdict.by_script]


def _is_defective(verdicts: Sequence[Verdict]) -> bool:
    """Whether any reviewer found something wrong."""
    return any(verdict.judgement.defects for verdict in verdicts)


def _better(connection: Connection, output: Output) -> str:
    """The text of the other model's output to the same prompt, if people judged it and found nothing wrong."""
    same = outputs.of_system(connection, output.system_id, suite_id=output.suite_id)
    key = (output.prompt.id, output.sample)
    partner = next((o for o in same if (o.prompt.id, o.sample) == key and o.model != output.model), None)
    verdicts = [] if partner is None else _verdicts(connection, partner)
    if partner is None or not verdicts or _is_defective(verdicts):
        raise ReviewError(
            "The other output was not judged, or is not better.", hint="Write what the output should have said."
        )
    return partner.text


def _check(connection: Connection, output: Output, record: Record, verdicts: Sequence[Verdict]) -> None:
    """Refuse a record that must not train.

    Raises:
        ReviewError: As `to_queue` says.
    """
    response = record.messages[-1].content
    if not record.instruction.strip() or not response.strip():
        raise ReviewError("Instruction or response is empty.", hint="Write both; the annotator can still change them.")
    if output.prompt.category != "harm" and Refusal().judge(Item(record.instruction, response)).flag:
        raise ReviewError(
            "The correction refuses a request that is not harmful, and would teach just that.",
            hint="Write an answer that helps.",
        )
    match = suites.firewall(connection).match_record(record)
    if match is not None:
        what = "The answer to prompt" if match.is_answer else "Prompt"
        raise ReviewError(
            f"{what} {match.id} of gate suite {match.suite} stands in this record, and test prompts never train.",
            hint="Write a variant that asks for the same ability in other words and with other facts.",
        )
    if not verdicts and suites.get(connection, output.suite_id).purpose == "gate":
        raise ReviewError(
            "No person has judged this output, so nothing is known to be wrong with it.", hint="Judge it first."
        )


def _store(
    workspace: Workspace,
    connection: Connection,
    kind: Kind,
    output: Output,
    record: Record,
    *,
    actor: str,
    reason: str,
) -> str:
    system = systems.find(connection, output.system_id)
    [record_id] = records.add_many(
        connection,
        [record],
        project=projects.by_id(connection, system.project_id),
        at=workspace.clock(),
        priority=_PRIORITY,
        parent_output_id=output.id,
    )
    if record_id is None:
        [known] = records.of_hash(connection, system.project_id, {content_hash(record)}).values()
        if any((each.output_id, each.actor) == (output.id, actor) for each in corrections.about(connection, known)):
            return known  # the same wish, which came twice
        raise ReviewError("The same record is already there.", hint="Look for it in the queue.")
    _remember(workspace, connection, kind, output, record_id, actor=actor, reason=reason)
    return record_id


def _remember(
    workspace: Workspace,
    connection: Connection,
    kind: Kind,
    output: Output,
    record_id: str,
    *,
    actor: str,
    reason: str,
) -> None:
    """Keep what led to a record. Neither model nor side is named: a reviewer may read it before they are shown."""
    now = workspace.clock()
    corrections.add(connection, kind, output_id=output.id, record_id=record_id, reason=reason, actor=actor, at=now)
    detail = {"kind": kind.value, "output": output.id, "run": output.system_id, "text": output.text, "reason": reason}
    events.append(connection, EventKind.FEEDBACK, record_id, actor=actor, at=now, detail=detail)


def _record(messages: tuple[Message, ...], response: str, *, rejected: str | None = None) -> Record:
    worse = () if rejected is None else (Message(role="assistant", content=rejected),)
    chosen = (*messages, Message(role="assistant", content=response))
    return Record(messages=chosen, rejected=worse, origin=Origin(source="review"))
