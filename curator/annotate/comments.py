"""Comments on records, for all who open them: leads every one, annotators those that they have or had."""

from __future__ import annotations

from curator.access import has_right, require
from curator.annotate.tasks import require_had
from curator.errors import AnnotationError
from curator.store import comments, events, records
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import Comment
from schemas.event import Kind


def add(workspace: Workspace, record_id: str, text: str, *, author: str, key: str | None = None) -> tuple[Comment, ...]:
    """Add a comment to a record. Returns every comment on it, oldest first.

    Args:
        workspace: Where to store.
        record_id: What the comment is about.
        text: The comment.
        author: Whose.
        key: Random, from the sender: a comment that arrives again with the same key is stored once.

    Raises:
        AccessError: The author is below a lead and never had the record.
        AnnotationError: The comment is empty.
        NotFoundError: There is no such record.
    """
    require(workspace, author, Right.ANNOTATE)
    if not text.strip():
        raise AnnotationError("The comment is empty.", hint="Write something first.")
    reads_all = has_right(workspace, author, Right.CURATE)
    with workspace.write() as connection:
        record_id = records.get(connection, record_id).id
        if not reads_all:
            require_had(connection, record_id, author)
        now = workspace.clock()
        if comments.add(connection, record_id, text, author=author, at=now, key=key):
            events.append(connection, Kind.COMMENT, record_id, actor=author, at=now)
        return comments.about(connection, record_id)
