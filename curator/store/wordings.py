"""Every guideline and every set of questions that annotators ever saw, by content hash; answers name them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import orjson
from pydantic import JsonValue
from sqlalchemy import Connection, select

from curator.store.engine import insert_or_ignore
from curator.store.tables import wording
from schemas.project import Project
from schemas.questions import STORED, Mapping, QuestionSet


class Wording(NamedTuple):
    """One text or set of questions, with its history."""

    hash: str
    kind: str
    """`guideline` or `questions`."""
    content: JsonValue
    mappings: tuple[Mapping, ...]
    """How answers to the set before it are read."""
    actor: str
    at: datetime


def questions_hash(questions: QuestionSet) -> str:
    """sha256 of a set of questions, 64 hex digits."""
    content = questions.model_dump(mode="json")
    return hashlib.sha256(b"questions:" + orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def guideline_hash(guideline: str) -> str:
    """sha256 of a guideline, 64 hex digits."""
    return hashlib.sha256(b"guideline:" + guideline.encode()).hexdigest()


def keep(
    connection: Connection, project: Project, *, actor: str, at: datetime, mappings: Sequence[Mapping] = ()
) -> None:
    """Remember the present questions and guideline of a project; what is known already is left as it is."""
    rows = [
        (questions_hash(project.questions), "questions", project.questions.model_dump(mode="json"), mappings),
        (guideline_hash(project.guideline), "guideline", project.guideline, ()),
    ]
    for key, kind, content, read_as in rows:
        values = {
            "project_id": project.id, "hash": key, "kind": kind, "content": content,
            "mappings": [each.model_dump() for each in read_as], "actor": actor, "at": at,
        }  # fmt: skip
        connection.execute(insert_or_ignore(wording, connection.dialect).values(values))


def history(connection: Connection, project_id: int) -> list[Wording]:
    """Everything that was ever asked in a project, oldest first."""
    query = select(wording).where(wording.c.project_id == project_id).order_by(wording.c.at, wording.c.hash)
    return [
        Wording(
            row["hash"],
            row["kind"],
            row["content"],
            tuple(Mapping.model_validate(each) for each in row["mappings"]),
            row["actor"],
            row["at"],
        )
        for row in connection.execute(query).mappings()
    ]


def is_known(connection: Connection, project_id: int, *hashes: str) -> bool:
    """Whether every one of these texts was kept before."""
    query = select(wording.c.hash).where(wording.c.project_id == project_id, wording.c.hash.in_(hashes))
    return len(connection.execute(query).all()) == len(set(hashes))


def questions_of(connection: Connection, project_id: int, key: str) -> QuestionSet | None:
    """The questions with this hash."""
    query = select(wording.c.content).where(
        wording.c.project_id == project_id, wording.c.hash == key, wording.c.kind == "questions"
    )
    found = connection.execute(query).scalar()
    return None if found is None else QuestionSet.model_validate(found, context=STORED)
