"""Comments on records, for everybody who opens them."""

from __future__ import annotations

from curator.errors import AnnotationError
from curator.store import comments, events, records
from curator.workspace import Workspace
from schemas.annotation import Comment


def add(workspace: Workspace, record_id: str, text: str, *, author: str) -> tuple[Comment, ...]:
    """Every comment on a record, oldest first, after one was added.

    Raises:
        AnnotationError: The comment is empty.
        NotFoundError: There is no such record.
    """
    if not text.strip():
        raise AnnotationError("The comment is empty.", hint="Write something first.")
    with workspace.write() as connection:
        records.get(connection, record_id)
        now = workspace.clock()
        comments.add(connection, record_id, text, author=author, at=now)
        events.append(connection, "comment", record_id, actor=author, at=now)
        return comments.about(connection, record_id)
