"""Feedback: a flagged output becomes a corrected record, back in the annotation queue.

An output of an explore suite goes back with one click: its prompt may train. The prompt of a gate suite may not, or the
next decision would be about memorised prompts; there the reviewer writes a variant of the prompt.
"""

from __future__ import annotations

from curator.access import require
from curator.errors import ReviewError
from curator.quality.contamination import holds_test_prompt
from curator.store import events, outputs, projects, records, runs, suites, versions
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind
from schemas.record import Message, Origin, Record

_PRIORITY = 10
"""Before ordinary records in the queue: a known weakness is worth more than another example."""


def may_return(workspace: Workspace, output_id: int) -> bool:
    """Whether the prompt of an output may become training data as it is."""
    with workspace.read() as connection:
        output = outputs.get(connection, output_id)
        return not holds_test_prompt(_record(output.prompt.messages, "x"), suites.prompt_hashes(connection))


def to_queue(
    workspace: Workspace,
    output_id: int,
    *,
    actor: str,
    corrected: str | None = None,
    instruction: str | None = None,
) -> str:
    """Id of the new record, which waits for an annotator with high priority.

    Args:
        workspace: Where the output is.
        output_id: A reviewed output.
        actor: Who sends it back.
        corrected: The right response; by default the reference, or else the output itself for the annotator to mend.
        instruction: A variant of the prompt; by default the prompt itself.

    Raises:
        ReviewError: The prompt stands in a gate suite, a text is empty, or the record is already known.
    """
    require(workspace, actor, Right.REVIEW)
    with workspace.write() as connection:
        output = outputs.get(connection, output_id)
        run = runs.get(connection, output.run_id)
        project = projects.by_id(connection, versions.get(connection, run.version_id).project_id)
        response = corrected if corrected is not None else output.prompt.reference or output.text
        messages = output.prompt.messages
        if instruction is not None:
            messages = (*messages[:-1], Message(role="user", content=instruction))
        if not messages[-1].content.strip() or not response.strip():
            raise ReviewError(
                "Instruction or response is empty.", hint="Write both; the annotator can still change them."
            )
        record = _record(messages, response)
        if holds_test_prompt(record, suites.prompt_hashes(connection)):
            raise ReviewError(
                "This prompt belongs to a gate suite, and test prompts never train.",
                hint="Write a variant of it that asks for the same ability in other words or with other facts.",
            )
        [record_id] = records.add_many(
            connection,
            [record],
            project=project,
            at=workspace.clock(),
            priority=_PRIORITY,
            parent_output_id=output.id,
        )
        if record_id is None:
            raise ReviewError("The same record is already there.", hint="Look for it in the queue.")
        detail = {"output": output.id, "run": run.id, "model": output.model, "text": output.text}
        events.append(connection, Kind.FEEDBACK, record_id, actor=actor, at=workspace.clock(), detail=detail)
    return record_id


def _record(messages: tuple[Message, ...], response: str) -> Record:
    return Record(messages=(*messages, Message(role="assistant", content=response)), origin=Origin(source="review"))
