"""Frozen prompt suites, and the question whether a prompt belongs to one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select

from curator.errors import NotFoundError
from curator.quality.fingerprint import prompt_hash
from curator.store.tables import suite, suite_prompt
from schemas.review import Prompt, Suite


def add(connection: Connection, new: Suite, *, at: datetime) -> None:
    """Store a suite unless its content is already there."""
    if connection.execute(select(suite.c.id).where(suite.c.id == new.id)).first() is not None:
        return
    connection.execute(insert(suite).values(id=new.id, name=new.name, created_at=at))
    rows = [
        {"suite_id": new.id, "position": i, "prompt_hash": prompt_hash(p.prompt), "content": p.model_dump(mode="json")}
        for i, p in enumerate(new.prompts)
    ]
    connection.execute(insert(suite_prompt), rows)


def get(connection: Connection, name_or_id: str) -> Suite:
    """A suite by its name or id.

    Raises:
        NotFoundError: There is none.
    """
    row = (
        connection.execute(select(suite).where((suite.c.id == name_or_id) | (suite.c.name == name_or_id)))
        .mappings()
        .first()
    )
    if row is None:
        raise NotFoundError(f"There is no suite {name_or_id}.", hint="Add one from a JSONL file of prompts.")
    query = select(suite_prompt.c.content).where(suite_prompt.c.suite_id == row["id"]).order_by(suite_prompt.c.position)
    prompts = tuple(Prompt.model_validate(content) for content in connection.execute(query).scalars())
    return Suite(id=row["id"], name=row["name"], prompts=prompts)


def names(connection: Connection) -> list[str]:
    """Names of all suites, oldest first."""
    return list(connection.execute(select(suite.c.name).order_by(suite.c.created_at)).scalars())


def prompt_hashes(connection: Connection) -> frozenset[str]:
    """`prompt_hash` of every prompt in every suite: what may never be trained on."""
    return frozenset(connection.execute(select(suite_prompt.c.prompt_hash)).scalars())
