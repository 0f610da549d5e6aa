"""Feedback: a bad output becomes a corrected record, back in the annotation queue.

An output of an explore suite goes back with one click: its prompt may train. The prompt of a gate suite may not, in
any wording, or the next decision would be about memorised prompts; there the reviewer writes another prompt that asks
for the same ability.
"""

from __future__ import annotations

from curator.access import require
from curator.errors import ReviewError
from curator.review.detectors.base import Item
from curator.review.detectors.refusal import Refusal
from curator.review.stated import KINDS, of_system
from curator.store import Connection, events, ledger, outputs, projects, records, suites, systems
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind
from schemas.record import Message, Origin, Record
from schemas.review import Output

_PRIORITY = 10
"""Before ordinary records in the queue: a known weakness is worth more than another example."""


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
) -> str:
    """Store a corrected record, which waits for an annotator with high priority. Returns its id.

    Args:
        workspace: Where the output is.
        output_id: An output that a reviewer found a defect in, or one of an explore suite with a correction.
        actor: Who sends it back.
        corrected: The right response; by default the reference of the prompt.
        instruction: A variant of the prompt; by default the prompt itself.

    Raises:
        ReviewError: No reviewer said what is wrong or right, the prompt or answer of a gate suite would train, the
            correction refuses a safe request, a text is empty, or the record is already known.
    """
    require(workspace, actor, Right.REVIEW)
    with workspace.write() as connection:
        output = outputs.get(connection, output_id)
        system = systems.find(connection, output.system_id)
        response = corrected if corrected is not None else output.prompt.reference
        if response is None and _is_defective(connection, output):
            response = output.text  # the annotator mends what the reviewer found wrong
        if response is None:
            raise ReviewError(
                "No reviewer found this output wrong, and no right answer is known.",
                hint="Judge it first, or write what it should have said.",
            )
        messages = output.prompt.messages
        if instruction is not None:
            messages = (*messages[:-1], Message(role="user", content=instruction))
        if not messages[-1].content.strip() or not response.strip():
            raise ReviewError(
                "Instruction or response is empty.", hint="Write both; the annotator can still change them."
            )
        if output.prompt.category != "harm" and Refusal().judge(Item(messages[-1].content, response)).flag:
            raise ReviewError(
                "The correction refuses a request that is not harmful, and would teach just that.",
                hint="Write an answer that helps.",
            )
        record = _record(messages, response)
        match = suites.firewall(connection).match_record(record)
        if match is not None:
            what = "The answer to prompt" if match.is_answer else "Prompt"
            raise ReviewError(
                f"{what} {match.id} of gate suite {match.suite} stands in this record, and test prompts never train.",
                hint="Write a variant that asks for the same ability in other words and with other facts.",
            )
        [record_id] = records.add_many(
            connection,
            [record],
            project=projects.by_id(connection, system.project_id),
            at=workspace.clock(),
            priority=_PRIORITY,
            parent_output_id=output.id,
        )
        if record_id is None:
            raise ReviewError("The same record is already there.", hint="Look for it in the queue.")
        detail = {"output": output.id, "run": system.id, "model": output.model, "text": output.text}
        events.append(connection, Kind.FEEDBACK, record_id, actor=actor, at=workspace.clock(), detail=detail)
    return record_id


def _is_defective(connection: Connection, output: Output) -> bool:
    """Whether any reviewer found something wrong with an output."""
    entries = ledger.entries(connection, output.system_id, kinds=KINDS)
    return any(verdict.judgement.defects for verdict in of_system(entries).get(output.id, ()))


def _record(messages: tuple[Message, ...], response: str) -> Record:
    return Record(messages=(*messages, Message(role="assistant", content=response)), origin=Origin(source="review"))
