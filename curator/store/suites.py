"""Frozen prompt suites, and the question whether a prompt belongs to one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from curator.errors import NotFoundError
from curator.quality.contamination import Firewall, GatePrompt
from curator.quality.fingerprint import prompt_hash
from curator.store.tables import suite, suite_prompt
from schemas.review import Prompt, Suite, SuiteSummary


def add(connection: Connection, new: Suite, *, at: datetime) -> None:
    """Store a suite unless its content is already there."""
    if connection.execute(select(suite.c.id).where(suite.c.id == new.id)).first() is not None:
        return
    connection.execute(insert(suite).values(id=new.id, name=new.name, purpose=new.purpose, created_at=at))
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
    return Suite(id=row["id"], name=row["name"], purpose=row["purpose"], prompts=prompts)


def summaries(connection: Connection) -> list[SuiteSummary]:
    """All suites, oldest first."""
    prompts = select(func.count()).where(suite_prompt.c.suite_id == suite.c.id).scalar_subquery()
    query = select(suite.c.id, suite.c.name, suite.c.purpose, prompts.label("prompts")).order_by(suite.c.created_at)
    return [SuiteSummary(**row) for row in connection.execute(query).mappings()]


def firewall(connection: Connection) -> Firewall:
    """Every prompt of every gate suite with its answers: what may never be trained on, in any wording."""
    query = select(suite.c.name, suite_prompt.c.content).join(suite, suite.c.id == suite_prompt.c.suite_id)
    query = query.where(suite.c.purpose == "gate").order_by(suite.c.created_at, suite_prompt.c.position)
    prompts = [(row.name, Prompt.model_validate(row.content)) for row in connection.execute(query)]
    return Firewall(GatePrompt(name, prompt.id, prompt.prompt, prompt.right_answers) for name, prompt in prompts)
