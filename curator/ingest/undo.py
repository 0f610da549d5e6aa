"""Undoing an import: its records leave the queue as if they had not come, except those that were worked on."""

from __future__ import annotations

from curator.access import require
from curator.errors import IngestError
from curator.store import batches, events, projects, quarantine, tombstones
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind, of_import
from schemas.importing import UndoReport


def undo_import(workspace: Workspace, batch_id: int, *, actor: str) -> UndoReport:
    """Take the records of an import out of the queue, and its rows out of quarantine. Returns what was done.

    A record that an annotator holds, has answered, skipped, drafted, asked or written about stays, and one that another
    import brought too stands as that one brought it. Frozen versions are not touched. The same rows come back when they
    are imported again. Rows that no longer waited because they came in with this import wait again.

    Raises:
        IngestError: There is no such import, or it was undone before.
    """
    require(workspace, actor, Right.CURATE)
    at = workspace.clock()
    with workspace.write() as connection:
        batch = batches.find(connection, batch_id)
        if batch is None:
            raise IngestError(f"There is no import {batch_id}.", hint="List them with curator imports list.")
        owner = projects.by_id(connection, batch.project_id)
        projects.lock(connection, owner.id)  # the same content may come in at this moment
        if not batches.undo(connection, batch_id, actor=actor, at=at):
            raise IngestError(f"Import {batch_id} of {batch.file_name} was undone before.", hint="Import it again.")
        free, kept = tombstones.untouched(connection, batch_id)
        shared = tombstones.pass_on(connection, batch, project=owner)
        free, kept = ([each for each in some if each not in shared] for some in (free, kept))
        removed = tombstones.bury(connection, free, project_id=owner.id, at=at)
        waited = quarantine.end_of_import(connection, batch_id, actor=actor, at=at)
        reopened = quarantine.reopen(connection, batch_id)
        report = UndoReport(
            batch_id=batch_id, file_name=batch.file_name, removed=removed, kept=tuple(kept),
            shared=len(shared), quarantined=waited, reopened=reopened,
        )  # fmt: skip
        detail = report.model_dump(include={"removed", "shared", "quarantined", "reopened"}) | {"kept": len(kept)}
        events.append(connection, Kind.IMPORT_UNDONE, of_import(batch_id), actor=actor, at=at, detail=detail)
    return report
