"""Topics of a project: counted, stored for filters and pages, and shown with what became of their records."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from curator.access import require
from curator.curate import text_space
from curator.curate.text_space import TextSpace
from curator.store import projects
from curator.store import topics as topic_store
from curator.store.topics import NewTopic
from curator.workspace import Workspace
from schemas.account import Right
from schemas.topic import TopicReport

_EXAMPLES = 3
_ROWS = 5_000
"""Written with the write lock held, which takes some hundredths of a second."""


def report(workspace: Workspace, *, project: str | None = None) -> TopicReport:
    """The topics of a project as they were counted last, with what became of their records since.

    Args:
        workspace: Where the records are.
        project: Name; by default the first one.
    """
    with workspace.read() as connection:
        meant = projects.by_name(connection, project)
        shown = topic_store.shown(connection, meant.id)
        total = topic_store.count_records(connection, meant.id)
        at = topic_store.counted_at(connection, meant.id)
    without = total - sum(each.records for each in shown)
    return TopicReport(project=meant.name, topics=tuple(shown), records=total, without=without, counted_at=at)


def count(
    workspace: Workspace,
    *,
    project: str | None = None,
    topics: int | None = None,
    actor: str,
    progress: Callable[[int, int], None] | None = None,
) -> TopicReport:
    """Count the topics of a project anew and store which record has which. Returns the report.

    Until the last step pages and filters show the topics that were counted before; one that is killed changes nothing.

    Args:
        workspace: Where the records are.
        project: Name; by default the first one.
        topics: How many; by default with the square root of the number of records.
        actor: Who asks.
        progress: Told how many of how many records are done.

    Raises:
        CurationError: The project has no records, or another process counts them now.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.read() as connection:
        meant = projects.by_name(connection, project)
    with text_space.alone(workspace, meant):
        _remove_old(workspace, meant.id)
        space = text_space.count(workspace, meant, topic_count=topics, progress=progress)
        with workspace.write() as connection:
            ids = topic_store.add(connection, meant.id, _new_topics(space), at=workspace.clock())
        placed = np.flatnonzero(space.topic_of >= 0)
        for start in range(0, len(placed), _ROWS):
            some = placed[start : start + _ROWS]
            with workspace.write() as connection:
                topic_store.assign(
                    connection,
                    [
                        (ids[topic], str(record_id), text_hash.ljust(32, b"\0"))
                        for topic, record_id, text_hash in zip(
                            space.topic_of[some].tolist(), space.ids[some].tolist(), space.hashes[some].tolist(),
                            strict=True,
                        )
                    ],
                )  # fmt: skip
        with workspace.write() as connection:
            topic_store.show(connection, meant.id, ids)
        _remove_old(workspace, meant.id)
    return report(workspace, project=meant.name)


def _remove_old(workspace: Workspace, project_id: int) -> None:
    removed = _ROWS
    while removed == _ROWS:
        with workspace.write() as connection:
            removed = topic_store.remove_old(connection, project_id, most=_ROWS)


def _new_topics(space: TextSpace) -> list[NewTopic]:
    """Every topic with the records closest to its centre."""
    closest: list[list[tuple[float, bytes, int]]] = [[] for _ in space.topics.terms]
    for start in range(0, len(space.ids), 50_000):
        block = np.asarray(space.vectors[start : start + 50_000], np.float32)
        topic_of = space.topic_of[start : start + 50_000]
        for topic, centre in enumerate(space.topics.centres):
            members = np.flatnonzero(topic_of == topic)
            likeness = block[members] @ centre
            for place in np.argsort(-likeness, kind="stable")[: 4 * _EXAMPLES].tolist():
                row = start + int(members[place])
                found = (-round(float(likeness[place]), 4), bytes(space.hashes[row]), int(space.ids[row]))
                closest[topic].append(found)
    return [
        NewTopic(space.topics.name(n), terms, tuple(str(id) for *_, id in sorted(closest[n])[:_EXAMPLES]))
        for n, terms in enumerate(space.topics.terms)
    ]
