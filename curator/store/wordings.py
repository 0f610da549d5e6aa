"""Every guideline and every set of questions that annotators ever saw, by content hash; answers name them.

One row per text, however often it came back; the log says in which order, with the mappings.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

import orjson
from sqlalchemy import Connection, select

from curator.store.engine import insert_or_ignore
from curator.store.tables import wording
from schemas.project import Project
from schemas.questions import STORED, QuestionSet


def questions_hash(questions: QuestionSet) -> str:
    """sha256 of a set of questions, 64 hex digits."""
    content = questions.model_dump(mode="json")
    return hashlib.sha256(b"questions:" + orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def guideline_hash(guideline: str) -> str:
    """sha256 of a guideline, 64 hex digits."""
    return hashlib.sha256(b"guideline:" + guideline.encode()).hexdigest()


def keep(connection: Connection, project: Project, *, actor: str, at: datetime) -> None:
    """Remember the present questions and guideline of a project; what is known already is left as it is."""
    rows = [
        (questions_hash(project.questions), "questions", project.questions.model_dump(mode="json")),
        (guideline_hash(project.guideline), "guideline", project.guideline),
    ]
    for key, kind, content in rows:
        values = {
            "project_id": project.id, "hash": key, "kind": kind, "content": content,
            "actor": actor, "at": at,
        }  # fmt: skip
        connection.execute(insert_or_ignore(wording, connection.dialect).values(values))


def is_known(connection: Connection, project_id: int, *hashes: str) -> bool:
    """Whether every one of these texts was kept before."""
    query = select(wording.c.hash).where(wording.c.project_id == project_id, wording.c.hash.in_(hashes))
    return len(connection.execute(query).all()) == len(set(hashes))


def questions_of(connection: Connection, project_id: int, key: str) -> QuestionSet | None:
    """The questions with this hash."""
    query = select(wording.c.content).where(
        wording.c.project_id == project_id, wording.c.hash == key, wording.c.kind == "questions"
    )
    content = connection.execute(query).scalar()
    return None if content is None else QuestionSet.model_validate(content, context=STORED)


def guideline_of(connection: Connection, project_id: int, key: str) -> str | None:
    """The guideline with this hash."""
    query = select(wording.c.content).where(
        wording.c.project_id == project_id, wording.c.hash == key, wording.c.kind == "guideline"
    )
    content = connection.execute(query).scalar()
    return None if content is None else str(content)
